#include "sweep.h"

#include <fcntl.h>
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

// `.<id>.new`, which an ensure() leaves only when it is killed: it holds the lock while one exists.
// Names that cannot be ours are left alone.
bool IsTemporary(const char* name) {
  constexpr size_t kLongestId = 128;
  if (name[0] != '.') return false;
  const char* id = name + 1;
  size_t size = 0;
  // BOX_ID of lib/paths/names.ts: a dot, `@`, `+`, `:` and `=` are not its first.
  while (IsAlphanumeric(id[size]) ||
         (id[size] != '\0' && strchr(size == 0 ? "_-" : "_-.@+:=", id[size]))) {
    size++;
  }
  constexpr size_t kEnd = sizeof ".new" - 1;
  return id[size] == '\0' && size > kEnd && size - kEnd <= kLongestId &&
         strcmp(id + size - kEnd, ".new") == 0;
}

class Sweep {
 public:
  Sweep(bool dry_run, SweepResult* result) : dry_run_(dry_run), result_(result) {}

  Status Run(int parent) {
    Directory directory;
    Status status = directory.Open(parent, ".", Subject::kParent);
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

  // A home may come back between the look and the unlink, and an ensure() find the link in its
  // place: where all is right it takes no lock. So the target is looked for once more when the link
  // is gone, and the link put back where it is there; whoever looks later finds no link and waits.
  // A dry run, without the lock, looks at the target alone: the link itself may come and go.
  Status TakeStale(int parent, const char* name) {
    char target[PATH_MAX];
    ssize_t size = readlinkat(parent, name, target, sizeof target - 1);
    if (size < 0 || (!dry_run_ && unlinkat(parent, name, 0) != 0)) {
      return errno == ENOENT ? Status::Ok() : Skip(name, errno);
    }
    target[size] = '\0';
    struct stat st;
    int errnum = fstatat(parent, target, &st, 0) == 0 ? 0 : errno;
    if (IsGone(errnum)) return NoteRemoved(name);
    if (!dry_run_ && symlinkat(target, parent, name) != 0 && errno != EEXIST) {
      return Skip(name, errno);
    }
    if (errnum != 0) return Skip(name, errnum);
    result_->kept++;
    return Status::Ok();
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
  // False where memory is short.
  bool Describe(const char* name) {
    constexpr int kAttempts = 8;
    Listing::Entry entry;
    for (int attempt = 0; attempt < kAttempts; attempt++) {
      char target[PATH_MAX + 1];
      ssize_t size = readlinkat(parent_, name, target, sizeof target - 1);
      int errnum = size < 0 ? errno : 0;
      if (errnum == ENOENT) return true;  // gone meanwhile
      entry = {};
      entry.target = Listing::kNoTarget;
      entry.state = errnum == EINVAL ? BindingState::kNotASymlink : BindingState::kUnreadable;
      entry.errnum = errnum == EINVAL ? 0 : errnum;
      entry.first_socket = listing_->sockets.size();
      if (!listing_->names.Add(name, &entry.id)) return false;
      if (size < 0) break;
      target[size] = '\0';
      if (!listing_->names.Add(target, &entry.target) || !Resolve(name, &entry)) return false;
      // A link that was removed, or moved to another home, since it was read leads nowhere, too.
      if (entry.state != BindingState::kDangling || IsGoneTarget(target)) break;
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
    status = directory.Open(parent_, name, Subject::kBinding);
    if (status.ok()) status = ListSockets(name, &directory, entry);
    if (status.ok()) return true;
    // Its target has gone since it was looked at.
    bool gone = status.errnum == ENOENT;
    entry->state = gone ? BindingState::kDangling : BindingState::kUnreadable;
    if (gone) return true;
    entry->errnum = status.errnum;
    // The kernel's lack of memory concerns one entry; our own, all that is still to be noted.
    return strcmp(status.syscall, "malloc") != 0;
  }

  Status ListSockets(const char* name, Directory* directory, Listing::Entry* entry) {
    JoinedPath binding(paths_.parent, name);
    Status status;
    while (const dirent* found = directory->Next(&status)) {
      if (!S_ISSOCK(directory->TypeOf(found))) continue;
      Listing::Socket socket = {};
      status = AskWhetherHeld(JoinedPath(binding.c_str(), found->d_name).c_str(), &socket.held);
      if (!status.ok()) return status;
      if (socket.held) entry->state = BindingState::kLive;
      bool noted =
          listing_->names.Add(found->d_name, &socket.name) && listing_->sockets.Append(socket);
      if (!noted) return OutOfMemory();
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
    status = Parent::Open(paths, uid, Access::kInspect, &parent);
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
  Status status = Parent::Open(paths, CurrentUids().effective, Access::kInspect, &parent);
  if (status.refusal == Refusal::kParentAbsent) return Status::Ok();
  return status.ok() ? Lister(paths, parent.fd(), listing).Run() : status;
}

}  // namespace boxsockets
