// Locks that serialize cooperating processes: an exclusive flock on a file that is made for it.
#pragma once

#include <stdint.h>
#include <sys/stat.h>

#include "fd.h"
#include "status.h"

namespace boxsockets {

// Where a lock lies, and whose it must be.
struct LockFile {
  int directory;  // AT_FDCWD where `name` is a path
  const char* name;
  int64_t owner;  // whose regular file of one link it must be; -1: any regular file
};

// Makes the file where it is missing, and takes the lock, waiting until `deadline` (of
// MonotonicNs); then refused with kLockTimeout, `owner` the pid that has it where that can be told.
// `lock` holds it until it is closed, and `st` tells which file it is. Retry: it was waited for in
// vain for a moment, and the file may be another one by now.
Status TakeLock(const LockFile& file, int64_t deadline, Fd* lock, struct stat* st);

// Takes an flock of that kind (LOCK_SH, LOCK_EX), in the same way.
Status PollLock(int fd, int operation, int64_t deadline, Subject subject);

// Whether the file at `path` is the one that was locked. Retry where it is not: whoever removed or
// replaced it has left us with a lock that nobody else will look at.
Status CheckLocked(const char* path, const struct stat& st);

// Takes the lock that a host takes on the home of its boxes, which ends with the process that holds
// it, however that process ends. Refused at once where somebody else has it.
Status LockHome(const char* path, Fd* out);

}  // namespace boxsockets
