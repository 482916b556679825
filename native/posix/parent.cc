#include "parent.h"

#include <fcntl.h>
#include <unistd.h>

#include "base.h"
#include "lock.h"
#include "syscalls.h"
#include "user.h"

namespace boxsockets {
namespace {

Status Foreign(uid_t owner, uid_t expected) {
  Status status = Status::Refused(Refusal::kParentForeign, Subject::kParent);
  status.owner = owner;
  status.expected = expected;
  return status;
}

Status Unstable() { return Status::Retry(Refusal::kParentUnstable, Subject::kParent); }

int OpenParent(const char* path, uid_t uid) {
  int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  if (OwnershipNeedsProof(uid)) flags |= kOwnersAlone;
  return RetryInterrupted([&] { return open(path, flags); });
}

// Explains why the parent could not be opened. Fine where it is ours and was only unreadable: its
// mode has then been repaired by path, which nobody else can redirect within a trusted base.
Status ExplainUnopened(const Paths& paths, uid_t uid, Access access, int errnum) {
  struct stat st;
  if (lstat(paths.parent, &st) != 0) {
    return errno == ENOENT ? Unstable() : Status::Failed("lstat", Subject::kParent);
  }
  if (!S_ISDIR(st.st_mode)) return Status::Refused(Refusal::kParentNotDirectory, Subject::kParent);
  if (st.st_uid != uid || errnum == EPERM) return Foreign(st.st_uid, uid);
  if (errnum != EACCES || access != Access::kCreate) {
    return Status::Failed(errnum, "open", Subject::kParent);
  }
  if (chmod(paths.parent, paths.parent_mode) == 0) return Status::Ok();
  return errno == EPERM ? Foreign(st.st_uid, uid) : Status::Failed("chmod", Subject::kParent);
}

Status OpenOrCreate(const Paths& paths, uid_t uid, Access access, Fd* out) {
  *out = Fd(OpenParent(paths.parent, uid));
  if (!out->valid() && errno == ENOENT) {
    if (access != Access::kCreate) {
      return Status::Refused(Refusal::kParentAbsent, Subject::kParent);
    }
    if (mkdir(paths.parent, kParentMode) != 0 && errno != EEXIST) {
      return Status::Failed("mkdir", Subject::kParent);
    }
    *out = Fd(OpenParent(paths.parent, uid));
  }
  if (out->valid()) return Status::Ok();
  int errnum = errno;
  // Gone between two looks: somebody removes it while we work.
  if (errnum == ENOENT) return Unstable();
  if (errnum != EACCES && errnum != EPERM && errnum != ENOTDIR && errnum != ELOOP) {
    return Status::Failed(errnum, "open", Subject::kParent);
  }
  Status status = ExplainUnopened(paths, uid, access, errnum);
  if (!status.ok()) return status;
  *out = Fd(OpenParent(paths.parent, uid));
  return out->valid() ? Status::Ok() : Status::Failed("open", Subject::kParent);
}

}  // namespace

Status JudgeParent(const struct stat& parent, const struct stat& base, uid_t uid) {
  if (!S_ISDIR(parent.st_mode)) {
    return Status::Refused(Refusal::kParentNotDirectory, Subject::kParent);
  }
  if (parent.st_uid != uid) return Foreign(parent.st_uid, uid);
  if (parent.st_dev == base.st_dev) return Status::Ok();
  // Whoever mounts a file system there decides what it says of its owner.
  return Status::Refused(Refusal::kParentMounted, Subject::kParent);
}

Status Parent::Open(const Paths& paths, uid_t uid, Access access, Parent* out,
                    const struct stat* base) {
  struct stat looked;
  Status status;
  if (base == nullptr) {
    status = LookAtBase(paths.base, uid, &looked);
    // Where nothing is, nothing is asked of it.
    if (access == Access::kExisting && status.errnum == ENOENT) {
      return Status::Refused(Refusal::kParentAbsent, Subject::kParent);
    }
    if (!status.ok()) return status;
    base = &looked;
  }
  status = OpenOrCreate(paths, uid, access, &out->fd_);
  if (!status.ok()) return status;
  if (fstat(out->fd(), &out->st_) != 0) return Status::Failed("fstat", Subject::kParent);
  status = JudgeParent(out->st_, *base, uid);
  if (!status.ok()) return status;
  if (access != Access::kCreate || ModeBits(out->st_) == paths.parent_mode) return Status::Ok();
  if (fchmod(out->fd(), paths.parent_mode) == 0) return Status::Ok();
  return Status::Failed("fchmod", Subject::kParent);
}

bool Parent::IsStillAt(const char* path) const {
  struct stat now;
  // One that was deleted may still be mounted there: nothing can be made in it.
  return lstat(path, &now) == 0 && SameInode(now, st_) && now.st_nlink > 0;
}

Status LockParent(const Paths& paths, const Parent* parent, uid_t uid, int64_t deadline, Fd* lock) {
  JoinedPath path(paths.parent, ".lock");
  struct stat st;
  LockFile file = {AT_FDCWD, path.c_str(), uid};
  if (parent != nullptr) file = {parent->fd(), ".lock", uid};
  Status status = TakeLock(file, deadline, lock, &st);
  if (status.errnum == ENOENT) return Unstable();  // the parent itself was removed
  // By its full path: so neither the lock nor the parent is another one by now.
  if (status.ok()) status = CheckLocked(path.c_str(), st);
  INVARIANT(!status.ok() || IsFile(lock->get(), "", st));
  return status;
}

}  // namespace boxsockets
