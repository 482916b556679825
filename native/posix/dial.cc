#include "dial.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "judgement.h"
#include "numbered_path.h"
#include "socket.h"
#include "syscalls.h"
#include "user.h"

namespace boxsockets {
namespace {

Status Misplaced() { return Status::Refused(Refusal::kMisplaced, Subject::kSocket); }

bool IsAboutThePath(int errnum) {
  return IsGone(errnum) || errnum == EACCES || errnum == ELOOP || errnum == ENAMETOOLONG;
}

// A path that cannot be gone is one that cannot be connected to, whatever was asked first.
Status FailedAtPath(const char* syscall) {
  return Status::Failed(IsAboutThePath(errno) ? "connect" : syscall, Subject::kSocket);
}

// XNU answers a full queue as it answers a dead socket, and Linux with EAGAIN. The question that
// waits in no queue tells the two apart.
int Refused([[maybe_unused]] const char* path, int errnum) {
#if defined(__APPLE__)
  Verdict verdict;
  Status status = Question().Ask(AT_FDCWD, "", path, &verdict);
  if (errnum == ECONNREFUSED && status.ok() && !verdict.IsDead()) return EAGAIN;
#endif
  return errnum;
}

Status Connect(const Fd& socket, const char* path) {
  Address address;
  Status status = Address::Make(path, kLongestPath, "connect", &address);
  if (!status.ok()) return status;
  auto connect_once = [&] { return connect(socket.get(), address.get(), address.size()); };
  if (RetryInterrupted(connect_once) == 0) return status;
  return Status::Failed(Refused(path, errno), "connect", Subject::kSocket);
}

// Where a socket has no descriptor: a look before and after. Who exchanges the entry for a link and
// back in between is found out by neither, but has to hit that very moment.
Status ConnectBetweenLooks(const Fd& socket, const char* path, const char* entry) {
  struct stat before, after;
  if (lstat(entry, &before) != 0 || lstat(path, &after) != 0) return FailedAtPath("lstat");
  if (S_ISLNK(before.st_mode) || !SameInode(before, after)) return Misplaced();
  Status status = Connect(socket, path);
  if (!status.ok()) return status;
  if (lstat(path, &after) != 0) return FailedAtPath("lstat");
  return SameInode(before, after) ? status : Misplaced();
}

#if defined(O_PATH)

// By a descriptor of the very entry, which names nothing else from then on. A link has one, too,
// and is not followed by way of it (open(2), O_PATH).
Status ConnectToEntry(const Fd& socket, const char* path, const char* entry) {
  Fd file(RetryInterrupted([&] { return open(entry, O_PATH | O_NOFOLLOW | O_CLOEXEC); }));
  if (!file.valid()) return FailedAtPath("open");
  Status status = Connect(socket, NumberedPath("/proc/self/fd/", file.get()).c_str());
  if (status.ok()) return status;
  // The descriptor is there: what is not there is /proc.
  if (IsGone(status.errnum)) return ConnectBetweenLooks(socket, path, entry);
  struct stat st;
  return fstat(file.get(), &st) == 0 && S_ISLNK(st.st_mode) ? Misplaced() : status;
}

#else

Status ConnectToEntry(const Fd& socket, const char* path, const char* entry) {
  return ConnectBetweenLooks(socket, path, entry);
}

#endif

Status PeerUid(const Fd& socket, uid_t* uid) {
#if defined(SO_PEERCRED)
  struct ucred credentials;
  socklen_t size = sizeof credentials;
  if (getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return Status::Failed("getsockopt", Subject::kSocket);
  }
  *uid = credentials.uid;
#else
  gid_t gid;
  if (getpeereid(socket.get(), uid, &gid) != 0) {
    return Status::Failed("getpeereid", Subject::kSocket);
  }
#endif
  return Status::Ok();
}

}  // namespace

Status CheckPeer(const Fd& socket, uid_t uid) {
  uid_t peer = 0;
  Status status = PeerUid(socket, &peer);
  if (!status.ok() || (peer == uid && !StandsForUnmapped(uid))) return status;
  status = Status::Refused(Refusal::kPeer, Subject::kSocket);
  status.owner = peer;
  status.expected = uid;
  return status;
}

Status Dial(const char* path, const char* entry, const PeerRule& rule, Fd* out) {
  Fd socket;
  // Refused for its length before anything else, as every other call refuses it.
  Address address;
  Status status = Address::Make(path, kLongestPath, "connect", &address);
  if (status.ok()) status = OpenSocket(SocketType::kStream, &socket, Blocking::kNo);
  if (!status.ok()) return status;
  status = ConnectToEntry(socket, path, entry);
  if (status.ok() && rule.verify) status = CheckPeer(socket, rule.uid);
  if (status.ok()) *out = static_cast<Fd&&>(socket);
  return status;
}

}  // namespace boxsockets
