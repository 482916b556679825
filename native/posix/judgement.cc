#include "judgement.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "directory.h"
#include "file_system.h"
#include "numbered_path.h"
#include "paths.h"
#include "socket.h"
#include "syscalls.h"

namespace boxsockets {
namespace {

Verdict Unknown(int errnum) { return {Judgement::kUnknown, Reason::kErrno, errnum}; }

bool IsAnswerOfTheLiving(int errnum) {
  return errnum == 0 || errnum == EPROTOTYPE || errnum == EPERM || errnum == EAGAIN;
}

// Looks into directories within each other, while its budget lasts.
class Search {
 public:
  explicit Search(Sockets* sockets) : sockets_(sockets) {}

  // `prefix` is the way from where the search began, with a slash at its end, or empty.
  Status Run(Fd* fd, const char* path, const char* prefix, int depth) {
    Directory directory;
    Status status = directory.Adopt(fd, Subject::kBinding);
    if (!status.ok()) return status;
    while (const dirent* entry = directory.Next(&status)) {
      if (entries_++ >= kSearchEntries || sockets_->found.size() >= kSearchSockets) {
        return sockets_->Add(prefix, {Judgement::kUnknown, Reason::kTooMany, 0});
      }
      mode_t type = directory.TypeOf(entry);
      if (!S_ISSOCK(type) && !S_ISDIR(type)) continue;
      char name[kSearchDepth * (NAME_MAX + 1)];
      Join(prefix, entry->d_name, name);
      status = S_ISDIR(type) ? Descend(directory.fd(), path, entry->d_name, name, depth)
                             : Ask(directory.fd(), path, entry->d_name, name);
      if (!status.ok()) return status;
    }
    return status;
  }

 private:
  static void Join(const char* prefix, const char* name, char* out) {
    size_t used = strlen(prefix);
    memcpy(out, prefix, used);  // NOLINT(bugprone-not-null-terminated-result): goes on from there
    memcpy(out + used, name, strlen(name) + 1);
  }

  Status Ask(int directory, const char* path, const char* leaf, const char* name) {
    Verdict verdict;
    Status status = question_.Ask(directory, path, leaf, &verdict);
    if (verdict.judgement == Judgement::kGone) return status;  // or it could not be asked
    return sockets_->Add(name, verdict);
  }

  Status Descend(int above, const char* path, const char* leaf, const char* name, int depth) {
    if (depth + 1 >= kSearchDepth) {
      return sockets_->Add(name, {Judgement::kUnknown, Reason::kTooMany, 0});
    }
    Fd fd = OpenSameMount(above, leaf);
    if (!fd.valid()) {
      // Gone, or exchanged for something else meanwhile.
      bool changed = IsGone(errno) || errno == ELOOP;
      return changed ? Status::Ok() : sockets_->Add(name, Unknown(errno));
    }
    char prefix[kSearchDepth * (NAME_MAX + 1) + 1];
    Join(name, "/", prefix);
    return Run(&fd, JoinedPath(path, leaf).c_str(), prefix, depth + 1);
  }

  Sockets* const sockets_;
  Question question_;
  size_t entries_ = 0;
};

}  // namespace

Status Question::Ask([[maybe_unused]] int directory, const char* path, const char* name,
                     Verdict* verdict) {
  if (!socket_.valid()) {
    Status status = OpenSocket(SocketType::kDatagram, &socket_);
    if (!status.ok()) return status;
  }
  JoinedPath full(path, name);
#if defined(O_PATH)
  // By a descriptor of the file: no link is followed, and no path is too long.
  Fd file(
      RetryInterrupted([&] { return openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC); }));
  if (!file.valid()) {
    if (errno == EMFILE || errno == ENFILE) return Status::Failed("openat", Subject::kSocket);
    *verdict = IsGone(errno) ? Verdict() : Unknown(errno);
    return Status::Ok();
  }
  NumberedPath by_descriptor("/proc/self/fd/", file.get());
  const char* asked = by_descriptor.c_str();
  int errnum = Connect(socket_, asked, kSunPathCapacity).errnum;
  // Where /proc is not mounted.
  if (IsGone(errnum)) errnum = Connect(socket_, asked = full.c_str(), kSunPathCapacity).errnum;
#else
  const char* asked = full.c_str();
  int errnum = Connect(socket_, asked, kSunPathCapacity).errnum;
#endif
  *verdict = Unknown(errnum);
  if (IsAnswerOfTheLiving(errnum)) *verdict = {Judgement::kAlive, Reason::kNone, 0};
  if (IsGone(errnum)) *verdict = Verdict();
  if (errnum != ECONNREFUSED) return Status::Ok();
  struct stat st;
#if defined(O_PATH)
  bool found = fstat(file.get(), &st) == 0;
#else
  bool found = lstat(full.c_str(), &st) == 0;
#endif
  if (!found) {
    *verdict = IsGone(errno) ? Verdict() : Unknown(errno);
  } else if (!S_ISSOCK(st.st_mode)) {
    *verdict = Unknown(ENOTSOCK);
  } else if (!IsServedHere(asked)) {
    *verdict = {Judgement::kUnknown, Reason::kForeignFileSystem, 0};
    if (errno != 0) *verdict = Unknown(errno);
  } else {
    *verdict = {Judgement::kDead, Reason::kNone, 0};
  }
  return Status::Ok();
}

const FoundSocket* Sockets::Foremost() const {
  const FoundSocket* foremost = nullptr;
  for (const FoundSocket& socket : found) {
    if (socket.verdict.judgement == Judgement::kAlive) return &socket;
    if (socket.verdict.judgement == Judgement::kUnknown && foremost == nullptr) foremost = &socket;
  }
  return foremost;
}

Status Sockets::Add(const char* name, const Verdict& verdict) {
  FoundSocket socket = {0, verdict};
  return names.Add(name, &socket.name) && found.Append(socket) ? Status::Ok()
                                                               : Status::OutOfMemory();
}

Status FindSockets(Fd* directory, const char* path, Sockets* sockets) {
  return Search(sockets).Run(directory, path, "", 0);
}

const char* PathBelow(const char* path, const char* directory) {
  if (path == nullptr) return nullptr;
  size_t size = strlen(directory);
  while (size > 1 && directory[size - 1] == '/') size--;
  return strncmp(path, directory, size) == 0 && path[size] == '/' ? path + size + 1 : nullptr;
}

Status JudgeSocket(int directory, const char* path, const char* other_path, const char* name,
                   Verdict* verdict) {
  Question question;
  Status status = question.Ask(directory, path, name, verdict);
  bool settled = verdict->judgement == Judgement::kAlive || verdict->judgement == Judgement::kGone;
  if (!status.ok() || settled) return status;
  struct Sought {
    const char *name, *path, *other_path;
    bool found;
  } sought = {name, path, other_path, false};
  status = BoundSockets::Read(false, &sought, [](void* context, const char* bound, uint64_t) {
    Sought& one = *static_cast<Sought*>(context);
    const char* below = PathBelow(bound, one.path, bound, one.other_path);
    if (below != nullptr && strcmp(below, one.name) == 0) one.found = true;
  });
  if (sought.found) *verdict = {Judgement::kAlive, Reason::kNone, 0};
  return status;
}

}  // namespace boxsockets
