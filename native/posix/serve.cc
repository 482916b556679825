#include "serve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parent.h"
#include "syscalls.h"
#include "user.h"

namespace boxsockets {
namespace {

FileIdentity IdentityOf(const struct stat& st) {
  FileIdentity identity = {static_cast<uint64_t>(st.st_dev), static_cast<uint64_t>(st.st_ino), 0};
#if defined(__APPLE__)
  identity.birth_ns = static_cast<uint64_t>(st.st_birthtimespec.tv_sec) * 1'000'000'000 +
                      static_cast<uint64_t>(st.st_birthtimespec.tv_nsec);
#endif
  return identity;
}

bool operator==(const FileIdentity& a, const FileIdentity& b) {
  return a.device == b.device && a.inode == b.inode && a.birth_ns == b.birth_ns;
}

// One try at binding a name, under the lock and through a binding that was just found right.
class Binder {
 public:
  Binder(const char* path, const char* name, int real_dir)
      : path_(path), name_(name), real_dir_(real_dir) {}

  Status Run(const ListenOptions& options, Listener* out) {
    Status status = ClearTheWay();
    if (status.ok()) status = OpenSocket(SocketType::kStream, &out->socket);
    if (!status.ok()) return status;
    status = BindWithMode(out->socket, path_, kSunPathCapacity, options.mode);
    // The way was there a moment ago: somebody has taken the link, or the parent with it.
    if (!status.ok()) return IsGone(status.errnum) ? Misplaced() : status;
    status = Settle(options, out);
    if (!status.ok()) RemoveBound(out);
    return status;
  }

 private:
  static Status Misplaced() { return Status::Refused(Refusal::kMisplaced, Subject::kSocket); }

  // Fine where the path leads to that entry of the real directory, at this moment.
  Status CheckPath(const struct stat& st) const {
    struct stat by_path;
    if (lstat(path_, &by_path) != 0) {
      return IsGone(errno) ? Misplaced() : Status::Failed("lstat", Subject::kSocket);
    }
    return SameInode(by_path, st) ? Status::Ok() : Misplaced();
  }

  // Whatever is not a dead socket is left to the bind, which fails with EADDRINUSE.
  Status ClearTheWay() {
    struct stat st;
    if (fstatat(real_dir_, name_, &st, AT_SYMLINK_NOFOLLOW) != 0) {
      clear_ = errno == ENOENT;
      return clear_ ? Status::Ok() : Status::Failed("fstatat", Subject::kSocket);
    }
    if (!S_ISSOCK(st.st_mode)) return Status::Ok();
    // A socket can be asked by a path alone, and somebody who does not take our lock may make the
    // binding lead to another box's: so the answer counts only where it led here before and after.
    bool held = true;
    Status status = CheckPath(st);
    if (status.ok()) status = AskWhetherHeld(path_, &held);
    if (status.ok()) status = CheckPath(st);
    if (!status.ok() || held) return status;
    clear_ = unlinkat(real_dir_, name_, 0) == 0 || errno == ENOENT;
    return clear_ ? Status::Ok() : Status::Failed("unlinkat", Subject::kSocket);
  }

  Status Settle(const ListenOptions& options, Listener* out) {
    struct stat st;
    if (fstatat(real_dir_, name_, &st, AT_SYMLINK_NOFOLLOW) != 0) {
      return errno == ENOENT ? Misplaced() : Status::Failed("fstatat", Subject::kSocket);
    }
    landed_ = clear_ && S_ISSOCK(st.st_mode);
    Status status = landed_ ? CheckPath(st) : Misplaced();
    if (!status.ok()) return status;
    status = RepairMode(real_dir_, name_, st, options.mode);
    if (!status.ok()) return status;
#if defined(O_PATH)
    out->pin = Fd(RetryInterrupted(
        [&] { return openat(real_dir_, name_, O_PATH | O_NOFOLLOW | O_CLOEXEC); }));
    if (!out->pin.valid()) return Status::Failed("openat", Subject::kSocket);
#endif
    out->identity = IdentityOf(st);
    if (listen(out->socket.get(), options.backlog) == 0) return Status::Ok();
    return Status::Failed("listen", Subject::kSocket);
  }

  // Ours is closed first: what is still held at the path then is another box's, to which the
  // binding was moved meanwhile.
  void RemoveBound(Listener* out) {
    out->socket.Reset();
    if (landed_) {
      unlinkat(real_dir_, name_, 0);
      return;
    }
    struct stat st;
    bool held;
    if (lstat(path_, &st) != 0 || !S_ISSOCK(st.st_mode)) return;
    if (AskWhetherHeld(path_, &held).ok() && !held) unlink(path_);
  }

  const char* const path_;
  const char* const name_;
  const int real_dir_;
  bool clear_ = false;   // the name was free in the real directory
  bool landed_ = false;  // and then there was a socket: ours
};

Status OpenRealDir(const char* path, Fd* out) {
  *out = Fd(RetryInterrupted([&] { return open(path, kOpenDirectoryOnly); }));
  return out->valid() ? Status::Ok() : Status::Failed("open", Subject::kRealDir);
}

Status IsOwn(int directory, const char* name, const FileIdentity& identity, bool* own) {
  struct stat st;
  *own = false;
  if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
    return IsGone(errno) ? Status::Ok() : Status::Failed("fstatat", Subject::kSocket);
  }
  *own = S_ISSOCK(st.st_mode) && IdentityOf(st) == identity;
  return Status::Ok();
}

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

Status Listen(const Paths& paths, const char* name, const ListenOptions& options, Listener* out) {
  return EnsureAnd(paths, options.ensure, [&](const Parent&) {
    Fd real_dir;
    Status status = OpenRealDir(paths.real_dir, &real_dir);
    if (!status.ok()) return status;
    JoinedPath path(paths.binding, name);
    return Binder(path.c_str(), name, real_dir.get()).Run(options, out);
  });
}

Status UnlinkOwn(const Paths& paths, const char* name, const FileIdentity& identity,
                 int64_t lock_timeout_ms) {
  Fd directory;
  Status status = OpenRealDir(paths.real_dir, &directory);
  if (!status.ok()) return IsGone(status.errnum) ? Status::Ok() : status;
  bool own;
  // Nothing is made or waited for where nothing is left to unlink.
  status = IsOwn(directory.get(), name, identity, &own);
  if (!status.ok() || !own) return status;
  return WithLockedParent(
      paths, CurrentUids().effective, Access::kCreate, lock_timeout_ms, [&](const Parent&) {
        Status looked = IsOwn(directory.get(), name, identity, &own);
        if (!looked.ok() || !own || unlinkat(directory.get(), name, 0) == 0) return looked;
        return errno == ENOENT ? Status::Ok() : Status::Failed("unlinkat", Subject::kSocket);
      });
}

Status DialVerified(const char* path, uid_t uid, Fd* out) {
  Address address;
  Status status = Address::Make(path, kSunPathCapacity, "connect", &address);
  if (status.ok()) status = OpenSocket(SocketType::kStream, out);
  if (!status.ok()) return status;
  if (fcntl(out->get(), F_SETFL, O_NONBLOCK) != 0) {
    return Status::Failed("fcntl", Subject::kSocket);
  }
  if (RetryInterrupted([&] { return connect(out->get(), address.get(), address.size()); }) != 0) {
    return Status::Failed("connect", Subject::kSocket);
  }
  uid_t peer = 0;
  status = PeerUid(*out, &peer);
  if (!status.ok() || (peer == uid && !StandsForUnmapped(uid))) return status;
  status = Status::Refused(Refusal::kPeer, Subject::kSocket);
  status.owner = peer;
  status.expected = uid;
  return status;
}

}  // namespace boxsockets
