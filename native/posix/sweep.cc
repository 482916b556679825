#include "sweep.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "entries.h"
#include "judgement.h"
#include "parent.h"
#include "syscalls.h"
#include "user.h"

namespace boxsockets {
namespace {

constexpr size_t kAtATime = 64;

// A link that leads nowhere.
struct Stale {
  size_t name, id, target;  // in the strings; of one that a crash left aside, the two differ
  bool lives;               // by a socket, or because its home is there again
};

// One that is to go, and what becomes of it.
struct Doomed {
  char id[NAME_MAX + 1];
  LinkText target;
  bool was_aside = false;
  enum : uint8_t { kKept, kRemoved, kGone } end = kKept;
  int errnum = 0;  // why it was kept; 0 where it leads somewhere
};

using Taking = WatchOver<Doomed, Fd>;

int TargetErrno(int parent, const LinkText& target) {
  struct stat st;
  return fstatat(parent, target.text(), &st, 0) == 0 ? 0 : errno;
}

// What is removed is what was looked at: the link is moved aside, and its target looked at again. A
// home may come back meanwhile, and an ensure() find the link in its place or make a new one,
// neither of which takes the lock. Then it is put back, unless one is there again.
void Take(Taking* watch, size_t index) {
  Doomed& link = (*watch)[index];
  int parent = watch->shared.get();
  HiddenName aside(link.id, ".old");
  link.errnum = TargetErrno(parent, link.target);
  if (!link.was_aside) {
    if (!IsGone(link.errnum) || !watch->Claim(index)) return;
    int errnum = MoveAside(parent, link.id, aside.c_str(), link.target).errnum;
    watch->Unclaim(index);
    if (errnum == ENOENT) link.end = Doomed::kGone;
    link.errnum = errnum == ESTALE ? 0 : errnum;
    if (errnum != 0) return;
    link.errnum = TargetErrno(parent, link.target);
  }
  if (!watch->Claim(index)) return;
  if (IsGone(link.errnum) && unlinkat(parent, aside.c_str(), 0) == 0) {
    link.end = Doomed::kRemoved;
    return;
  }
  if (IsGone(link.errnum)) link.errnum = errno;
  int errnum = PutBack(parent, link.id, aside.c_str());
  if (errnum != 0) link.errnum = errnum;
  if (errnum == ENOENT) link.end = Doomed::kGone;
}

class Sweep {
 public:
  Sweep(const Paths& paths, const SweepOptions& options, SweepResult* result)
      : paths_(paths), options_(options), result_(result) {}

  bool IsNeeded() const { return stale_.size() > 0 || temporary_.size() > 0; }

  // Without the lock: what leads nowhere, and what was left by a crash.
  Status Look() {
    Status status = Read();
    if (!status.ok() || stale_.size() == 0) return status;
    return BoundSockets::Read(true, this, Hear);
  }

  // What would go.
  Status Tell() {
    Status status;
    for (size_t i = 0; status.ok() && i < temporary_.size(); i++) {
      status = NoteRemoved(strings_.at(temporary_[i]));
    }
    for (size_t i = 0; status.ok() && i < stale_.size(); i++) {
      const Stale& stale = stale_[i];
      status = stale.lives ? NoteKept("", 0) : NoteRemoved(strings_.at(stale.name));
    }
    return status;
  }

  // Under the lock.
  Status Remove(int parent) {
    Status status;
    for (size_t next = 0; status.ok() && next < stale_.size();) {
      Taking* taking = Taking::New(kAtATime, Take);
      if (taking == nullptr) return Status::OutOfMemory();
      status = RemoveSome(parent, taking, &next);
      taking->Release();
    }
    for (size_t i = 0; status.ok() && i < temporary_.size(); i++) {
      status = TakeTemporary(parent, strings_.at(temporary_[i]));
    }
    return status;
  }

 private:
  Status Read() {
    Parent parent;
    Status status = Parent::Open(paths_, CurrentUids().effective, Access::kExisting, &parent);
    if (!status.ok()) return status;
    EntryReader reader(parent.fd(), paths_.parent, Depth::kTarget, options_.timeout_ms);
    while (const ParentEntry* entry = reader.Next(&status)) {
      status = Judge(*entry);
      if (!status.ok()) break;
    }
    result_->kept += reader.known();
    return status;
  }

  Status Judge(const ParentEntry& entry) {
    const char* name = entry.name;
    if (entry.read_errnum == EINVAL || entry.read_errnum == ENOENT) return Status::Ok();
    if (entry.read_errnum != 0) return Skip(name, entry.read_errnum);
    bool hidden = name[0] == '.';
    // Nothing is remembered of those that stay: there may be many.
    if (!hidden && !entry.IsDangling()) return NoteKept(name, entry.errnum);
    Stale stale = {};
    if (!strings_.Add(name, &stale.name)) return Status::OutOfMemory();
    if (HiddenName::Is(name, ".new")) {
      return temporary_.Append(stale.name) ? Status::Ok() : Status::OutOfMemory();
    }
    stale.id = stale.name;
    stale.lives = !entry.IsDangling();
    bool noted = strings_.Add(entry.link.text(), &stale.target);
    if (hidden) {
      char id[kLongestId + 1] = {};
      // NOLINTNEXTLINE(bugprone-not-null-terminated-result): what follows is zero already
      memcpy(id, name + 1, strlen(name) - sizeof ".old");
      noted = noted && strings_.Add(id, &stale.id);
    }
    return noted && stale_.Append(stale) ? Status::Ok() : Status::OutOfMemory();
  }

  // A socket that is bound below a binding, or below where it leads.
  static void Hear(void* context, const char* path, uint64_t) {
    Sweep& self = *static_cast<Sweep*>(context);
    const char* in_parent = PathBelow(path, self.paths_.parent);
    for (Stale& stale : self.stale_) {
      const char *id = self.strings_.at(stale.id), *target = self.strings_.at(stale.target);
      stale.lives = stale.lives || PathBelow(in_parent, id, path, target) != nullptr;
    }
  }

  // Whoever makes a link of that name holds the lock, and that is us. Nothing but a link goes.
  Status TakeTemporary(int parent, const char* name) {
    LinkText text;
    bool taken = text.Read(parent, name) && unlinkat(parent, name, 0) == 0;
    if (taken) return NoteRemoved(name);
    return errno == ENOENT || errno == EINVAL ? Status::Ok() : Skip(name, errno);
  }

  // From the one at `next` on, as many as are taken at a time.
  Status RemoveSome(int parent, Taking* taking, size_t* next) {
    Status status;
    size_t count = 0;
    // Its own: a thread that is given up looks on when the caller has closed his.
    taking->shared = Fd(fcntl(parent, F_DUPFD_CLOEXEC, 0));
    if (!taking->shared.valid()) return Status::Failed("fcntl", Subject::kParent);
    for (; status.ok() && *next < stale_.size() && count < kAtATime; ++*next) {
      const Stale& stale = stale_[*next];
      const char* id = strings_.at(stale.id);
      bool aside = stale.id != stale.name;
      if (stale.lives) {
        int errnum = aside ? PutBack(parent, id, strings_.at(stale.name)) : 0;
        // Gone where it was aside for a moment alone, by another sweep or removal.
        if (errnum != ENOENT) status = NoteKept(id, errnum);
      } else {
        Doomed& link = (*taking)[count++];
        memcpy(link.id, id, strlen(id) + 1);
        link.target.Set(strings_.at(stale.target));
        link.was_aside = aside;
      }
    }
    taking->Run(count, options_.timeout_ms);
    for (size_t i = 0; status.ok() && i < count; i++) {
      status = Note(parent, (*taking)[i], taking->Answered(i));
    }
    return status;
  }

  Status Note(int parent, const Doomed& link, bool answered) {
    HiddenName aside(link.id, ".old");
    if (answered && link.end == Doomed::kGone) return Status::Ok();
    if (answered && link.end == Doomed::kKept) return NoteKept(link.id, link.errnum);
    if (answered) return NoteRemoved(link.was_aside ? aside.c_str() : link.id);
    // Its home does not answer any more; it may have been moved aside before.
    int errnum = PutBack(parent, link.id, aside.c_str());
    return NoteKept(link.id, errnum == 0 || errnum == ENOENT ? kNoAnswer : errnum);
  }

  Status NoteRemoved(const char* name) {
    size_t offset;
    bool noted = result_->names.Add(name, &offset) && result_->removed.Append(offset);
    return noted ? Status::Ok() : Status::OutOfMemory();
  }

  Status NoteKept(const char* name, int errnum) {
    if (errnum != 0) return Skip(name, errnum);
    result_->kept++;
    return Status::Ok();
  }

  Status Skip(const char* name, int errnum) {
    SweepResult::Skipped skipped = {0, errnum};
    bool noted = result_->names.Add(name, &skipped.name) && result_->skipped.Append(skipped);
    return noted ? Status::Ok() : Status::OutOfMemory();
  }

  const Paths& paths_;
  const SweepOptions& options_;
  SweepResult* const result_;
  Strings strings_;
  Vec<Stale> stale_;
  Vec<size_t> temporary_;
};

}  // namespace

Status SweepStale(const Paths& paths, const SweepOptions& options, SweepResult* result) {
  Sweep sweep(paths, options, result);
  Status status = sweep.Look();
  if (status.ok() && options.dry_run) {
    status = sweep.Tell();
  } else if (status.ok() && sweep.IsNeeded()) {
    status =
        WithLockedParent(paths, CurrentUids().effective, Access::kExisting, options.lock_timeout_ms,
                         [&](const Parent& locked) { return sweep.Remove(locked.fd()); });
  }
  return status.refusal == Refusal::kParentAbsent ? Status::Ok() : status;
}

}  // namespace boxsockets
