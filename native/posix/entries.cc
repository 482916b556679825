#include "entries.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "beneath.h"
#include "syscalls.h"

namespace boxsockets {
namespace {

constexpr size_t kAtATime = 512;

// A link that is moved to another home while it is looked at is looked at again, some times.
constexpr int kAttempts = 8;

void LookOnce(const ParentView& view, ParentEntry* entry) {
  int parent = view.parent;
  entry->errnum = 0;
  entry->leads_nowhere = false;
  entry->syscall = "fstatat";
  entry->read_errnum = entry->link.Read(parent, entry->name) ? 0 : errno;
  if (entry->read_errnum != 0) return;
  if (fstatat(parent, entry->name, &entry->target, 0) != 0) {
    entry->errnum = errno;
    entry->leads_nowhere = IsGone(errno);
    return;
  }
  bool left_out = InodeOf(entry->target) == view.left_out;
  if (view.depth == Depth::kTarget || left_out) return;
  Fd directory(RetryInterrupted([&] {
    return openat(parent, entry->name, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC);
  }));
  entry->syscall = "openat";
  if (!directory.valid()) {
    entry->errnum = errno;
    entry->leads_nowhere = errno == ENOENT;  // since a moment ago
    return;
  }
  Status status =
      FindSockets(&directory, JoinedPath(view.path, entry->name).c_str(), &entry->sockets);
  entry->errnum = status.errnum;
  entry->syscall = status.syscall;
}

void Look(WatchOver<ParentEntry, ParentView>* watch, size_t index) {
  const ParentView& view = watch->shared;
  ParentEntry* entry = &(*watch)[index];
  for (int attempt = 0; attempt < kAttempts; attempt++) {
    LookOnce(view, entry);
    // Gone for the moment between an unlink and a new link, perhaps.
    if (entry->read_errnum == ENOENT && attempt == 0) continue;
    if (!entry->IsDangling()) return;
    // A link that was removed, or moved, since it was read leads nowhere, too.
    struct stat st;
    if (fstatat(view.parent, entry->link.text(), &st, 0) != 0 && IsGone(errno)) return;
  }
  // It comes and goes, and is not to be called stale.
  entry->leads_nowhere = false;
  entry->errnum = EAGAIN;
}

}  // namespace

EntryWatch::~EntryWatch() {
  if (watch_ != nullptr) watch_->Release();
}

Status EntryWatch::Start(int parent, const char* path, Depth depth, size_t capacity) {
  if (watch_ != nullptr) watch_->Release();
  watch_ = Watched::New(capacity, Look);
  size_ = 0;
  if (watch_ == nullptr) return Status::OutOfMemory();
  ParentView& view = watch_->shared;
  view.parent = parent;
  view.depth = depth;
  CopyText(path, view.path, sizeof view.path);
  return Status::Ok();
}

void EntryWatch::Add(const char* name) {
  CopyText(name, (*watch_)[size_++].name, sizeof ParentEntry::name);
}

Status EntryWatch::Run(int64_t timeout_ms) {
  ParentView& view = watch_->shared;
  view.own_parent = Fd(fcntl(view.parent, F_DUPFD_CLOEXEC, 0));
  if (!view.own_parent.valid()) return Status::Failed("fcntl", Subject::kParent);
  view.parent = view.own_parent.get();
  watch_->Run(size_, timeout_ms);
  return Status::Ok();
}

ParentEntry* EntryWatch::at(size_t index) {
  ParentEntry* entry = &(*watch_)[index];
  if (watch_->Answered(index)) return entry;
  // The parent answers: the base is trusted to, and its links are its own.
  memcpy(unanswered_.name, entry->name, sizeof unanswered_.name);
  unanswered_.read_errnum =
      unanswered_.link.Read(watch_->shared.parent, unanswered_.name) ? 0 : errno;
  unanswered_.errnum = kNoAnswer;
  unanswered_.syscall = "fstatat";
  return &unanswered_;
}

Status EntryReader::Fill() {
  Status status;
  size_t count = 0;
  while (const dirent* entry = count < kAtATime ? directory_.Next(&status) : nullptr) {
    const char* name = entry->d_name;
    bool links = depth_ != Depth::kSockets, hidden = name[0] == '.';
    bool ours = links && hidden && (HiddenName::Is(name, ".new") || HiddenName::Is(name, ".old"));
    if ((hidden && !ours) || (links && !S_ISLNK(directory_.TypeOf(entry)))) continue;
    if (links && !ours && KnowWay(parent_, name, nullptr) == 0) {
      known_++;
      continue;
    }
    // Only now: it takes megabytes, and often nothing is left to be looked at.
    if (count++ == 0) status = watch_.Start(parent_, path_, depth_, kAtATime);
    if (!status.ok()) return status;
    watch_.Add(name);
  }
  if (!status.ok() || count == 0) return status;
  next_ = 0;
  return watch_.Run(timeout_ms_);
}

ParentEntry* EntryReader::Next(Status* status) {
  *status = Status::Ok();
  if (directory_.fd() < 0) *status = directory_.Open(parent_, ".", Subject::kParent);
  if (status->ok() && next_ == watch_.size()) *status = Fill();
  return status->ok() && next_ < watch_.size() ? watch_.at(next_++) : nullptr;
}

}  // namespace boxsockets
