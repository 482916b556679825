#include "binding.h"

#include <fcntl.h>
#include <stdio.h>  // renameat
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base.h"
#include "box_sockets.h"
#include "directory.h"
#include "link.h"
#include "occupant.h"
#include "steady.h"
#include "syscalls.h"
#include "user.h"

namespace boxsockets {
namespace {

Status FindRealDir(const Paths& paths, Inode* out) {
  struct stat st;
  int errnum = stat(paths.real_dir, &st) != 0 ? errno : S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
  if (errnum == 0) *out = InodeOf(st);
  if (errnum == 0) return Status::Ok();
  bool refused = IsGone(errnum) || errnum == ELOOP || errnum == ENAMETOOLONG;
  if (!refused) return Status::Failed(errnum, "stat", Subject::kRealDir);
  Status status = Status::Refused(Refusal::kRealDir, Subject::kRealDir);
  status.errnum = errnum;
  status.syscall = "stat";
  return status;
}

Status CheckCaller(const Paths& paths, Uids uids, const EnsureOptions& options) {
  Status status = CheckUids(uids);
  return status.ok() && options.check_ancestry ? CheckAncestry(paths.base, uids.effective) : status;
}

Status StartOver() { return Status::Retry(Refusal::kParentUnstable, Subject::kParent); }

// Whether the entry of that name is found under another one, which the file system takes for the
// same: a directory may ignore case, and how a letter is composed (ext4's casefold, APFS).
Status CheckName(int parent, const char* name) {
  char flipped[kLongestId + 1] = {};
  for (size_t i = 0; i + 1 < sizeof flipped && name[i] != '\0'; i++) {
    bool letter = IsAlphanumeric(name[i]) && (name[i] > '9');
    flipped[i] = static_cast<char>(letter ? name[i] ^ ('a' ^ 'A') : name[i]);
  }
  struct stat st, entry;
  if (strcmp(flipped, name) == 0) return Status::Ok();
  if (fstatat(parent, flipped, &st, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? Status::Ok() : Status::Failed("fstatat", Subject::kBinding);
  }
  bool folds = fstatat(parent, name, &entry, AT_SYMLINK_NOFOLLOW) == 0 && SameInode(st, entry);
  if (!folds) return Status::Ok();
  Directory directory;
  Status status = directory.Open(parent, ".", Subject::kParent);
  if (!status.ok()) return status;
  while (const dirent* found = directory.Next(&status)) {
    if (strcmp(found->d_name, name) == 0) return Status::Ok();
  }
  return status.ok() ? Status::Refused(Refusal::kIdTaken, Subject::kBinding) : status;
}

// One try at making the binding right.
class Attempt {
 public:
  Attempt(const Paths& paths, const Parent& parent, Inode real_dir)
      : paths_(paths), parent_(parent), real_dir_(real_dir) {}

  // Makes the link where none is, which needs no lock: one call, and it is exclusive. EEXIST where
  // something is there.
  Status Create(EnsureResult* result) {
    *result = EnsureResult::kCreated;
    if (symlinkat(paths_.real_dir, parent_.fd(), paths_.id()) == 0) return Verify(*result);
    return Explain(Status::Failed("symlinkat", Subject::kRealDir, Subject::kBinding));
  }

  // Under the lock.
  Status CreateOrReplace(bool takeover, EnsureResult* result) {
    Status status = Create(result);
    if (status.errnum != EEXIST) return status;
    *result = EnsureResult::kReplaced;
    status = Inspect(takeover, result);
    if (!status.ok() || *result == EnsureResult::kUnchanged) return Explain(status);
    status = Replace();
    return status.ok() ? Verify(*result) : Explain(status);
  }

 private:
  // A removed parent makes every call in it fail with ENOENT: begin again in the new one.
  Status Explain(const Status& status) const {
    bool gone = status.errnum == ENOENT && !parent_.IsStillAt(paths_.parent);
    return gone ? StartOver() : status;
  }

  // Is what is there right already, and if not, may it be replaced?
  Status Inspect(bool takeover, EnsureResult* result) {
    EntryWatch watch;
    ParentEntry* found;
    Status status = LookAtBinding(paths_, parent_.fd(), real_dir_, Depth::kSockets, &watch, &found);
    if (!status.ok()) return status;
    // Gone again: somebody who does not take our lock was here.
    if (found->read_errnum == ENOENT) return StartOver();
    if (found->read_errnum == EINVAL) return InspectOther(result);
    if (found->read_errnum != 0) {
      return Status::Failed(found->read_errnum, "readlinkat", Subject::kBinding);
    }
    if (found->errnum == 0 && InodeOf(found->target) == real_dir_) {
      *result = EnsureResult::kUnchanged;
      return Status::Ok();
    }
    status = CheckName(parent_.fd(), paths_.id());
    if (!status.ok() || takeover || found->errnum == ELOOP || found->LeadsToNoDirectory()) {
      return status;
    }
    if (found->errnum != 0 && !found->leads_nowhere) {
      return Status::Failed(found->errnum, found->syscall, Subject::kBinding);
    }
    bool occupied;
    status = FindOccupant(paths_, *found, &occupied, nullptr);
    if (!status.ok() || !occupied) return status;
    return Status::Refused(Refusal::kBindingInUse, Subject::kBinding);
  }

  // What is no link may be the real directory itself, mounted there.
  Status InspectOther(EnsureResult* result) {
    struct stat st;
    bool right = fstatat(parent_.fd(), paths_.id(), &st, 0) == 0 && InodeOf(st) == real_dir_;
    *result = EnsureResult::kUnchanged;
    return right ? Status::Ok() : Status::Refused(Refusal::kNotASymlink, Subject::kBinding);
  }

  Status Replace() {
    HiddenName temporary(paths_.id(), ".new");
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
    return Status::Failed("renameat", Subject::kTemporary, Subject::kBinding);
  }

  Status MakeTemporary(const char* name) {
    if (symlinkat(paths_.real_dir, parent_.fd(), name) == 0) return Status::Ok();
    if (errno != EEXIST) return Status::Failed("symlinkat", Subject::kRealDir, Subject::kTemporary);
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
    return Status::Failed("symlinkat", Subject::kRealDir, Subject::kTemporary);
  }

  // By the full path, as a dialer will come: the parent may have been swapped since it was opened.
  Status Verify(EnsureResult result) {
    struct stat st;
    Status status = Status::Ok();
    if (stat(paths_.binding, &st) != 0) {
      status = Status::Failed("stat", Subject::kBinding);
    } else if (InodeOf(st) == real_dir_) {
      // Through the descriptor it leads there, too, unless that is another parent by now.
      INVARIANT(IsFile(parent_.fd(), paths_.id(), st) || !parent_.IsStillAt(paths_.parent));
      return Status::Ok();
    }
    if (result == EnsureResult::kCreated) TakeBack();
    return status.ok() || IsGone(status.errnum) ? StartOver() : status;
  }

  // Nothing stays behind after a failure; but what somebody put in its place meanwhile is not ours.
  void TakeBack() {
    LinkText target;
    bool ours = target.Read(parent_.fd(), paths_.id()) && target.Is(paths_.real_dir);
    if (ours) unlinkat(parent_.fd(), paths_.id(), 0);
  }

  const Paths& paths_;
  const Parent& parent_;
  const Inode real_dir_;
};

// Ensures what is not settled yet; without the lock, what is missing alone. `left` counts the rest.
// Ends where the parent was replaced, to go on in the new one.
Status EnsureOpen(BatchItem* items, size_t count, const Parent& parent, bool locked, size_t* left) {
  *left = 0;
  for (size_t i = 0; i < count; i++) {
    BatchItem& item = items[i];
    if (item.settled) continue;
    Inode real_dir = {};
    Status status = FindRealDir(item.paths, &real_dir);
    if (status.ok()) {
      Attempt attempt(item.paths, parent, real_dir);
      status = locked ? attempt.CreateOrReplace(false, &item.result) : attempt.Create(&item.result);
    }
    if (status.kind == Kind::kRetry) return status;
    item.settled = locked || status.errnum != EEXIST;
    if (item.settled) item.status = status;
    if (!item.settled) ++*left;
  }
  return Status::Ok();
}

}  // namespace

Status CheckPreconditions(const Paths& paths, const EnsureOptions& options) {
  Inode real_dir;
  Status status = CheckCaller(paths, CurrentUids(), options);
  if (status.ok()) status = CheckAnswers(paths, options.takeover);
  return status.ok() ? FindRealDir(paths, &real_dir) : status;
}

Status EnsureLocked(const Paths& paths, const Parent& parent, bool takeover, EnsureResult* result) {
  // While the lock was waited for, the real directory may have been made anew.
  Inode real_dir;
  Status status = FindRealDir(paths, &real_dir);
  return status.ok() ? Attempt(paths, parent, real_dir).CreateOrReplace(takeover, result) : status;
}

Status EnsureOnce(const Paths& paths, uid_t uid, bool takeover, int64_t deadline,
                  const struct stat* base, EnsureResult* result) {
  Inode real_dir;
  Parent parent;
  Fd lock;
  Status status = FindRealDir(paths, &real_dir);
  if (status.ok()) status = Parent::Open(paths, uid, Access::kCreate, &parent, base);
  if (status.ok()) status = Attempt(paths, parent, real_dir).Create(result);
  if (status.errnum != EEXIST) return status;
  status = LockParent(paths, &parent, uid, deadline, &lock);
  return status.ok() ? EnsureLocked(paths, parent, takeover, result) : status;
}

Status Ensure(const Paths& paths, const EnsureOptions& options, EnsureResult* result) {
  Uids uids = CurrentUids();
  Status status = CheckCaller(paths, uids, options);
  if (status.ok()) status = CheckAnswers(paths, options.takeover);
  if (!status.ok()) return status;
  *result = EnsureResult::kUnchanged;
  Look look;
  bool answers = !options.takeover || AnswersInTime(paths.binding);
  if (answers && IsSteady(paths, uids.effective, &look)) return Status::Ok();
  return EnsureUnsteady(paths, uids.effective, options, look, result);
}

Status EnsureUnsteady(const Paths& paths, uid_t uid, const EnsureOptions& options, const Look& look,
                      EnsureResult* result) {
  int64_t deadline = DeadlineInMs(options.lock_timeout_ms);
  const struct stat* base = look.base_trusted ? &look.base : nullptr;
  return BeginAgain([&] {
    // What was seen a moment ago holds for one try.
    const struct stat* seen = base;
    base = nullptr;
    return EnsureOnce(paths, uid, options.takeover, deadline, seen, result);
  });
}

void EnsureAll(BatchItem* items, size_t count, const EnsureOptions& options) {
  if (count == 0) return;
  const Paths& shared = items[0].paths;
  Uids uids = CurrentUids();
  Status status = CheckCaller(shared, uids, options);
  int64_t deadline = DeadlineInMs(options.lock_timeout_ms);
  Look look;
  bool parent_is_steady = IsSteadyParent(shared, uids.effective, &look);
  size_t left = 0;
  bool asks = options.may_wait && status.ok();
  Answers answers(count);
  for (size_t i = 0; asks && i < count; i++) answers.Add(items[i].paths, false);
  answers.Run();
  for (size_t i = 0; i < count; i++) {
    BatchItem& item = items[i];
    item.result = EnsureResult::kUnchanged;
    item.status = asks ? answers.Of(i) : status;
    item.settled = !item.status.ok() || (parent_is_steady && LeadsToRealDir(item.paths));
    if (!item.settled) left++;
  }
  if (left == 0) return;
  status = BeginAgain([&] {
    Parent parent;
    Fd lock;
    Status ensured = Parent::Open(shared, uids.effective, Access::kCreate, &parent);
    if (ensured.ok()) ensured = EnsureOpen(items, count, parent, false, &left);
    if (!ensured.ok() || left == 0) return ensured;
    ensured = LockParent(shared, &parent, uids.effective, deadline, &lock);
    return ensured.ok() ? EnsureOpen(items, count, parent, true, &left) : ensured;
  });
  for (size_t i = 0; i < count; i++) {
    if (!items[i].settled) items[i].status = status;
  }
}

}  // namespace boxsockets
