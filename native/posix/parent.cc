#include "parent.h"

#include <fcntl.h>
#include <unistd.h>

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

// Only the true owner may open with O_NOATIME (open(2)), on a read-only file system too.
#if defined(O_NOATIME)
constexpr int kProof = O_NOATIME;
#else
constexpr int kProof = 0;
#endif

int OpenParent(const char* path, uid_t uid) {
  int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  if (OwnershipNeedsProof(uid)) flags |= kProof;
  return RetryInterrupted([&] { return open(path, flags); });
}

bool IsRoots(const struct stat& base) {
  bool sticky = (base.st_mode & S_ISVTX) != 0;
  return base.st_uid == 0 || (sticky && base.st_uid == RootUid());
}

Status Untrusted(const struct stat& base, uid_t uid) {
  Status status = Status::Refused(Refusal::kBaseUntrusted, Subject::kBase);
  status.owner = base.st_uid;
  status.expected = uid;
  status.mode = ModeBits(base);
  return status;
}

// A base that is trusted because it seems to be ours must be.
Status ProveBase(const char* path, const struct stat& base, uid_t uid) {
  if (!OwnershipNeedsProof(uid) || IsRoots(base)) return Status::Ok();
  Fd fd(RetryInterrupted([&] { return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | kProof); }));
  if (fd.valid()) return Status::Ok();
  // EPERM: somebody else's. EACCES: closed, so that it cannot be told.
  bool unproven = errno == EPERM || errno == EACCES;
  return unproven ? Untrusted(base, uid) : Status::Failed("open", Subject::kBase);
}

// Explains why the parent could not be opened. Fine where it is ours and was only unreadable: its
// mode has then been repaired by path, which nobody else can redirect within a trusted base.
Status ExplainUnopened(const char* path, uid_t uid, Access access, int errnum) {
  struct stat st;
  if (lstat(path, &st) != 0) {
    // Gone between two looks, as in OpenOrCreate.
    if (errno == ENOENT) return Status::Refused(Refusal::kParentUnstable, Subject::kParent);
    return Status::Failed("lstat", Subject::kParent);
  }
  if (!S_ISDIR(st.st_mode)) return Status::Refused(Refusal::kParentNotDirectory, Subject::kParent);
  if (st.st_uid != uid || errnum == EPERM) return Foreign(st.st_uid, uid);
  if (errnum != EACCES || access == Access::kInspect) {
    return Status::Failed(errnum, "open", Subject::kParent);
  }
  if (chmod(path, kParentMode) == 0) return Status::Ok();
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
  if (errnum == ENOENT) return Status::Refused(Refusal::kParentUnstable, Subject::kParent);
  if (errnum != EACCES && errnum != EPERM && errnum != ENOTDIR && errnum != ELOOP) {
    return Status::Failed(errnum, "open", Subject::kParent);
  }
  Status status = ExplainUnopened(paths.parent, uid, access, errnum);
  if (!status.ok()) return status;
  *out = Fd(OpenParent(paths.parent, uid));
  return out->valid() ? Status::Ok() : Status::Failed("open", Subject::kParent);
}

}  // namespace

Status CheckBase(const struct stat& base, uid_t uid) {
  bool sticky = (base.st_mode & S_ISVTX) != 0;
  bool open_to_others = (base.st_mode & (S_IWGRP | S_IWOTH)) != 0;
  if (!S_ISDIR(base.st_mode)) {
    Status status = Status::Refused(Refusal::kBaseUntrusted, Subject::kBase);
    status.errnum = ENOTDIR;
    return status;
  }
  bool owned = base.st_uid == uid || IsRoots(base);
  return owned && (sticky || !open_to_others) ? Status::Ok() : Untrusted(base, uid);
}

Status Parent::Open(const Paths& paths, uid_t uid, Access access, Parent* out) {
  struct stat base;
  if (stat(paths.base, &base) != 0) {
    int errnum = errno;
    if (!IsGone(errnum) && errnum != ELOOP) {
      return Status::Failed(errnum, "stat", Subject::kBase);
    }
    if (access != Access::kCreate && errnum == ENOENT) {
      return Status::Refused(Refusal::kParentAbsent, Subject::kParent);
    }
    Status status = Status::Refused(Refusal::kBaseUntrusted, Subject::kBase);
    status.errnum = errnum;
    status.syscall = "stat";
    return status;
  }
  Status status = CheckBase(base, uid);
  if (status.ok()) status = ProveBase(paths.base, base, uid);
  if (!status.ok()) return status;

  status = OpenOrCreate(paths, uid, access, &out->fd_);
  if (!status.ok()) return status;
  if (fstat(out->fd(), &out->st_) != 0) return Status::Failed("fstat", Subject::kParent);
  if (out->st_.st_uid != uid) return Foreign(out->st_.st_uid, uid);
  if (access == Access::kInspect || ModeBits(out->st_) == kParentMode) return Status::Ok();
  return fchmod(out->fd(), kParentMode) == 0 ? Status::Ok()
                                             : Status::Failed("fchmod", Subject::kParent);
}

bool Parent::IsStillAt(const char* path) const {
  struct stat now;
  return lstat(path, &now) == 0 && SameInode(now, st_);
}

}  // namespace boxsockets
