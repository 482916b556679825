#include "probe.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "directory.h"
#include "parent.h"
#include "paths.h"
#include "syscalls.h"
#include "user.h"

namespace boxsockets {
namespace {

constexpr mode_t kMode = 0600;
constexpr int kBacklog = 8;
#if defined(MSG_NOSIGNAL)
constexpr int kSendFlags = MSG_DONTWAIT | MSG_NOSIGNAL;
#else
constexpr int kSendFlags = MSG_DONTWAIT;
#endif

// The socket file that a probe makes, wherever it lands.
class BoundFile {
 public:
  BoundFile(const ProbeRequest& request, const SearchedDirectory& directory)
      : path_(request.path), directory_(directory.at()), leaf_(directory.Entry(request.leaf)) {}

  // Whether the file lies in the directory, and not in another one to which the path led.
  Status Locate() {
    struct stat by_path, by_directory;
    if (lstat(path_, &by_path) != 0) return Status::Failed("lstat", Subject::kSocket);
    if (fstatat(directory_, leaf_.c_str(), &by_directory, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno != ENOENT) return Status::Failed("fstatat", Subject::kSocket);
      return Status::Refused(Refusal::kMisplaced, Subject::kSocket);
    }
    in_directory_ = S_ISSOCK(by_directory.st_mode) && SameInode(by_path, by_directory);
    if (!in_directory_) return Status::Refused(Refusal::kMisplaced, Subject::kSocket);
    return RepairMode(directory_, leaf_.c_str(), by_directory, kMode);
  }

  Status Remove() {
    if (!in_directory_) {
      if (unlink(path_) == 0) return Status::Ok();
      if (errno != ENOENT) return Status::Failed("unlink", Subject::kSocket);
      // The link was moved meanwhile. Nothing else bears that name, so it is ours if it is here.
    }
    if (unlinkat(directory_, leaf_.c_str(), 0) == 0) return Status::Ok();
    return Status::Failed("unlinkat", Subject::kSocket);
  }

 private:
  const char* const path_;
  const int directory_;
  const JoinedPath leaf_;
  bool in_directory_ = false;
};

// Both ends are ours and nothing waits: a byte that was sent is there, or it never comes.
Status ExchangeByte(const Fd& client, const Fd& server) {
  constexpr char kByte = '!';
  char received = 0;
  ssize_t sent = RetryInterrupted([&] { return send(client.get(), &kByte, 1, kSendFlags); });
  if (sent != 1) return Status::Failed("send", Subject::kSocket);
  ssize_t size = RetryInterrupted([&] { return recv(server.get(), &received, 1, MSG_DONTWAIT); });
  if (size < 0) return Status::Failed("recv", Subject::kSocket);
  if (size == 1 && received == kByte) return Status::Ok();
  return Status::Failed(EPROTO, "recv", Subject::kSocket);
}

Fd Accept(const Fd& listener) {
#if defined(SOCK_CLOEXEC)
  return Fd(
      RetryInterrupted([&] { return accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC); }));
#else
  Fd fd(RetryInterrupted([&] { return accept(listener.get(), nullptr, nullptr); }));
  if (fd.valid()) fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
  return fd;
#endif
}

// The file is open to our own uid alone (mode 0600), but something of ours may watch the directory
// and connect to whatever appears: the connection that carries our byte is among the first few.
Status AcceptByte(const Fd& client, const Fd& listener) {
  Status status;
  for (int i = 0; i <= kBacklog; i++) {  // Linux queues one more than the backlog
    Fd server = Accept(listener);
    if (!server.valid()) {
      return i == 0 ? Status::Failed("accept", Subject::kSocket) : status;
    }
    status = ExchangeByte(client, server);
    if (status.ok()) return status;
  }
  return status;
}

Status ConnectAndExchange(const ProbeRequest& request, const Fd& server) {
  // Neither socket waits: where something of ours has filled the backlog meanwhile, a connect would
  // for ever.
  Fd client;
  Status status = OpenSocket(request.type, &client, Blocking::kNo);
  if (!status.ok()) return status;
  if (request.type != SocketType::kDatagram && listen(server.get(), kBacklog) != 0) {
    return Status::Failed("listen", Subject::kSocket);
  }
  status = Connect(client, request.path, kLongestPath);
  if (!status.ok()) return status;
  return request.type == SocketType::kDatagram ? ExchangeByte(client, server)
                                               : AcceptByte(client, server);
}

// `.~` and alphanumerics, which no socket of a box may be called (lib/paths/names.ts).
bool IsStandIn(const char* name) {
  if (name[0] != '.' || name[1] != '~') return false;
  const char* c = name + 2;
  while (IsAlphanumeric(*c)) c++;
  return *c == '\0';
}

}  // namespace

Status CheckParent(const Paths& paths) {
  Parent parent;
  Status status = Parent::Open(paths, CurrentUids().effective, Access::kExisting, &parent);
  return status.refusal == Refusal::kParentAbsent ? Status::Ok() : status;
}

Status CheckLeadsTo(const char* address_directory, const char* directory) {
  struct stat by_address, real;
  if (stat(address_directory, &by_address) != 0 || stat(directory, &real) != 0) return Status::Ok();
  if (SameInode(by_address, real)) return Status::Ok();
  return Status::Refused(Refusal::kMisplaced, Subject::kBinding);
}

Status WhatIsAt(const char* path, Verdict* verdict) {
  struct stat st;
  *verdict = {};
  if (lstat(path, &st) != 0) {
    return errno == ENOENT ? Status::Ok() : Status::Failed("lstat", Subject::kSocket);
  }
  if (S_ISSOCK(st.st_mode)) return Question().Ask(AT_FDCWD, "", path, verdict);
  verdict->judgement = Judgement::kDead;
  return Status::Ok();
}

Status Probe(const ProbeRequest& request) {
  // Too long comes first: it holds whatever the directory.
  Address address;
  Status status = Address::Make(request.path, kLongestPath, "bind", &address);
  if (!status.ok()) return status;
  SearchedDirectory directory;
  Fd server;
  status = directory.Open(request.directory);
  if (status.ok()) status = OpenSocket(request.type, &server, Blocking::kNo);
  if (!status.ok()) return status;

  BoundFile file(request, directory);
  status = BindWithMode(server, request.path, kLongestPath, kMode);
  if (!status.ok()) return status;
  status = file.Locate();
  if (status.ok()) status = ConnectAndExchange(request, server);
  Status removed = file.Remove();
  return status.ok() ? removed : status;
}

Status RemoveLeftovers(const char* directory, const char* address_directory) {
  Directory entries;
  Status status = entries.Open(AT_FDCWD, directory, Subject::kRealDir);
  // Sockets bind in a directory that may not be read (0300): what was left in it cannot be found,
  // and that is no answer to the question whether they do.
  if (!status.ok()) return status.errnum == EACCES ? Status::Ok() : status;
  Question question;
  while (const dirent* entry = entries.Next(&status)) {
    const char* name = entry->d_name;
    if (!IsStandIn(name) || !S_ISSOCK(entries.TypeOf(entry))) continue;
    Verdict verdict;
    status = question.Ask(entries.fd(), address_directory, name, &verdict);
    if (!status.ok()) return status;
    if (!verdict.IsDead()) continue;
    if (unlinkat(entries.fd(), name, 0) != 0 && errno != ENOENT) {
      return Status::Failed("unlinkat", Subject::kSocket);
    }
  }
  return status;
}

Status BindAnyLength(const char* path) {
  Fd socket;
  Status status = OpenSocket(SocketType::kStream, &socket);
  if (!status.ok()) return status;
  status = BindWithMode(socket, path, Address::kLongest, kMode);
  // Linux answers EINVAL (unix(7)), others ENAMETOOLONG. Whatever else fails, for want of a
  // descriptor, say, tells nothing of lengths.
  if (status.errnum == EINVAL || status.errnum == ENAMETOOLONG) {
    status.kind = Kind::kRefused;
    status.refusal = Refusal::kTooLong;
  }
  if (!status.ok()) return status;
  struct stat st;
  if (lstat(path, &st) != 0) {
    if (errno == ENOENT) return Status::Refused(Refusal::kMisplaced, Subject::kSocket);
    status = Status::Failed("lstat", Subject::kSocket);
    unlink(path);  // a name that nothing bore: whatever is there is what was bound
    return status;
  }
  if (!S_ISSOCK(st.st_mode)) return Status::Refused(Refusal::kMisplaced, Subject::kSocket);
  return unlink(path) == 0 ? Status::Ok() : Status::Failed("unlink", Subject::kSocket);
}

}  // namespace boxsockets
