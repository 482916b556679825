#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/sysmacros.h>
#endif

#include "clock.h"
#include "parent.h"
#include "syscalls.h"

namespace boxsockets {
namespace {

constexpr char kLockName[] = ".lock";
constexpr mode_t kLockMode = 0600;
// How often a lock file that was replaced under us is opened anew.
constexpr int kAttempts = 100;
constexpr int64_t kFirstPauseNs = 50'000;
constexpr int64_t kLongestPauseNs = 10'000'000;

int OpenLock(int parent) {
  // Neither a link is followed, nor does a fifo in its place make us wait.
  return RetryInterrupted([&] {
    return openat(parent, kLockName, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                  kLockMode);
  });
}

Status ExplainUnopened(int errnum) {
  switch (errnum) {
    case ENOENT:  // the parent itself was removed
      return Status::Refused(Refusal::kParentUnstable, Subject::kParent);
    case ELOOP:   // a link
    case EISDIR:  // a directory
    case ENXIO:   // a socket, or a device without a driver
      return Status::Refused(Refusal::kLockUntrusted, Subject::kLock);
    default:
      return Status::Failed(errnum, "openat", Subject::kLock);
  }
}

Status OpenTrustedLock(int parent, uid_t uid, Fd* lock, struct stat* st) {
  *lock = Fd(OpenLock(parent));
  // A umask of 0277 leaves a lock that its own user cannot open.
  if (!lock->valid() && errno == EACCES && fchmodat(parent, kLockName, kLockMode, 0) == 0) {
    *lock = Fd(OpenLock(parent));
  }
  if (!lock->valid()) return ExplainUnopened(errno);
  if (fstat(lock->get(), st) != 0) return Status::Failed("fstat", Subject::kLock);
  if (S_ISREG(st->st_mode) && st->st_uid == uid && st->st_nlink <= 1) return Status::Ok();
  Status status = Status::Refused(Refusal::kLockUntrusted, Subject::kLock);
  status.owner = st->st_uid;
  status.expected = uid;
  status.mode = st->st_mode;
  return status;
}

#if defined(__linux__)

// One line of /proc/locks: `1: FLOCK  ADVISORY  WRITE 4711 fe:00:131075 0 EOF`. Waiting locks have
// `->` before FLOCK and are no owners. Returns the pid where the line is the lock's, else -1.
int64_t OwnerInLine(char* line, const struct stat& lock) {
  char* rest = line;
  const char* kind = nullptr;
  const char* pid = nullptr;
  const char* inode = nullptr;
  char* word;
  for (int i = 0; (word = strtok_r(i == 0 ? line : nullptr, " ", &rest)) != nullptr; i++) {
    if (i == 1) kind = word;
    if (i == 4) pid = word;
    if (i == 5) inode = word;
  }
  if (kind == nullptr || strcmp(kind, "FLOCK") != 0 || pid == nullptr || inode == nullptr)
    return -1;
  char* end;
  unsigned long major_number = strtoul(inode, &end, 16);
  if (*end != ':') return -1;
  unsigned long minor_number = strtoul(end + 1, &end, 16);
  if (*end != ':') return -1;
  unsigned long long number = strtoull(end + 1, nullptr, 10);
  if (major_number != major(lock.st_dev) || minor_number != minor(lock.st_dev)) return -1;
  if (number != lock.st_ino) return -1;
  int64_t owner = strtoll(pid, nullptr, 10);
  return owner > 0 ? owner : -1;
}

int64_t LockOwner(const struct stat& lock) {
  Fd fd(RetryInterrupted([] { return open("/proc/locks", O_RDONLY | O_CLOEXEC); }));
  if (!fd.valid()) return -1;
  char text[4096];
  size_t used = 0;
  for (;;) {
    ssize_t size =
        RetryInterrupted([&] { return read(fd.get(), text + used, sizeof text - 1 - used); });
    if (size <= 0) return -1;
    used += static_cast<size_t>(size);
    text[used] = '\0';
    char* line = text;
    for (char* end; (end = strchr(line, '\n')) != nullptr; line = end + 1) {
      *end = '\0';
      int64_t owner = OwnerInLine(line, lock);
      if (owner != -1) return owner;
    }
    used = strlen(line);
    memmove(text, line, used);
    if (used == sizeof text - 1) return -1;  // no line of the kernel's is that long
  }
}

#else

int64_t LockOwner(const struct stat&) { return -1; }

#endif

}  // namespace

Status PollLock(int fd, int operation, int64_t timeout_ms, Subject subject) {
  int64_t deadline = MonotonicNs() + timeout_ms * 1'000'000;
  int64_t pause = kFirstPauseNs;
  for (;;) {
    if (RetryInterrupted([&] { return flock(fd, operation | LOCK_NB); }) == 0) return Status::Ok();
    if (errno != EWOULDBLOCK) return Status::Failed("flock", subject);
    int64_t left = deadline - MonotonicNs();
    if (left <= 0) {
      Status status = Status::Refused(Refusal::kLockTimeout, subject);
      struct stat st;
      if (fstat(fd, &st) == 0) status.owner = LockOwner(st);
      return status;
    }
    SleepNs(pause < left ? pause : left);
    if (pause < kLongestPauseNs) pause *= 2;
  }
}

Status LockParent(const Paths& paths, const Parent& parent, uid_t uid, int64_t timeout_ms,
                  OnFullDisk on_full_disk, Fd* lock) {
  for (int attempt = 0; attempt < kAttempts; attempt++) {
    struct stat st;
    Status status = OpenTrustedLock(parent.fd(), uid, lock, &st);
    bool full = status.errnum == ENOSPC || status.errnum == EDQUOT;
    if (full && on_full_disk == OnFullDisk::kGoOn) return Status::Ok();
    if (!status.ok()) return status;
    status = PollLock(lock->get(), LOCK_EX, timeout_ms, Subject::kLock);
    if (!status.ok()) return status;
    // Whoever removed or replaced the lock, or the parent, while we waited has left us with a lock
    // that nobody else will look at.
    if (!parent.IsStillAt(paths.parent)) break;
    struct stat now;
    if (fstatat(parent.fd(), kLockName, &now, AT_SYMLINK_NOFOLLOW) == 0) {
      if (SameInode(now, st)) return Status::Ok();
    } else if (errno != ENOENT) {
      return Status::Failed("fstatat", Subject::kLock);
    }
  }
  return Status::Refused(Refusal::kParentUnstable, Subject::kParent);
}

}  // namespace boxsockets
