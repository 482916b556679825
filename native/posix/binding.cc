#include "binding.h"

#include <fcntl.h>
#include <stdio.h>  // renameat
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "directory.h"
#include "parent.h"
#include "socket.h"
#include "steady.h"
#include "syscalls.h"
#include "user.h"

namespace boxsockets {
namespace {

// The fresh link that will take the binding's place. `.<id>.new` is no valid id.
class TemporaryName {
 public:
  explicit TemporaryName(const char* id) {
    size_t size = strlen(id);
    if (size > kLongestId) size = kLongestId;
    data_[0] = '.';
    memcpy(data_ + 1, id, size);
    memcpy(data_ + 1 + size, ".new", sizeof ".new");
  }
  const char* c_str() const { return data_; }

 private:
  static constexpr size_t kLongestId = 128;
  char data_[1 + kLongestId + sizeof ".new"];
};

Status FindRealDir(const Paths& paths, Inode* out) {
  struct stat st;
  int errnum = 0;
  if (stat(paths.real_dir, &st) != 0) {
    errnum = errno;
    bool refused = IsGone(errnum) || errnum == ELOOP || errnum == ENAMETOOLONG;
    if (!refused) return Status::Failed(errnum, "stat", Subject::kRealDir);
  } else if (!S_ISDIR(st.st_mode)) {
    errnum = ENOTDIR;
  } else {
    *out = InodeOf(st);
    return Status::Ok();
  }
  Status status = Status::Refused(Refusal::kRealDir, Subject::kRealDir);
  status.errnum = errnum;
  status.syscall = "stat";
  return status;
}

Status CheckUids(Uids uids) {
  if (uids.real == uids.effective) return Status::Ok();
  Status status = Status::Refused(Refusal::kUidMismatch, Subject::kNone);
  status.owner = uids.real;
  status.expected = uids.effective;
  return status;
}

// Whether a process holds a socket in the directory that the binding leads to.
Status HoldsSocket(const Paths& paths, int parent, bool* held) {
  *held = false;
  Directory directory;
  Status status = directory.Open(parent, paths.id(), Subject::kBinding);
  // Gone since it was looked at: then nothing is left to hold.
  if (!status.ok()) return IsGone(status.errnum) ? Status::Ok() : status;
  while (const dirent* entry = directory.Next(&status)) {
    if (!S_ISSOCK(directory.TypeOf(entry))) continue;
    status = AskWhetherHeld(JoinedPath(paths.binding, entry->d_name).c_str(), held);
    if (!status.ok() || *held) return status;
  }
  return status;
}

// One try at making the binding right, under the lock.
class Attempt {
 public:
  Attempt(const Paths& paths, const Parent& parent, Inode real_dir, bool takeover)
      : paths_(paths), parent_(parent), real_dir_(real_dir), takeover_(takeover) {}

  Status Run(EnsureResult* result) {
    Status status = CreateOrReplace(result);
    if (status.ok() && *result != EnsureResult::kUnchanged) status = Verify(*result);
    // A removed parent makes every call in it fail with ENOENT: start over in the new one.
    bool parent_gone = !status.ok() && status.errnum == ENOENT && !parent_.IsStillAt(paths_.parent);
    return parent_gone ? StartOver() : status;
  }

 private:
  static Status StartOver() { return Status::Refused(Refusal::kParentUnstable, Subject::kParent); }

  // Most often nothing is there: the call that makes the link tells.
  Status CreateOrReplace(EnsureResult* result) {
    *result = EnsureResult::kCreated;
    if (symlinkat(paths_.real_dir, parent_.fd(), paths_.id()) == 0) return Status::Ok();
    if (errno != EEXIST) return Status::Failed("symlinkat", Subject::kBinding);
    *result = EnsureResult::kReplaced;
    Status status = Inspect(result);
    return status.ok() && *result == EnsureResult::kReplaced ? Replace() : status;
  }

  // Is what is there right already, and if not, may it be replaced?
  Status Inspect(EnsureResult* result) {
    struct stat entry, target;
    bool resolves = fstatat(parent_.fd(), paths_.id(), &target, 0) == 0;
    int resolve_errnum = resolves ? 0 : errno;
    if (resolves && InodeOf(target) == real_dir_) {
      *result = EnsureResult::kUnchanged;
      return Status::Ok();
    }
    if (fstatat(parent_.fd(), paths_.id(), &entry, AT_SYMLINK_NOFOLLOW) != 0) {
      // Gone again: somebody who does not take our lock was here.
      return errno == ENOENT ? StartOver() : Status::Failed("fstatat", Subject::kBinding);
    }
    if (!S_ISLNK(entry.st_mode)) {
      return Status::Refused(Refusal::kNotASymlink, Subject::kBinding);
    }
    if (takeover_ || IsGone(resolve_errnum) || resolve_errnum == ELOOP) return Status::Ok();
    if (!resolves) return Status::Failed(resolve_errnum, "fstatat", Subject::kBinding);
    if (!S_ISDIR(target.st_mode)) return Status::Ok();
    bool held;
    Status status = HoldsSocket(paths_, parent_.fd(), &held);
    if (!status.ok() || !held) return status;
    return Status::Refused(Refusal::kBindingInUse, Subject::kBinding);
  }

  Status Replace() {
    TemporaryName temporary(paths_.id());
    Status status = MakeTemporary(temporary.c_str());
    if (!status.ok()) return status;
    status = Exchange(temporary.c_str());
    if (!status.ok()) unlinkat(parent_.fd(), temporary.c_str(), 0);
    return status;
  }

  Status Exchange(const char* temporary) {
    // The old link is given up only for one that leads somewhere: to a real directory that lies
    // behind 40 links, one more is too many.
    struct stat st;
    if (fstatat(parent_.fd(), temporary, &st, 0) != 0) {
      return IsGone(errno) ? StartOver() : Status::Failed("fstatat", Subject::kTemporary);
    }
    if (renameat(parent_.fd(), temporary, parent_.fd(), paths_.id()) == 0) return Status::Ok();
    return Status::Failed("renameat", Subject::kTemporary);
  }

  Status MakeTemporary(const char* name) {
    if (symlinkat(paths_.real_dir, parent_.fd(), name) == 0) return Status::Ok();
    if (errno != EEXIST) return Status::Failed("symlinkat", Subject::kTemporary);
    // Left by a crash: whoever makes one holds the lock, and that is us. Only a link is taken.
    struct stat st;
    if (fstatat(parent_.fd(), name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
      return Status::Failed("fstatat", Subject::kTemporary);
    }
    if (!S_ISLNK(st.st_mode)) return Status::Refused(Refusal::kNotASymlink, Subject::kTemporary);
    if (unlinkat(parent_.fd(), name, 0) != 0) {
      return Status::Failed("unlinkat", Subject::kTemporary);
    }
    if (symlinkat(paths_.real_dir, parent_.fd(), name) == 0) return Status::Ok();
    return Status::Failed("symlinkat", Subject::kTemporary);
  }

  // By the full path, as a dialer will come: the parent may have been swapped since it was opened.
  Status Verify(EnsureResult result) {
    struct stat st;
    Status status = Status::Ok();
    if (stat(paths_.binding, &st) != 0) {
      status = Status::Failed("stat", Subject::kBinding);
    } else if (InodeOf(st) == real_dir_) {
      return Status::Ok();
    }
    if (result == EnsureResult::kCreated) TakeBack();
    return status.ok() || IsGone(status.errnum) ? StartOver() : status;
  }

  // Nothing stays behind after a failure; but what somebody put in its place meanwhile is not ours.
  void TakeBack() {
    char target[PATH_MAX];
    ssize_t size = readlinkat(parent_.fd(), paths_.id(), target, sizeof target - 1);
    if (size < 0) return;
    target[size] = '\0';
    if (strcmp(target, paths_.real_dir) == 0) unlinkat(parent_.fd(), paths_.id(), 0);
  }

  const Paths& paths_;
  const Parent& parent_;
  const Inode real_dir_;
  const bool takeover_;
};

// With the real directory that was found before the lock. Where the sockets of another one are in
// the way, it is looked for again: while we waited, ours may have been made anew, and be that one.
Status EnsureFound(const Paths& paths, const Parent& parent, Inode real_dir, bool takeover,
                   EnsureResult* result) {
  Status status = Attempt(paths, parent, real_dir, takeover).Run(result);
  bool in_use = status.refusal == Refusal::kBindingInUse;
  return in_use ? EnsureLocked(paths, parent, takeover, result) : status;
}

// Ensures what is not settled yet. Stops where the parent was replaced, to go on in the new one.
Status EnsureOpen(BatchItem* items, size_t count, const Parent& parent) {
  for (size_t i = 0; i < count; i++) {
    BatchItem& item = items[i];
    if (item.settled) continue;
    // What was found before the lock holds for one try.
    item.status = item.tried ? EnsureLocked(item.paths, parent, false, &item.result)
                             : EnsureFound(item.paths, parent, item.real_dir, false, &item.result);
    item.tried = true;
    if (item.status.refusal == Refusal::kParentUnstable) return item.status;
    item.settled = true;
  }
  return Status::Ok();
}

// Under the lock: unlinks the binding where it leads to the real directory or to nothing.
Status RemoveLocked(const Paths& paths, int parent, RemoveResult* result) {
  struct stat entry, target, real_dir;
  if (fstatat(parent, paths.id(), &entry, AT_SYMLINK_NOFOLLOW) != 0) {
    *result = RemoveResult::kAbsent;
    return errno == ENOENT ? Status::Ok() : Status::Failed("fstatat", Subject::kBinding);
  }
  *result = RemoveResult::kForeign;
  if (!S_ISLNK(entry.st_mode)) return Status::Ok();
  if (fstatat(parent, paths.id(), &target, 0) == 0) {
    if (stat(paths.real_dir, &real_dir) != 0) {
      // A binding that leads somewhere while our directory is gone leads to somebody else's.
      return IsGone(errno) ? Status::Ok() : Status::Failed("stat", Subject::kRealDir);
    }
    if (!SameInode(target, real_dir)) return Status::Ok();
  } else if (!IsGone(errno)) {
    return errno == ELOOP ? Status::Ok() : Status::Failed("fstatat", Subject::kBinding);
  }
  if (unlinkat(parent, paths.id(), 0) != 0) {
    if (errno != ENOENT) return Status::Failed("unlinkat", Subject::kBinding);
    *result = RemoveResult::kAbsent;
    return Status::Ok();
  }
  *result = RemoveResult::kRemoved;
  return Status::Ok();
}

}  // namespace

Status CheckPreconditions(const Paths& paths) {
  Inode real_dir;
  Status status = CheckUids(CurrentUids());
  return status.ok() ? FindRealDir(paths, &real_dir) : status;
}

Status EnsureLocked(const Paths& paths, const Parent& parent, bool takeover, EnsureResult* result) {
  Inode real_dir;
  Status status = FindRealDir(paths, &real_dir);
  return status.ok() ? Attempt(paths, parent, real_dir, takeover).Run(result) : status;
}

Status Ensure(const Paths& paths, const EnsureOptions& options, EnsureResult* result) {
  Uids uids = CurrentUids();
  Status status = CheckUids(uids);
  if (!status.ok()) return status;
  *result = EnsureResult::kUnchanged;
  if (!options.known_unsteady && IsSteady(paths, uids.effective)) return Status::Ok();
  Inode real_dir;
  status = FindRealDir(paths, &real_dir);
  if (!status.ok()) return status;
  bool tried = false;
  return WithLockedParent(paths, uids.effective, Access::kCreate, options.lock_timeout_ms,
                          [&](const Parent& parent) {
                            // What was found before the lock holds for one try.
                            if (tried) return EnsureLocked(paths, parent, options.takeover, result);
                            tried = true;
                            return EnsureFound(paths, parent, real_dir, options.takeover, result);
                          });
}

void EnsureAll(BatchItem* items, size_t count, int64_t lock_timeout_ms) {
  if (count == 0) return;
  const Paths& shared = items[0].paths;
  Uids uids = CurrentUids();
  Status status = CheckUids(uids);
  // Settled: right already, or refused. The others wait for the lock, which is taken once.
  struct stat parent;
  bool parent_is_steady = IsSteadyParent(shared, uids.effective, &parent);
  size_t open_count = 0;
  for (size_t i = 0; i < count; i++) {
    BatchItem& item = items[i];
    item.result = EnsureResult::kUnchanged;
    item.status = status;
    item.settled = !status.ok() || (parent_is_steady && LeadsToRealDir(item.paths));
    if (item.settled) continue;
    item.tried = false;
    item.status = FindRealDir(item.paths, &item.real_dir);
    item.settled = !item.status.ok();
    if (!item.settled) open_count++;
  }
  if (open_count == 0) return;
  status = WithLockedParent(shared, uids.effective, Access::kCreate, lock_timeout_ms,
                            [&](const Parent& parent) { return EnsureOpen(items, count, parent); });
  for (size_t i = 0; i < count; i++) {
    if (!items[i].settled) items[i].status = status;
  }
}

Status Remove(const Paths& paths, int64_t lock_timeout_ms, RemoveResult* result) {
  Uids uids = CurrentUids();
  Status status = CheckUids(uids);
  if (!status.ok()) return status;
  *result = RemoveResult::kAbsent;
  status = WithLockedParent(
      paths, uids.effective, Access::kExisting, lock_timeout_ms,
      [&](const Parent& parent) { return RemoveLocked(paths, parent.fd(), result); });
  return status.refusal == Refusal::kParentAbsent ? Status::Ok() : status;
}

}  // namespace boxsockets
