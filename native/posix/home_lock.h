// The lock that a host takes on the home of its boxes: it ends with the process that holds it,
// however that process ends.
#pragma once

#include "status.h"

namespace boxsockets {

// Takes an exclusive flock on the file `path`, which is made where it is missing; `fd` holds it
// until it is closed. Refused with kLockTimeout at once where somebody else has it, `owner` the pid
// where that can be told; with kLockUntrusted where something else than a regular file is there.
Status LockHome(const char* path, int* fd);

}  // namespace boxsockets
