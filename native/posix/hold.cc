#include "hold.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "clock.h"
#include "directory.h"
#include "lock.h"
#include "parent.h"
#include "syscalls.h"
#include "user.h"

namespace boxsockets {
namespace {

// More sockets than any box has; a directory that is flooded must not keep a thread busy.
constexpr int kMostEntries = 10'000;

// Retry where the directory was replaced while it was waited for.
Status HoldRealDir(const char* path, int64_t deadline, Fd* out) {
  Fd fd(RetryInterrupted(
      [&] { return open(path, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC); }));
  if (!fd.valid()) {
    return errno == EACCES ? Status::Ok() : Status::Failed("open", Subject::kRealDir);
  }
  Status status = PollLock(fd.get(), LOCK_SH, deadline, Subject::kRealDir);
  if (status.kind == Kind::kFailed) return Status::Ok();  // no locks there, and so no cleaner's
  if (!status.ok()) return status;
  struct stat held, now;
  if (fstat(fd.get(), &held) != 0) return Status::Failed("fstat", Subject::kRealDir);
  if (stat(path, &now) != 0 || !SameInode(held, now)) {
    return Status::Retry(Refusal::kRealDir, Subject::kRealDir);
  }
  *out = static_cast<Fd&&>(fd);
  return Status::Ok();
}

}  // namespace

Status HoldBinding(const Paths& paths, const EnsureOptions& options, HeldDirectories* out) {
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
    held = HoldRealDir(paths.real_dir, deadline, &out->real_dir);
    if (held.ok()) out->parent = parent.ReleaseFd();
    return held;
  });
}

Status RefreshBinding(int parent, const Paths& paths) {
  struct stat held, now;
  if (fstat(parent, &held) != 0) return Status::Failed("fstat", Subject::kParent);
  bool there = lstat(paths.parent, &now) == 0;
  if (!there && !IsGone(errno)) return Status::Failed("lstat", Subject::kParent);
  if (!there || !SameInode(held, now)) {
    return Status::Refused(Refusal::kParentUnstable, Subject::kParent);
  }
  if (utimensat(parent, paths.id(), nullptr, AT_SYMLINK_NOFOLLOW) == 0) return Status::Ok();
  return Status::Failed("utimensat", Subject::kBinding);
}

Status RefreshSockets(const char* real_dir) {
  Directory directory;
  Status status = directory.Open(AT_FDCWD, real_dir, Subject::kRealDir);
  if (!status.ok()) return status.errnum == EACCES ? Status::Ok() : status;
  // What may not be touched (another user's, on a read-only file system) is not kept by us.
  futimens(directory.fd(), nullptr);
  const dirent* entry = nullptr;
  for (int count = 0; count < kMostEntries && (entry = directory.Next(&status)) != nullptr;
       count++) {
    if (!S_ISSOCK(directory.TypeOf(entry))) continue;
    utimensat(directory.fd(), entry->d_name, nullptr, AT_SYMLINK_NOFOLLOW);
  }
  return status;
}

}  // namespace boxsockets
