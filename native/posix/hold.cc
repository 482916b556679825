#include "hold.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "clock.h"
#include "lock.h"
#include "parent.h"
#include "syscalls.h"
#include "user.h"

namespace boxsockets {

Status HoldBinding(const Paths& paths, const EnsureOptions& options, Fd* out) {
  Status status = CheckPreconditions(paths, options);
  if (!status.ok()) return status;
  uid_t uid = CurrentUids().effective;
  int64_t deadline = DeadlineInMs(options.lock_timeout_ms);
  return BeginAgain([&] {
    Look look;
    EnsureResult result;
    Parent parent;
    Status held;
    if (!IsSteady(paths, uid, &look)) {
      held = EnsureOnce(paths, uid, options.takeover, deadline, nullptr, &result);
    }
    if (held.ok()) held = Parent::Open(paths, uid, Access::kCreate, &parent);
    if (held.ok()) held = PollLock(parent.fd(), LOCK_SH, deadline, Subject::kParent);
    if (!held.ok()) return held;
    // Whoever had it locked before us may have taken the link with it, or the whole directory: a
    // cleaner removes what it has emptied.
    if (!parent.IsStillAt(paths.parent) || !LeadsToRealDir(paths)) {
      return Status::Retry(Refusal::kParentUnstable, Subject::kParent);
    }
    *out = parent.ReleaseFd();
    return held;
  });
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
