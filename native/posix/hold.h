// Keeping bindings alive while their boxes idle: a shared lock on the parent directory, which
// systemd-tmpfiles honours, and fresh timestamps on the links, which every cleaner looks at.
#pragma once

#include <stdint.h>

#include "binding.h"
#include "fd.h"
#include "paths.h"
#include "status.h"

namespace boxsockets {

// Ensures the binding, and takes a shared flock on its parent, waiting for it: a cleaner itself
// holds an exclusive one for a moment. `out` is a parent in which the binding is right.
Status HoldBinding(const Paths& paths, const EnsureOptions& options, Fd* out);

// Gives the link `id` in the held parent fresh timestamps. Refused with kParentUnstable where the
// parent was replaced since it was held.
Status RefreshBinding(int parent, const Paths& paths);

}  // namespace boxsockets
