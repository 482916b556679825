// Removing one binding: what is removed is what was looked at.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base.h"
#include "binding.h"
#include "box_sockets.h"
#include "clock.h"
#include "link.h"
#include "occupant.h"

namespace boxsockets {
namespace {

// Whether a link of another spelling is ours all the same. What it leads to may not answer.
Status IsOwn(const Paths& paths, LinkText* link, RemoveResult* result) {
  Status status = CheckAnswers(paths, true);
  if (!status.ok()) return status;
  struct stat real_dir = {};
  int real_dir_errnum = stat(paths.real_dir, &real_dir) == 0 ? 0 : errno;
  Fd parent(RetryInterrupted([&] { return open(paths.parent, kOpenDirectoryOnly); }));
  if (!parent.valid()) return Status::Failed("open", Subject::kParent);
  EntryWatch watch;
  ParentEntry* found;
  status = LookAtBinding(paths, parent.get(), InodeOf(real_dir), Depth::kTarget, &watch, &found);
  if (!status.ok() || found->errnum == ELOOP) return status;
  // Another entry by now, or none: what it is, another look tells.
  if (found->read_errnum != 0) return Status::Retry(Refusal::kParentUnstable, Subject::kBinding);
  bool own, occupied = true;
  if (found->leads_nowhere) {
    status = FindOccupant(paths, *found, &occupied, nullptr);
    own = !occupied;
  } else if (found->errnum != 0) {
    return Status::Failed(found->errnum, "fstatat", Subject::kBinding);
  } else {
    // A binding that leads somewhere while our directory is gone leads to somebody else's.
    own = SameInode(found->target, real_dir);
    bool told = real_dir_errnum == 0 || IsGone(real_dir_errnum);
    if (!told) return Status::Failed(real_dir_errnum, "stat", Subject::kRealDir);
  }
  *link = found->link;
  if (own) *result = RemoveResult::kRemoved;
  return status;
}

// Without the lock: which link is to go. `result` is kRemoved where there is one.
Status Judge(const Paths& paths, LinkText* link, RemoveResult* result) {
  int errnum = link->Read(AT_FDCWD, paths.binding) ? 0 : errno;
  *result = errnum == ENOENT ? RemoveResult::kAbsent : RemoveResult::kForeign;
  if (errnum == ENOENT || errnum == EINVAL) return Status::Ok();
  if (errnum != 0) return Status::Failed(errnum, "readlinkat", Subject::kBinding);
  if (!link->Is(paths.real_dir)) return IsOwn(paths, link, result);
  *result = RemoveResult::kRemoved;
  return Status::Ok();
}

// Under the lock.
Status TakeAway(const Paths& paths, const LinkText& link) {
  JoinedPath aside(paths.parent, HiddenName(paths.id(), ".old").c_str());
  Status status = MoveAside(AT_FDCWD, paths.binding, aside.c_str(), link);
  bool changed = status.errnum == ENOENT || status.errnum == ESTALE;
  if (changed) return Status::Retry(Refusal::kParentUnstable, Subject::kBinding);
  if (!status.ok()) return status;
  if (unlinkat(AT_FDCWD, aside.c_str(), 0) == 0 || errno == ENOENT) return Status::Ok();
  status = Status::Failed("unlinkat", Subject::kBinding);
  PutBack(AT_FDCWD, paths.binding, aside.c_str());
  return status;
}

// By paths, without a descriptor of the parent, which would be three calls more: within a trusted
// base nobody but us and root puts another parent in its place, and what is unlinked is a link
// that was just read, under a lock that lies at its path.
Status RemoveOnce(const Paths& paths, uid_t uid, int64_t deadline, RemoveResult* result) {
  struct stat base, parent;
  Fd lock;
  LinkText link;
  *result = RemoveResult::kAbsent;
  Status status = LookAtBase(paths.base, uid, &base);
  if (!status.ok()) return status.errnum == ENOENT ? Status::Ok() : status;
  if (lstat(paths.parent, &parent) != 0) {
    return errno == ENOENT ? Status::Ok() : Status::Failed("lstat", Subject::kParent);
  }
  if (OwnershipNeedsProof(uid)) {
    Parent proven;
    status = Parent::Open(paths, uid, Access::kExisting, &proven);
  } else {
    status = JudgeParent(parent, base, uid);
  }
  if (status.ok()) status = Judge(paths, &link, result);
  if (!status.ok() || *result != RemoveResult::kRemoved) return status;
  status = LockParent(paths, nullptr, uid, deadline, &lock);
  return status.ok() || IsDiskFull(status) ? TakeAway(paths, link) : status;
}

}  // namespace

Status Remove(const Paths& paths, int64_t lock_timeout_ms, RemoveResult* result) {
  Uids uids = CurrentUids();
  Status status = CheckUids(uids);
  if (!status.ok()) return status;
  int64_t deadline = DeadlineInMs(lock_timeout_ms);
  return BeginAgain([&] { return RemoveOnce(paths, uids.effective, deadline, result); });
}

}  // namespace boxsockets
