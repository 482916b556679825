// Who holds a lock, as far as the system tells.
#pragma once

#include <stdint.h>
#include <sys/stat.h>

namespace boxsockets {

// The pid that holds the flock on the file `lock`; -1 where it cannot be told.
int64_t LockOwner(const struct stat& lock);

// The same, from what `fd` has to read, which is in the format of Linux's /proc/locks.
int64_t LockOwnerIn(int fd, const struct stat& lock);

}  // namespace boxsockets
