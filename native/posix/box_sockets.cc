#include "box_sockets.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "beneath.h"
#include "directory.h"
#include "entries.h"
#include "syscalls.h"

namespace boxsockets {
namespace {

struct Place {
  BoxDepth depth;
  char binding[PATH_MAX + 1];
  char real_dir[PATH_MAX + 1];
};

struct Seen {
  int errnum = 0;
  mode_t mode = 0;
  Status status;
  Sockets sockets;
};

// By what a socket is asked where it can be asked by a path alone: one that is short enough.
const char* AskedThrough(const Place& place) {
#if defined(__linux__)
  return place.real_dir;
#else
  struct stat binding, real_dir;
  bool leads_there = stat(place.binding, &binding) == 0 && stat(place.real_dir, &real_dir) == 0 &&
                     SameInode(binding, real_dir);
  return leads_there ? place.binding : place.real_dir;
#endif
}

using Watched = WatchOver<Seen, Place>;

void Look(Watched* watch, size_t) {
  Place* place = &watch->shared;
  Seen* seen = &(*watch)[0];
  struct stat st;
  seen->errnum = lstat(place->real_dir, &st) == 0 ? 0 : errno;
  if (seen->errnum == 0) seen->mode = st.st_mode;
  if (seen->errnum != 0 || place->depth == BoxDepth::kMode) return;
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  Fd directory(RetryInterrupted([&] { return open(place->real_dir, kFlags); }));
  seen->errnum = directory.valid() ? 0 : errno;
  if (!directory.valid()) return;
  seen->status = FindSockets(&directory, AskedThrough(*place), &seen->sockets);
}

// A socket as the kernel knows it.
struct Numbered {
  size_t socket;
  uint64_t number;
};

class Listed {
 public:
  Listed(const char* binding, const char* real_dir, BoxSockets* out)
      : directories_{binding, real_dir}, out_(out) {}

  Status Run() {
    Status status = BoundSockets::Read(true, this, Hear);
    for (const Numbered& numbered : numbered_) {
      Verdict& verdict = out_->sockets.found[numbered.socket].verdict;
      if (verdict.judgement != Judgement::kAlive) verdict = {Judgement::kAlive, Reason::kNone, 0};
    }
    if (numbered_.size() > 0) BoundSockets::ForEachHolder(this, Holds);
    if (status.ok() && numbered_.size() == kSearchSockets) {
      status = out_->sockets.Add("", {Judgement::kUnknown, Reason::kTooMany, 0});
    }
    return short_of_memory_ ? Status::OutOfMemory() : status;
  }

 private:
  static void Hear(void* context, const char* path, uint64_t number) {
    Listed& self = *static_cast<Listed*>(context);
    const char* name = PathBelow(path, self.directories_[0], path, self.directories_[1]);
    if (name != nullptr) self.Note(name, number);
  }

  // Some process may bind and unlink without end: no more are kept than of files are looked at.
  void Note(const char* name, uint64_t number) {
    size_t index = 0;
    Sockets& sockets = out_->sockets;
    if (numbered_.size() == kSearchSockets) return;
    for (const Numbered& one : numbered_) {
      if (one.number == number) return;  // a table that changes while it is read has some twice
    }
    while (index < sockets.found.size() &&
           strcmp(sockets.names.at(sockets.found[index].name), name) != 0) {
      index++;
    }
    bool known = index < sockets.found.size() ||
                 sockets.Add(name, {Judgement::kAlive, Reason::kFileGone, 0}).ok();
    if (!known || !numbered_.Append({index, number})) short_of_memory_ = true;
  }

  static void Holds(void* context, int64_t pid, uint64_t number) {
    Listed& self = *static_cast<Listed*>(context);
    for (const Numbered& numbered : self.numbered_) {
      if (numbered.number != number) continue;
      if (!self.out_->holders.Append({numbered.socket, pid})) self.short_of_memory_ = true;
    }
  }

  const char* const directories_[2];
  BoxSockets* const out_;
  Vec<Numbered> numbered_;
  bool short_of_memory_ = false;
};

}  // namespace

Status JudgeBox(const BoxRequest& request, BoxSockets* out) {
  Watched* watch = Watched::New(1, Look);
  if (watch == nullptr) return Status::OutOfMemory();
  CopyText(request.binding, watch->shared.binding, sizeof watch->shared.binding);
  CopyText(request.real_dir, watch->shared.real_dir, sizeof watch->shared.real_dir);
  watch->shared.depth = request.depth;
  struct stat beside = {};  // where there is none, on no device
  stat(request.beside, &beside);
  if (LiesOn(request.real_dir, beside.st_dev, beside.st_dev)) {
    watch->LookNow(1);
  } else {
    watch->Run(1, request.timeout_ms);
  }
  Status status;
  out->errnum = kNoAnswer;
  if (watch->Answered(0)) {
    const Seen& seen = (*watch)[0];
    status = seen.status;
    out->errnum = seen.errnum;
    out->mode = seen.mode;
    for (const FoundSocket& socket : seen.sockets.found) {
      if (!status.ok()) break;
      status = out->sockets.Add(seen.sockets.names.at(socket.name), socket.verdict);
    }
  }
  watch->Release();
  bool listed = request.depth == BoxDepth::kListed || out->sockets.Foremost() != nullptr;
  return status.ok() && listed ? Listed(request.binding, request.real_dir, out).Run() : status;
}

void Answers::Ask(size_t index, const char* path) {
  int unknown = KnowWay(AT_FDCWD, path, nullptr);
  if (unknown == 0 || IsGone(unknown) || unknown == ENOTSUP || short_of_memory_) return;
  if (watch_ == nullptr) {
    watch_ = Watched::New(2 * boxes_, [](Watched* watch, size_t way) {
      struct stat st;
      const Vec<char>& asked = (*watch)[way].path;
      if (asked.size() > 0) stat(asked.data(), &st);
    });
  }
  bool noted = watch_ != nullptr && (*watch_)[index].path.Append(path, strlen(path) + 1);
  short_of_memory_ = !noted;
  if (noted) asked_ = index + 1;
}

void Answers::Add(const Paths& paths, bool takeover) {
  Ask(size_++, paths.real_dir);
  // Its text, for a link that is followed may have to be noted as read, which nobody knows by
  // heart.
  LinkText text;
  bool leads_on = !takeover && text.Read(AT_FDCWD, paths.binding) && !text.Is(paths.real_dir);
  if (leads_on) Ask(size_, text.text());
  size_++;
}

Status Answers::Of(size_t box) const {
  if (short_of_memory_) return Status::OutOfMemory();
  for (size_t way = 2 * box; watch_ != nullptr && way < 2 * box + 2; way++) {
    Subject subject = way == 2 * box ? Subject::kRealDir : Subject::kBinding;
    bool in_time = (*watch_)[way].path.size() == 0 || watch_->Answered(way);
    if (!in_time) return Status::Failed(kNoAnswer, "stat", subject);
  }
  return Status::Ok();
}

Status CheckAnswers(const Paths& paths, bool takeover) {
  Answers answers(1);
  answers.Add(paths, takeover);
  answers.Run();
  return answers.Of(0);
}

bool AnswersInTime(const char* path) { return CheckAnswers({"", "", "", path}, true).ok(); }

}  // namespace boxsockets
