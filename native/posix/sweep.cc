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

Status OutOfMemory() { return Status::Failed(ENOMEM, "malloc", Subject::kNone); }

// A link that was found to lead nowhere.
struct Stale {
  size_t name, target;  // in the strings
  bool spoken_for;      // by a socket
  bool aside;           // moved aside, to be looked at again
};

class Sweep {
 public:
  Sweep(const Paths& paths, const SweepOptions& options, SweepResult* result)
      : paths_(paths), options_(options), result_(result) {}

  bool IsNeeded() const { return stale_.size() > 0 || hidden_.size() > 0; }

  // Without the lock: what leads nowhere, and what was left by a crash.
  Status Look(int parent) {
    EntryReader reader(parent, paths_.parent, Depth::kTarget, options_.timeout_ms);
    Status status;
    while (const ParentEntry* entry = reader.Next(&status)) {
      status = Judge(*entry);
      if (!status.ok()) return status;
    }
    if (stale_.size() > 0) BoundSockets::Read(true, this, Hear);
    return status;
  }

  // What would go. Who holds the lock has hidden links of his own, for a moment.
  Status Tell(int parent) {
    Status status;
    for (size_t offset : hidden_) {
      const char* name = strings_.at(offset);
      struct stat st;
      bool stays = HiddenName::Is(name, ".old") ||
                   fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISLNK(st.st_mode);
      if (status.ok() && !stays) status = NoteRemoved(name);
    }
    for (const Stale& stale : stale_) {
      if (stale.spoken_for) result_->kept++;
      if (status.ok() && !stale.spoken_for) status = NoteRemoved(strings_.at(stale.name));
    }
    return status;
  }

  // Under the lock.
  Status Remove(int parent) {
    Status status;
    for (size_t name : hidden_) {
      if (status.ok()) status = TakeHidden(parent, strings_.at(name));
    }
    size_t aside = 0;
    for (Stale& stale : stale_) {
      if (status.ok()) status = TakeAside(parent, &stale);
      if (stale.aside) aside++;
    }
    // A home may have come back meanwhile. Whoever looks now finds no link and waits for the lock.
    EntryWatch again;
    if (aside > 0 && status.ok()) status = LookAgain(parent, aside, &again);
    size_t looked = 0;
    for (const Stale& stale : stale_) {
      if (!stale.aside) continue;
      const ParentEntry* entry = status.ok() ? again.at(looked++) : nullptr;
      HiddenName hidden(strings_.at(stale.name), ".old");
      if (entry == nullptr || !entry->IsDangling() || unlinkat(parent, hidden.c_str(), 0) != 0) {
        int errnum = PutBack(parent, strings_.at(stale.name), hidden.c_str());
        if (errnum == 0 && entry != nullptr) errnum = entry->errnum;
        if (status.ok()) status = NoteKept(strings_.at(stale.name), errnum);
      } else {
        status = NoteRemoved(strings_.at(stale.name));
      }
    }
    return status;
  }

 private:
  Status Judge(const ParentEntry& entry) {
    const char* name = entry.name;
    if (name[0] == '.') {
      // Left by whoever was killed while he held the lock; under it they are looked at again.
      bool left = HiddenName::Is(name, ".new") || HiddenName::Is(name, ".old");
      size_t offset;
      if (!left) return Status::Ok();
      return strings_.Add(name, &offset) && hidden_.Append(offset) ? Status::Ok() : OutOfMemory();
    }
    if (entry.read_errnum == EINVAL || entry.read_errnum == ENOENT) return Status::Ok();
    if (entry.read_errnum != 0) return Skip(name, entry.read_errnum);
    if (!entry.IsDangling()) return NoteKept(name, entry.errnum);
    Stale stale = {0, 0, false, false};
    bool noted = strings_.Add(name, &stale.name) &&
                 strings_.Add(entry.link.text(), &stale.target) && stale_.Append(stale);
    return noted ? Status::Ok() : OutOfMemory();
  }

  // A socket that is bound below a binding, or below where it leads.
  static void Hear(void* context, const char* path, uint64_t) {
    Sweep& self = *static_cast<Sweep*>(context);
    const char* in_parent = PathBelow(path, self.paths_.parent);
    for (Stale& stale : self.stale_) {
      bool below_binding =
          in_parent != nullptr && PathBelow(in_parent, self.strings_.at(stale.name)) != nullptr;
      bool below_target = PathBelow(path, self.strings_.at(stale.target)) != nullptr;
      stale.spoken_for = stale.spoken_for || below_binding || below_target;
    }
  }

  Status TakeHidden(int parent, const char* name) {
    struct stat st;
    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISLNK(st.st_mode)) {
      return Status::Ok();
    }
    // One that was moved aside may be wanted; it is judged under its own name, by the next sweep.
    if (HiddenName::Is(name, ".old")) {
      char id[kLongestId + 1] = {};
      memcpy(id, name + 1, strlen(name) - sizeof ".old");
      if (RenameExclusively(parent, name, id) == 0) return Status::Ok();
    }
    if (unlinkat(parent, name, 0) == 0) return NoteRemoved(name);
    return errno == ENOENT ? Status::Ok() : Skip(name, errno);
  }

  Status TakeAside(int parent, Stale* stale) {
    stale->aside = false;
    const char* name = strings_.at(stale->name);
    if (stale->spoken_for) return NoteKept(name, 0);
    // It may be another one by now: a fresh link of somebody who does not take our lock.
    LinkText text;
    int errnum = text.Read(parent, name) ? 0 : errno;
    if (errnum == 0 && !text.Is(strings_.at(stale->target))) errnum = ESTALE;
    if (errnum == 0) errnum = MoveAside(parent, name, HiddenName(name, ".old").c_str(), text);
    stale->aside = errnum == 0;
    if (errnum == 0 || errnum == ENOENT) return Status::Ok();
    return NoteKept(name, errnum == ESTALE ? 0 : errnum);
  }

  Status LookAgain(int parent, size_t count, EntryWatch* watch) {
    Status status = watch->Start(parent, paths_.parent, Depth::kTarget, count);
    for (const Stale& stale : stale_) {
      if (status.ok() && stale.aside) {
        watch->Add(HiddenName(strings_.at(stale.name), ".old").c_str());
      }
    }
    if (status.ok()) watch->Run(options_.timeout_ms);
    return status;
  }

  Status NoteRemoved(const char* name) {
    size_t offset;
    bool noted = result_->names.Add(name, &offset) && result_->removed.Append(offset);
    return noted ? Status::Ok() : OutOfMemory();
  }

  Status NoteKept(const char* name, int errnum) {
    if (errnum != 0 && !IsGone(errnum)) return Skip(name, errnum);
    result_->kept++;
    return Status::Ok();
  }

  Status Skip(const char* name, int errnum) {
    SweepResult::Skipped skipped = {0, errnum};
    bool noted = result_->names.Add(name, &skipped.name) && result_->skipped.Append(skipped);
    return noted ? Status::Ok() : OutOfMemory();
  }

  const Paths& paths_;
  const SweepOptions& options_;
  SweepResult* const result_;
  Strings strings_;
  Vec<Stale> stale_;
  Vec<size_t> hidden_;
};

}  // namespace

Status SweepStale(const Paths& paths, const SweepOptions& options, SweepResult* result) {
  uid_t uid = CurrentUids().effective;
  Sweep sweep(paths, options, result);
  Parent parent;
  Status status = Parent::Open(paths, uid, Access::kExisting, &parent);
  if (status.ok()) status = sweep.Look(parent.fd());
  if (status.ok() && options.dry_run) status = sweep.Tell(parent.fd());
  if (status.ok() && !options.dry_run && sweep.IsNeeded()) {
    status = WithLockedParent(paths, uid, Access::kExisting, options.lock_timeout_ms,
                              [&](const Parent& locked) { return sweep.Remove(locked.fd()); });
  }
  return status.refusal == Refusal::kParentAbsent ? Status::Ok() : status;
}

}  // namespace boxsockets
