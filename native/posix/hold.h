// Keeping bindings alive while their boxes idle: shared locks on the parent and on the real
// directory, which systemd-tmpfiles honours, and fresh timestamps on the links and the sockets,
// which every cleaner looks at. (systemd-tmpfiles spares a bound socket by the string it was bound
// at, and ours is another one.)
#pragma once

#include <stdint.h>

#include "binding.h"
#include "fd.h"
#include "paths.h"
#include "status.h"

namespace boxsockets {

struct HeldDirectories {
  Fd parent;    // in which the binding is right
  Fd real_dir;  // not valid where it may not be read, or its file system knows no locks
};

// Ensures the binding, and takes a shared flock on its parent and on its real directory, waiting
// for them: a cleaner itself holds an exclusive one for a moment.
Status HoldBinding(const Paths& paths, const EnsureOptions& options, HeldDirectories* out);

// Gives the link `id` in the held parent fresh timestamps. Refused with kParentUnstable where the
// parent was replaced since it was held.
Status RefreshBinding(int parent, const Paths& paths);

// Gives a real directory and the sockets in it fresh timestamps, as far as they are this user's.
Status RefreshSockets(const char* real_dir);

}  // namespace boxsockets
