#include "lock_owner.h"

#if defined(__linux__)

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fd.h"
#include "lines.h"
#include "syscalls.h"

namespace boxsockets {
namespace {

// `fe:00:131075`: major and minor number in hexadecimal, the inode in decimal (fs/locks.c).
bool IsInode(const char* text, const struct stat& lock) {
  char* end;
  uint64_t major_number = strtoul(text, &end, 16);
  if (*end != ':') return false;
  uint64_t minor_number = strtoul(end + 1, &end, 16);
  if (*end != ':') return false;
  uint64_t number = strtoull(end + 1, &end, 10);
  return *end == '\0' && major_number == major(lock.st_dev) && minor_number == minor(lock.st_dev) &&
         number == lock.st_ino;
}

// One line: `1: FLOCK  ADVISORY  WRITE 4711 fe:00:131075 0 EOF`. Waiting locks have `->` before
// FLOCK and are no owners. Returns the pid where the line is the lock's, else -1.
int64_t OwnerInLine(char* line, const struct stat& lock) {
  enum Field { kNumber, kKind, kAdvisory, kAccess, kPid, kInode, kFields };
  const char* fields[kFields];
  char* rest = nullptr;
  for (int i = 0; i < kFields; i++) {
    fields[i] = strtok_r(i == 0 ? line : nullptr, " ", &rest);
    if (fields[i] == nullptr) return -1;
  }
  if (strcmp(fields[kKind], "FLOCK") != 0 || !IsInode(fields[kInode], lock)) return -1;
  int64_t owner = strtoll(fields[kPid], nullptr, 10);
  return owner > 0 ? owner : -1;
}

}  // namespace

int64_t LockOwnerIn(int fd, const struct stat& lock) {
  int64_t owner = -1;
  ForEachLine(fd, '\n', [&](char* line) {
    if (owner == -1) owner = OwnerInLine(line, lock);
  });
  return owner;
}

int64_t LockOwner(const struct stat& lock) {
  Fd fd(RetryInterrupted([] { return open("/proc/locks", O_RDONLY | O_CLOEXEC); }));
  return LockOwnerIn(fd.get(), lock);
}

#else

namespace boxsockets {

int64_t LockOwner(const struct stat&) { return -1; }
int64_t LockOwnerIn(int, const struct stat&) { return -1; }

#endif

}  // namespace boxsockets
