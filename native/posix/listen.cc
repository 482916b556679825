#include "listen.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base.h"
#include "directory.h"
#include "judgement.h"
#include "link.h"
#include "parent.h"
#include "steady.h"
#include "syscalls.h"
#include "unforeseen_name.h"
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

// One try at binding a name, through a binding that was just found right.
class Binder {
 public:
  Binder(const Paths& paths, const char* name, const SearchedDirectory& real_dir)
      : binding_(paths.binding),
        real_dir_path_(paths.real_dir),
        path_(paths.binding, name),
        real_dir_(real_dir),
        entry_(real_dir.Entry(name)) {}

  // Binds, verifies and listens, where nothing bears the name.
  Status Run(const ListenOptions& options, Listener* out) {
    Status status = OpenSocket(SocketType::kStream, &out->socket);
    if (!status.ok()) return status;
    status = Bind(options.mode, out->socket);
    // The way was there a moment ago: somebody has taken the link, or the parent with it.
    if (!status.ok()) return IsGone(status.errnum) ? Misplaced() : status;
    status = Settle(options, out);
    if (!status.ok()) RemoveBound(out);
    return status;
  }

  // A dead socket is removed, under the lock. At whatever else bears the name, bind is not even
  // called.
  Status ClearTheWay() {
    struct stat st;
    if (fstatat(real_dir_.at(), entry_.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
      return errno == ENOENT ? Status::Ok() : Status::Failed("fstatat", Subject::kSocket);
    }
    if (!S_ISSOCK(st.st_mode)) return InUse();
    // A socket can be asked by a path alone, and somebody who does not take our lock may make the
    // binding lead to another box's: so the answer counts only where it led here before and after.
    Verdict verdict;
    Status status = CheckPath(st);
    if (status.ok()) {
      status = JudgeSocket(real_dir_.at(), binding_, real_dir_path_, entry_.c_str(), &verdict);
    }
    if (status.ok()) status = CheckPath(st);
    if (!status.ok()) return status;
    // What cannot be known is somebody's.
    if (!verdict.IsDead()) return InUse();
    bool clear = unlinkat(real_dir_.at(), entry_.c_str(), 0) == 0 || errno == ENOENT;
    return clear ? Status::Ok() : Status::Failed("unlinkat", Subject::kSocket);
  }

 private:
  static Status Misplaced() { return Status::Retry(Refusal::kMisplaced, Subject::kSocket); }
  static Status InUse() { return Status::Failed(EADDRINUSE, "bind", Subject::kSocket); }

  // Fine where the path leads to that entry of the real directory, at this moment.
  Status CheckPath(const struct stat& st) const {
    struct stat by_path;
    if (lstat(path_.c_str(), &by_path) != 0) {
      return IsGone(errno) ? Misplaced() : Status::Failed("lstat", Subject::kSocket);
    }
    return SameInode(by_path, st) ? Status::Ok() : Misplaced();
  }

#if defined(__APPLE__)

  // XNU's bind follows a link at the name, and the box may plant one at any moment. So the socket
  // is bound at a name that nobody can foresee, which becomes the right one where that is free.
  Status Bind(mode_t mode, const Fd& socket) {
    Address address;
    Status status = Address::Make(path_.c_str(), kLongestPath, "bind", &address);
    if (!status.ok()) return status;
    // Not even a name of our own is made beside what is there.
    struct stat st;
    if (fstatat(real_dir_.at(), entry_.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) return InUse();
    UnforeseenName name;
    JoinedPath path(binding_, name.c_str()), from = real_dir_.Entry(name.c_str());
    status = BindWithMode(socket, path.c_str(), Address::kLongest, mode);
    if (!status.ok()) return status;
    // By the name that only this knows: under its own, it is never open to more than `mode`. Where
    // it fails, RepairMode does it again, and says why.
    fchmodat(real_dir_.at(), from.c_str(), mode, AT_SYMLINK_NOFOLLOW);
    int errnum = RenameExclusively(real_dir_.at(), from.c_str(), entry_.c_str());
    if (errnum == 0) return Status::Ok();
    // Nothing else bears that name, wherever it landed.
    if (unlink(path.c_str()) != 0) unlinkat(real_dir_.at(), from.c_str(), 0);
    return errnum == EEXIST ? InUse() : Status::Failed(errnum, "renameat", Subject::kSocket);
  }

#else

  Status Bind(mode_t mode, const Fd& socket) {
    return BindWithMode(socket, path_.c_str(), kLongestPath, mode);
  }

#endif

  Status Settle(const ListenOptions& options, Listener* out) {
    struct stat st;
    Status status = Look(out, &st);
    bool seen =
        status.ok() || fstatat(real_dir_.at(), entry_.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
    Status led = seen && S_ISSOCK(st.st_mode) ? CheckPath(st) : Misplaced();
    landed_ = led.ok();
    if (status.ok()) status = led;
    if (status.ok()) status = RepairMode(real_dir_.at(), entry_.c_str(), st, options.mode);
    if (!status.ok()) return status;
    out->identity = IdentityOf(st);
    if (listen(out->socket.get(), options.backlog) == 0) return Status::Ok();
    return Status::Failed("listen", Subject::kSocket);
  }

  // At what bears the name now, through the descriptor that pins it where the platform has one.
  Status Look([[maybe_unused]] Listener* out, struct stat* st) const {
#if defined(O_PATH)
    out->pin = Fd(RetryInterrupted(
        [&] { return openat(real_dir_.at(), entry_.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC); }));
    if (!out->pin.valid()) {
      return errno == ENOENT ? Misplaced() : Status::Failed("openat", Subject::kSocket);
    }
    return fstat(out->pin.get(), st) == 0 ? Status::Ok()
                                          : Status::Failed("fstat", Subject::kSocket);
#else
    if (fstatat(real_dir_.at(), entry_.c_str(), st, AT_SYMLINK_NOFOLLOW) == 0) return Status::Ok();
    return errno == ENOENT ? Misplaced() : Status::Failed("fstatat", Subject::kSocket);
#endif
  }

  // Where it landed right, its file goes while the socket is still open: nobody takes it for dead
  // and puts another in its place meanwhile. Else it is closed first: what is still held then, in
  // the real directory or where the binding was moved to, is another's.
  void RemoveBound(Listener* out) {
    if (landed_) unlinkat(real_dir_.at(), entry_.c_str(), 0);
    out->socket.Reset();
    if (landed_) return;
    RemoveDead(real_dir_.at(), real_dir_path_, entry_.c_str());
    RemoveDead(AT_FDCWD, "", path_.c_str());
  }

  static void RemoveDead(int directory, const char* path, const char* name) {
    Verdict verdict;
    Status status = Question().Ask(directory, path, name, &verdict);
    if (status.ok() && verdict.IsDead()) unlinkat(directory, name, 0);
  }

  const char* const binding_;
  const char* const real_dir_path_;
  const JoinedPath path_;
  const SearchedDirectory& real_dir_;
  const JoinedPath entry_;
  bool landed_ = false;  // the path leads to a socket in the real directory: ours
};

Status IsOwn(int directory, const char* entry, const FileIdentity& identity, bool* own) {
  struct stat st;
  *own = false;
  if (fstatat(directory, entry, &st, AT_SYMLINK_NOFOLLOW) != 0) {
    return IsGone(errno) ? Status::Ok() : Status::Failed("fstatat", Subject::kSocket);
  }
  *own = S_ISSOCK(st.st_mode) && IdentityOf(st) == identity;
  return Status::Ok();
}

}  // namespace

bool ListenAtFreeName(const Paths& paths, const char* name, const ListenOptions& options,
                      Listener* out, Status* status) {
  SearchedDirectory real_dir;
  Look look;
  Uids uids = CurrentUids();
  bool right = uids.real == uids.effective && IsSteadyParent(paths, uids.effective, &look) &&
               (HoldsRealDir(paths) || LeadsToRealDir(paths)) &&
               (!options.ensure.check_ancestry || CheckAncestry(paths.base, uids.effective).ok());
  if (!right || !real_dir.Open(paths.real_dir).ok()) return false;
  *status = Binder(paths, name, real_dir).Run(options, out);
  out->real_dir = real_dir.Release();
  return status->refusal != Refusal::kMisplaced && status->errnum != EADDRINUSE;
}

Status Listen(const Paths& paths, const char* name, const ListenOptions& options, Listener* out) {
  return EnsureAnd(paths, options.ensure, [&](const Parent&) {
    SearchedDirectory real_dir;
    Status opened = real_dir.Open(paths.real_dir);
    if (!opened.ok()) return opened;
    Binder binder(paths, name, real_dir);
    Status status = binder.ClearTheWay();
    if (status.ok()) status = binder.Run(options, out);
    out->real_dir = real_dir.Release();
    return status;
  });
}

Status Claim(const Paths& paths, const char* name, const EnsureOptions& options) {
  return EnsureAnd(paths, options, [&](const Parent&) {
    SearchedDirectory real_dir;
    Status opened = real_dir.Open(paths.real_dir);
    return opened.ok() ? Binder(paths, name, real_dir).ClearTheWay() : opened;
  });
}

Status UnlinkHeld(int real_dir, const char* name, const FileIdentity& identity) {
  bool own;
  Status status = IsOwn(real_dir, name, identity, &own);
  if (!status.ok() || !own) return status;
  if (unlinkat(real_dir, name, 0) == 0 || errno == ENOENT) return status;
  return Status::Failed("unlinkat", Subject::kSocket);
}

Status UnlinkOwn(const Paths& paths, const char* name, const FileIdentity& identity,
                 int64_t lock_timeout_ms) {
  SearchedDirectory directory;
  Status status = directory.Open(paths.real_dir);
  if (!status.ok()) return IsGone(status.errnum) ? Status::Ok() : status;
  JoinedPath entry = directory.Entry(name);
  bool own;
  status = IsOwn(directory.at(), entry.c_str(), identity, &own);
  // Nothing is made or waited for where nothing is left to unlink.
  if (!status.ok() || !own) return status;
  return WithLockedParent(
      paths, CurrentUids().effective, Access::kCreate, lock_timeout_ms,
      [&](const Parent&) { return UnlinkHeld(directory.at(), entry.c_str(), identity); });
}

}  // namespace boxsockets
