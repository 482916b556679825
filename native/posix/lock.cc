#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "clock.h"
#include "lock_owner.h"
#include "parent.h"
#include "syscalls.h"

namespace boxsockets {
namespace {

constexpr char kLockName[] = ".lock";
constexpr mode_t kLockMode = 0600;
// How often a lock file that was replaced under us is opened anew.
constexpr int kAttempts = 100;
// How long a waiter polls one lock file before it looks whether that is still the lock.
constexpr int64_t kSliceNs = 50'000'000;
constexpr int64_t kFirstPauseNs = 50'000;
// Short, because nobody queues: among processes that take the lock again and again, a waiter must
// look often to find it free (eight of them starved one for five seconds at a pause of ten
// milliseconds).
constexpr int64_t kLongestPauseNs = 1'000'000;

int OpenLock(int parent) {
  // Neither a link is followed, nor does a fifo in its place make us wait.
  return RetryInterrupted([&] {
    return openat(parent, kLockName, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                  kLockMode);
  });
}

bool IsTrusted(const struct stat& lock, uid_t uid) {
  return S_ISREG(lock.st_mode) && lock.st_uid == uid && lock.st_nlink <= 1;
}

Status Untrusted(const struct stat& lock, uid_t uid) {
  Status status = Status::Refused(Refusal::kLockUntrusted, Subject::kLock);
  status.owner = lock.st_uid;
  status.expected = uid;
  status.mode = lock.st_mode;
  return status;
}

// Something that cannot be opened (a link, a directory, a socket, another user's file) is told by
// what it is: the errno differs between systems.
Status ExplainUnopened(int parent, uid_t uid, int errnum) {
  // The parent itself was removed.
  if (errnum == ENOENT) return Status::Refused(Refusal::kParentUnstable, Subject::kParent);
  struct stat st;
  bool found = fstatat(parent, kLockName, &st, AT_SYMLINK_NOFOLLOW) == 0;
  if (found && !IsTrusted(st, uid)) return Untrusted(st, uid);
  return Status::Failed(errnum, "openat", Subject::kLock);
}

// Whether a lock that cannot be opened can be now. It must be trusted before its mode is changed:
// it may be one more name of a file that was closed on purpose.
bool RepairLock(int parent, uid_t uid) {
  struct stat st;
  return fstatat(parent, kLockName, &st, AT_SYMLINK_NOFOLLOW) == 0 && IsTrusted(st, uid) &&
         fchmodat(parent, kLockName, kLockMode, 0) == 0;
}

Status OpenTrustedLock(int parent, uid_t uid, Fd* lock, struct stat* st) {
  *lock = Fd(OpenLock(parent));
  int errnum = errno;
  // A umask of 0277 leaves a lock that its own user cannot open.
  if (!lock->valid() && errnum == EACCES && RepairLock(parent, uid)) {
    *lock = Fd(OpenLock(parent));
    errnum = errno;
  }
  if (!lock->valid()) return ExplainUnopened(parent, uid, errnum);
  if (fstat(lock->get(), st) != 0) return Status::Failed("fstat", Subject::kLock);
  return IsTrusted(*st, uid) ? Status::Ok() : Untrusted(*st, uid);
}

}  // namespace

Status PollLock(int fd, int operation, int64_t deadline, Subject subject) {
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

Status LockParent(const Paths& paths, const Parent& parent, uid_t uid, int64_t deadline,
                  OnFullDisk on_full_disk, Fd* lock) {
  for (int attempt = 0; attempt < kAttempts;) {
    struct stat st;
    Status status = OpenTrustedLock(parent.fd(), uid, lock, &st);
    bool full = status.errnum == ENOSPC || status.errnum == EDQUOT;
    if (full && on_full_disk == OnFullDisk::kGoOn) return Status::Ok();
    if (!status.ok()) return status;
    int64_t slice = MonotonicNs() + kSliceNs;
    bool last = slice >= deadline;
    status = PollLock(lock->get(), LOCK_EX, last ? deadline : slice, Subject::kLock);
    if (status.refusal == Refusal::kLockTimeout && !last) {
      if (!parent.IsStillAt(paths.parent)) break;
      continue;
    }
    if (!status.ok()) return status;
    attempt++;
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
