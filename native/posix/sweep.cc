#include "sweep.h"

#include <fcntl.h>
#include <stdio.h>  // renameat
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "directory.h"
#include "parent.h"
#include "socket.h"
#include "syscalls.h"
#include "user.h"

namespace boxsockets {
namespace {

Status OutOfMemory() { return Status::Failed(ENOMEM, "malloc", Subject::kNone); }

// `.<id>.new`, which stays only where its maker is killed: it holds the lock while one exists.
// Names that cannot be ours are left alone.
bool IsTemporary(const char* name) {
  constexpr char kSuffix[] = ".new";
  size_t size = strlen(name);
  if (name[0] != '.' || size < 1 + 1 + strlen(kSuffix)) return false;
  size -= 1 + strlen(kSuffix);
  const char* id = name + 1;
  if (size > TemporaryName::kLongestId || strcmp(id + size, kSuffix) != 0) return false;
  if (!IsAlphanumeric(id[0]) && id[0] != '_' && id[0] != '-') return false;
  for (size_t i = 1; i < size; i++) {
    if (!IsAlphanumeric(id[i]) && strchr("_-.@+:=", id[i]) == nullptr) return false;
  }
  return true;
}

class Sweep {
 public:
  Sweep(bool dry_run, SweepResult* result) : dry_run_(dry_run), result_(result) {}

  Status Run(int parent) {
    Directory directory;
    Status status = directory.Open(parent, ".", Subject::kParent);
    struct stat st;
    if (!dry_run_ && fstatat(parent, kAside, &st, AT_SYMLINK_NOFOLLOW) == 0) {
      blocked_ = !S_ISLNK(st.st_mode);
    } else if (!dry_run_ && errno != ENOENT && status.ok()) {
      status = Status::Failed("fstatat", Subject::kParent);
    }
    while (status.ok()) {
      size_t removed_before = result_->removed.size();
      status = Pass(&directory);
      bool hidden = result_->removed.size() > removed_before && kRemovalHidesEntries && !dry_run_;
      if (!hidden) break;
      directory.Rewind();
    }
    return status;
  }

 private:
  // Where a link is while it is looked at again: of the form of all temporary links, so that it
  // goes with the next sweep where we are killed. Nothing but a link is ever overwritten.
  static constexpr char kAside[] = ".-.new";

  // APFS may pass over entries when others are removed during the reading; Linux's file systems do
  // not (POSIX leaves only the entries themselves that come and go unspecified).
#if defined(__APPLE__)
  static constexpr bool kRemovalHidesEntries = true;
#else
  static constexpr bool kRemovalHidesEntries = false;
#endif

  // Looks at every entry. What an earlier pass kept or skipped is counted anew.
  Status Pass(Directory* directory) {
    result_->kept = 0;
    result_->skipped.Clear();
    Status status;
    while (const dirent* entry = directory->Next(&status)) {
      status = Look(*directory, entry);
      if (!status.ok()) break;
    }
    return status;
  }

  Status Look(const Directory& directory, const dirent* entry) {
    const char* name = entry->d_name;
    if (!S_ISLNK(directory.TypeOf(entry))) return Status::Ok();
    if (name[0] == '.') return IsTemporary(name) ? Take(directory.fd(), name) : Status::Ok();
    struct stat target;
    if (fstatat(directory.fd(), name, &target, 0) == 0) {
      result_->kept++;
      return Status::Ok();
    }
    if (IsGone(errno)) return TakeStale(directory.fd(), name);
    return Skip(name, errno);
  }

  // What is removed is what was looked at: the link is moved aside, and what was moved is looked at
  // again. A home may come back meanwhile, and an ensure() find the link in its place or make a new
  // one, neither of which takes the lock. Then it is put back, unless one is there again.
  // A dry run, without the lock, looks at the target alone: the link itself may come and go.
  Status TakeStale(int parent, const char* name) {
    if (blocked_) return Skip(name, EEXIST);
    if (!dry_run_ && renameat(parent, name, parent, kAside) != 0) {
      return errno == ENOENT ? Status::Ok() : Skip(name, errno);
    }
    LinkText target;
    struct stat st;
    bool read = target.Read(parent, dry_run_ ? name : kAside);
    int errnum = read && fstatat(parent, target.text(), &st, 0) == 0 ? 0 : errno;
    if (read && IsGone(errnum)) {
      if (dry_run_ || unlinkat(parent, kAside, 0) == 0) return NoteRemoved(name);
      errnum = errno;
    }
    if (!dry_run_ && !PutBack(parent, name, read ? target.text() : nullptr)) {
      return Skip(name, errno);
    }
    if (dry_run_ && !read && errnum == ENOENT) return Status::Ok();
    if (errnum != 0) return Skip(name, errnum);
    result_->kept++;
    return Status::Ok();
  }

  // By a second link, which overwrites nothing that has come meanwhile; where there is no room for
  // one, the first is moved.
  bool PutBack(int parent, const char* name, const char* target) {
    bool there = target != nullptr && (symlinkat(target, parent, name) == 0 || errno == EEXIST);
    return (there ? unlinkat(parent, kAside, 0) : renameat(parent, kAside, parent, name)) == 0;
  }

  Status Take(int parent, const char* name) {
    // Gone meanwhile, which a dry run, without the lock, may well see: then it was not stale.
    struct stat st;
    int result =
        dry_run_ ? fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) : unlinkat(parent, name, 0);
    if (result != 0) return errno == ENOENT ? Status::Ok() : Skip(name, errno);
    return NoteRemoved(name);
  }

  Status NoteRemoved(const char* name) {
    size_t offset;
    bool noted = result_->names.Add(name, &offset) && result_->removed.Append(offset);
    return noted ? Status::Ok() : OutOfMemory();
  }

  Status Skip(const char* name, int errnum) {
    SweepResult::Skipped skipped = {0, errnum};
    bool noted = result_->names.Add(name, &skipped.name) && result_->skipped.Append(skipped);
    return noted ? Status::Ok() : OutOfMemory();
  }

  const bool dry_run_;
  SweepResult* const result_;
  bool blocked_ = false;  // something else has that name
};

class Lister {
 public:
  Lister(const Paths& paths, int parent, Listing* listing)
      : paths_(paths), parent_(parent), listing_(listing) {}

  Status Run() {
    Directory directory;
    Status status = directory.Open(parent_, ".", Subject::kParent);
    if (!status.ok()) return status;
    while (const dirent* entry = directory.Next(&status)) {
      if (entry->d_name[0] == '.') continue;
      if (!Describe(entry->d_name)) return OutOfMemory();
    }
    return status;
  }

 private:
  // False where memory is short: our own, and not the kernel's, which concerns one entry.
  bool Describe(const char* name) {
    constexpr int kAttempts = 8;
    Listing::Entry entry;
    for (int attempt = 0; attempt < kAttempts; attempt++) {
      LinkText target;
      int errnum = target.Read(parent_, name) ? 0 : errno;
      if (errnum == ENOENT) return true;  // gone meanwhile
      entry = {};
      entry.target = Listing::kNoTarget;
      entry.state = errnum == EINVAL ? BindingState::kNotASymlink : BindingState::kUnreadable;
      entry.errnum = errnum == EINVAL ? 0 : errnum;
      entry.first_socket = listing_->sockets.size();
      if (!listing_->names.Add(name, &entry.id)) return false;
      if (errnum != 0) break;
      if (!listing_->names.Add(target.text(), &entry.target) || !Resolve(name, &entry)) {
        return false;
      }
      // A link that was removed, or moved to another home, since it was read leads nowhere, too.
      if (entry.state != BindingState::kDangling || IsGoneTarget(target.text())) break;
    }
    entry.socket_count = listing_->sockets.size() - entry.first_socket;
    return listing_->entries.Append(entry);
  }

  bool IsGoneTarget(const char* target) {
    struct stat st;
    return fstatat(parent_, target, &st, 0) != 0 && IsGone(errno);
  }

  bool Resolve(const char* name, Listing::Entry* entry) {
    struct stat target;
    Directory directory;
    Status status = Status::Ok();
    if (fstatat(parent_, name, &target, 0) != 0) {
      entry->state = IsGone(errno) ? BindingState::kDangling : BindingState::kUnreadable;
      entry->errnum = entry->state == BindingState::kDangling ? 0 : errno;
      return true;
    }
    entry->state = BindingState::kIdle;
    bool noted = true;
    status = directory.Open(parent_, name, Subject::kBinding);
    if (status.ok()) status = ListSockets(name, &directory, entry, &noted);
    if (status.ok() || !noted) return noted;
    // Its target has gone since it was looked at.
    bool gone = status.errnum == ENOENT;
    entry->state = gone ? BindingState::kDangling : BindingState::kUnreadable;
    entry->errnum = gone ? 0 : status.errnum;
    return true;
  }

  Status ListSockets(const char* name, Directory* directory, Listing::Entry* entry, bool* noted) {
    JoinedPath binding(paths_.parent, name);
    Status status;
    while (const dirent* found = directory->Next(&status)) {
      if (!S_ISSOCK(directory->TypeOf(found))) continue;
      Listing::Socket socket = {};
      status = AskWhetherHeld(JoinedPath(binding.c_str(), found->d_name).c_str(), &socket.held);
      if (!status.ok()) return status;
      if (socket.held) entry->state = BindingState::kLive;
      *noted = listing_->names.Add(found->d_name, &socket.name) && listing_->sockets.Append(socket);
      if (!*noted) break;
    }
    return status;
  }

  const Paths& paths_;
  const int parent_;
  Listing* const listing_;
};

}  // namespace

Status SweepStale(const Paths& paths, bool dry_run, int64_t lock_timeout_ms, SweepResult* result) {
  uid_t uid = CurrentUids().effective;
  Status status;
  if (dry_run) {
    Parent parent;
    status = Parent::Open(paths, uid, Access::kExisting, &parent);
    if (status.ok()) status = Sweep(dry_run, result).Run(parent.fd());
  } else {
    status = WithLockedParent(
        paths, uid, Access::kExisting, lock_timeout_ms,
        [&](const Parent& parent) { return Sweep(dry_run, result).Run(parent.fd()); });
  }
  return status.refusal == Refusal::kParentAbsent ? Status::Ok() : status;
}

Status List(const Paths& paths, Listing* listing) {
  Parent parent;
  Status status = Parent::Open(paths, CurrentUids().effective, Access::kExisting, &parent);
  if (status.refusal == Refusal::kParentAbsent) return Status::Ok();
  return status.ok() ? Lister(paths, parent.fd(), listing).Run() : status;
}

}  // namespace boxsockets
