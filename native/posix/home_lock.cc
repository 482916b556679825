#include "home_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "lock_owner.h"
#include "syscalls.h"

namespace boxsockets {
namespace {

constexpr mode_t kMode = 0600;
// How often a lock file that was replaced under us is opened anew.
constexpr int kAttempts = 100;

bool IsRegular(const struct stat& st) { return S_ISREG(st.st_mode); }

Status Untrusted(const struct stat& st) {
  Status status = Status::Refused(Refusal::kLockUntrusted, Subject::kLock);
  status.mode = st.st_mode;
  return status;
}

Status Open(const char* path, Fd* lock) {
  // Neither a link is followed, nor does a fifo in its place make us wait.
  *lock = Fd(RetryInterrupted(
      [&] { return open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, kMode); }));
  if (lock->valid()) return Status::Ok();
  int errnum = errno;
  struct stat st;
  bool found = lstat(path, &st) == 0;
  return found && !IsRegular(st) ? Untrusted(st) : Status::Failed(errnum, "open", Subject::kLock);
}

Status TakeLock(int lock, const struct stat& st) {
  if (RetryInterrupted([&] { return flock(lock, LOCK_EX | LOCK_NB); }) == 0) return Status::Ok();
  if (errno != EWOULDBLOCK) return Status::Failed("flock", Subject::kLock);
  Status status = Status::Refused(Refusal::kLockTimeout, Subject::kLock);
  status.owner = LockOwner(st);
  return status;
}

}  // namespace

Status LockHome(const char* path, Fd* out) {
  for (int attempt = 0; attempt < kAttempts; attempt++) {
    Fd lock;
    Status status = Open(path, &lock);
    if (!status.ok()) return status;
    struct stat st, now;
    if (fstat(lock.get(), &st) != 0) return Status::Failed("fstat", Subject::kLock);
    if (!IsRegular(st)) return Untrusted(st);
    status = TakeLock(lock.get(), st);
    if (!status.ok()) return status;
    // Whoever removed or replaced the file before we locked it has left us with a lock that nobody
    // else will look at.
    if (lstat(path, &now) == 0) {
      if (SameInode(now, st)) {
        *out = static_cast<Fd&&>(lock);
        return Status::Ok();
      }
    } else if (errno != ENOENT) {
      return Status::Failed("lstat", Subject::kLock);
    }
  }
  return Status::Refused(Refusal::kParentUnstable, Subject::kLock);
}

}  // namespace boxsockets
