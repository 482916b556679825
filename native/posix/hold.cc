#include "hold.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "clock.h"
#include "parent.h"
#include "syscalls.h"
#include "user.h"

namespace boxsockets {

Status HoldParent(const Paths& paths, int64_t timeout_ms, Fd* out) {
  Parent parent;
  Status status = Parent::Open(paths, CurrentUids().effective, Access::kExisting, &parent);
  if (!status.ok()) return status;
  status = PollLock(parent.fd(), LOCK_SH, DeadlineInMs(timeout_ms), Subject::kParent);
  if (!status.ok()) return status;
  // Whoever had it locked before us may have removed it: a cleaner takes a directory that it has
  // emptied.
  if (!parent.IsStillAt(paths.parent)) {
    return Status::Refused(Refusal::kParentUnstable, Subject::kParent);
  }
  *out = parent.ReleaseFd();
  return status;
}

Status RefreshBinding(int parent, const Paths& paths) {
  struct stat held, now;
  if (fstat(parent, &held) != 0) return Status::Failed("fstat", Subject::kParent);
  if (lstat(paths.parent, &now) != 0) {
    if (!IsGone(errno)) return Status::Failed("lstat", Subject::kParent);
    return Status::Refused(Refusal::kParentUnstable, Subject::kParent);
  }
  if (!SameInode(held, now)) {
    return Status::Refused(Refusal::kParentUnstable, Subject::kParent);
  }
  if (utimensat(parent, paths.id(), nullptr, AT_SYMLINK_NOFOLLOW) == 0) return Status::Ok();
  return Status::Failed("utimensat", Subject::kBinding);
}

}  // namespace boxsockets
