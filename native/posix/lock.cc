#include "lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include "clock.h"
#include "lock_owner.h"
#include "syscalls.h"

namespace boxsockets {
namespace {

constexpr mode_t kMode = 0600;
// How long a waiter polls one file before it looks whether that is still the lock.
constexpr int64_t kSliceNs = 50'000'000;
constexpr int64_t kFirstPauseNs = 50'000;
// Short, because nobody queues: among processes that take the lock again and again, a waiter must
// look often to find it free (eight of them starved one for five seconds at a pause of ten
// milliseconds).
constexpr int64_t kLongestPauseNs = 1'000'000;

int Open(const LockFile& file) {
  // Neither a link is followed, nor does a fifo in its place make us wait.
  constexpr int kFlags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  return RetryInterrupted([&] { return openat(file.directory, file.name, kFlags, kMode); });
}

bool IsTrusted(const LockFile& file, const struct stat& st) {
  if (!S_ISREG(st.st_mode)) return false;
  return file.owner < 0 || (st.st_uid == file.owner && st.st_nlink <= 1);
}

Status Untrusted(const LockFile& file, const struct stat& st) {
  Status status = Status::Refused(Refusal::kLockUntrusted, Subject::kLock);
  status.owner = file.owner < 0 ? -1 : static_cast<int64_t>(st.st_uid);
  status.expected = file.owner;
  status.mode = st.st_mode;
  return status;
}

// Opens the lock. What cannot be opened (a link, a directory, a socket, another user's file) is
// told by what it is: the errno differs between systems.
Status OpenLock(const LockFile& file, Fd* lock) {
  *lock = Fd(Open(file));
  if (lock->valid()) return Status::Ok();
  int errnum = errno;
  struct stat st;
  if (fstatat(file.directory, file.name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
    // Trusted before its mode is changed: it may be one more name of a file that was closed on
    // purpose.
    if (!IsTrusted(file, st)) return Untrusted(file, st);
    // A umask of 0277 leaves a lock that its own user cannot open.
    if (errnum == EACCES && fchmodat(file.directory, file.name, kMode, 0) == 0) {
      *lock = Fd(Open(file));
      errnum = errno;
    }
  }
  return lock->valid() ? Status::Ok() : Status::Failed(errnum, "openat", Subject::kLock);
}

}  // namespace

Status PollLock(int fd, int operation, int64_t deadline, Subject subject) {
  int64_t slice = 0;
  for (int64_t pause = kFirstPauseNs;; pause *= 2) {
    if (RetryInterrupted([&] { return flock(fd, operation | LOCK_NB); }) == 0) return Status::Ok();
    if (errno != EWOULDBLOCK) return Status::Failed("flock", subject);
    int64_t now = MonotonicNs();
    if (now >= deadline) {
      Status status = Status::Refused(Refusal::kLockTimeout, subject);
      struct stat st;
      if (fstat(fd, &st) == 0) status.owner = LockOwner(st);
      return status;
    }
    if (slice == 0) slice = now + kSliceNs;
    if (now >= slice) return Status::Retry(Refusal::kLockTimeout, subject);
    if (pause > kLongestPauseNs) pause = kLongestPauseNs;
    SleepNs(pause < deadline - now ? pause : deadline - now);
  }
}

Status TakeLock(const LockFile& file, int64_t deadline, Fd* lock, struct stat* st) {
  Status status = OpenLock(file, lock);
  if (!status.ok()) return status;
  if (fstat(lock->get(), st) != 0) return Status::Failed("fstat", Subject::kLock);
  if (!IsTrusted(file, *st)) return Untrusted(file, *st);
  return PollLock(lock->get(), LOCK_EX, deadline, Subject::kLock);
}

Status CheckLocked(const char* path, const struct stat& st) {
  struct stat now;
  if (lstat(path, &now) == 0) {
    if (SameInode(now, st)) return Status::Ok();
  } else if (!IsGone(errno)) {
    return Status::Failed("lstat", Subject::kLock);
  }
  return Status::Retry(Refusal::kParentUnstable, Subject::kParent);
}

Status LockHome(const char* path, Fd* out) {
  return BeginAgain([&] {
    Fd lock;
    struct stat st;
    Status status = TakeLock({AT_FDCWD, path, -1}, 0, &lock, &st);
    if (status.ok()) status = CheckLocked(path, st);
    if (status.ok()) *out = static_cast<Fd&&>(lock);
    return status;
  });
}

}  // namespace boxsockets
