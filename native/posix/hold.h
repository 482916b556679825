// Keeping bindings alive while their boxes idle: a shared lock on the parent directory, which
// systemd-tmpfiles honours, and fresh timestamps on the links, which every cleaner looks at.
#pragma once

#include <stdint.h>

#include "fd.h"
#include "paths.h"
#include "status.h"

namespace boxsockets {

// Opens the parent and takes a shared flock on it, polling for `timeout_ms`: a cleaner itself holds
// an exclusive one for a moment.
Status HoldParent(const Paths& paths, int64_t timeout_ms, Fd* out);

// Gives the link `id` in the held parent fresh timestamps. Refused with kParentUnstable where the
// parent was replaced since it was held.
Status RefreshBinding(int parent, const Paths& paths);

}  // namespace boxsockets
