// The lock that a host takes on the home of its boxes: it ends with the process that holds it,
// however that process ends.
#pragma once

#include "fd.h"
#include "status.h"

namespace boxsockets {

// Takes an exclusive flock on the file `path`, which is made where it is missing; `out` holds it.
// Refused with kLockTimeout at once where somebody else has it, `owner` the pid where that can be
// told; with kLockUntrusted where something else than a regular file is there.
Status LockHome(const char* path, Fd* out);

}  // namespace boxsockets
