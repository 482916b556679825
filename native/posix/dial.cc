#include "dial.h"

#include <fcntl.h>
#if defined(__APPLE__)
#include <libproc.h>
#endif

#include "judgement.h"
#include "numbered_path.h"
#include "paths.h"
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
Status ConnectAtOnce(const Fd& socket, const char* path) {
  Status status = Connect(socket, path, kLongestPath);
#if defined(__APPLE__)
  Verdict verdict;
  bool alive = status.errnum == ECONNREFUSED && Question().Ask(AT_FDCWD, "", path, &verdict).ok() &&
               !verdict.IsDead();
  if (alive) status.errnum = EAGAIN;
#endif
  return status;
}

bool LookAtDirectoryOf(const char* path, struct stat* st) {
  char directory[PATH_MAX + 2];
  CopyText(path, directory, static_cast<size_t>(LeafOf(path) - path) + 1);
  return stat(directory, st) == 0;
}

// Where the path of a listener starts, if it is relative. macOS alone tells it without /proc.
bool WorkingDirectory([[maybe_unused]] const Fd& socket, [[maybe_unused]] LinkText* out) {
#if defined(__APPLE__)
  pid_t pid = 0;
  socklen_t size = sizeof pid;
  proc_vnodepathinfo info;
  if (getsockopt(socket.get(), SOL_LOCAL, LOCAL_PEERPID, &pid, &size) != 0) return false;
  if (proc_pidinfo(pid, PROC_PIDVNODEPATHINFO, 0, &info, sizeof info) != sizeof info) return false;
  out->Set(info.pvi_cdir.vip_path);
  return true;
#else
  return false;
#endif
}

// A box can exchange its socket for a link between any two looks; but it cannot have bound who
// listens elsewhere by a path that leads into its own real directory.
Status CheckBoundBeside(const char* path, const char* entry, const Fd& socket, BoundPath* bound) {
  socklen_t size = sizeof bound->bytes - 1;
  // XNU tells no path of a peer that has closed already.
  bool told = getpeername(socket.get(), &bound->generic, &size) == 0 && *bound->text() != '\0';
  if (!told) return Status::Failed(ECONNRESET, "connect", Subject::kSocket);
  LinkText start;
  start.Set("");
  if (*bound->text() != '/' && !WorkingDirectory(socket, &start)) return Misplaced();
  JoinedPath where(start.text(), bound->text());
  struct stat theirs, ours;
  for (int looks = 3; looks > 0; looks--) {
    if (!LookAtDirectoryOf(entry, &ours)) return FailedAtPath("stat");
    bool there = LookAtDirectoryOf(where.c_str(), &theirs);
    if (there) return SameInode(theirs, ours) ? Status::Ok() : Misplaced();
    if (!IsGone(errno)) return IsAboutThePath(errno) ? Misplaced() : FailedAtPath("stat");
    // Where the binding is gone as well, so is the way of whoever was bound through it.
    if (!LookAtDirectoryOf(path, &theirs)) return FailedAtPath("stat");
  }
  return Misplaced();
}

// By a descriptor of the very entry, which names nothing else from then on. A link has one, too,
// and is not followed by way of it (open(2), O_PATH). Where there is none, by its path, which was
// looked at before: then it is still open who has answered.
Status ConnectToEntry(const Fd& socket, const char* path, const char* entry, bool* by_path) {
  struct stat st, led_to;
#if defined(O_PATH)
  Fd file(RetryInterrupted([&] { return open(entry, O_PATH | O_NOFOLLOW | O_CLOEXEC); }));
  if (!file.valid()) return FailedAtPath("open");
  Status status = ConnectAtOnce(socket, NumberedPath("/proc/self/fd/", file.get()).c_str());
  if (status.ok()) return status;
  // The descriptor is there: what is not there is /proc.
  if (!IsGone(status.errnum)) {
    return fstat(file.get(), &st) == 0 && S_ISLNK(st.st_mode) ? Misplaced() : status;
  }
#endif
  *by_path = true;
  if (lstat(entry, &st) != 0 || lstat(path, &led_to) != 0) return FailedAtPath("lstat");
  if (S_ISLNK(st.st_mode) || !SameInode(st, led_to)) return Misplaced();
  return ConnectAtOnce(socket, path);
}

Status PeerUid(const Fd& socket, uid_t* uid) {
#if defined(SO_PEERCRED)
  struct ucred credentials = {};
  socklen_t size = sizeof credentials;
  bool told = getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0;
  *uid = credentials.uid;
#else
  gid_t gid;
  bool told = getpeereid(socket.get(), uid, &gid) == 0;
#endif
  return told ? Status::Ok() : Status::Failed("getsockopt", Subject::kSocket);
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

Status Dial(const char* path, const char* entry, const PeerRule& rule, Fd* out, BoundPath* bound) {
  // Refused for its length before anything else, as every other call refuses it.
  Address address;
  Status status = Address::Make(path, kLongestPath, "connect", &address);
  if (!status.ok()) return status;
  // Who has closed before it could be asked is dialed anew: some merely greet.
  for (int tries = 3; tries > 0; tries--) {
    Fd socket;
    bool by_path = false;
    status = OpenSocket(SocketType::kStream, &socket, Blocking::kNo);
    if (status.ok()) status = ConnectToEntry(socket, path, entry, &by_path);
    if (status.ok() && rule.verify) status = CheckPeer(socket, rule.uid);
    if (status.ok() && by_path) status = CheckBoundBeside(path, entry, socket, bound);
    if (status.ok()) *out = static_cast<Fd&&>(socket);
    if (status.errnum != ECONNRESET) break;
  }
  return status;
}

}  // namespace boxsockets
