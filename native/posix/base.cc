#include "base.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "fd.h"
#include "paths.h"
#include "syscalls.h"
#include "user.h"

namespace boxsockets {
namespace {

bool IsSticky(const struct stat& st) { return (st.st_mode & S_ISVTX) != 0; }
bool IsOpenToOthers(const struct stat& st) { return (st.st_mode & (S_IWGRP | S_IWOTH)) != 0; }

// Where root is not mapped it shows as the overflow uid, as any other user who is not: only the
// sticky bit of a world's own directory tells that it is root's.
bool IsRoots(const struct stat& st) {
  return st.st_uid == 0 || (IsSticky(st) && st.st_uid == RootUid());
}

Status Untrusted(Refusal refusal, const struct stat& base, uid_t uid) {
  Status status = Status::Refused(refusal, Subject::kBase);
  status.owner = base.st_uid;
  status.expected = uid;
  status.mode = ModeBits(base);
  return status;
}

Status NoDirectory(int errnum, const char* syscall = "stat") {
  Status status = Status::Refused(Refusal::kBaseUntrusted, Subject::kBase);
  status.errnum = errnum;
  status.syscall = syscall;
  return status;
}

Status Prove(const char* path, const struct stat& base, uid_t uid) {
  if (!OwnershipNeedsProof(uid) || IsRoots(base)) return Status::Ok();
  Fd fd(RetryInterrupted(
      [&] { return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | kOwnersAlone); }));
  if (fd.valid()) return Status::Ok();
  // EPERM: somebody else's. EACCES: closed, so that it cannot be told.
  bool unproven = errno == EPERM || errno == EACCES;
  return unproven ? Untrusted(Refusal::kBaseUntrusted, base, uid)
                  : Status::Failed("open", Subject::kBase);
}

// A walk along a path, as the kernel resolves it. What was found safe stays what it is: so it is
// gone by paths, one look for each component.
class Walk {
 public:
  explicit Walk(uid_t uid) : uid_(uid) {}

  Status Run(const char* path) {
    if (!Prepend(path)) return TooLong();
    Status status = GoToRoot();
    while (status.ok() && TakeComponent()) status = Step();
    bool left = rest_[strspn(rest_, "/")] != '\0';
    return status.ok() && left ? TooLong() : status;
  }

 private:
  static Status Failed(const char* syscall) {
    return IsGone(errno) ? NoDirectory(errno) : Status::Failed(syscall, Subject::kBase);
  }
  static Status TooLong() { return Status::Failed(ENAMETOOLONG, "lstat", Subject::kBase); }

  Status GoToRoot() {
    here_[0] = '\0';
    return lstat("/", &st_) == 0 ? Status::Ok() : Failed("lstat");
  }

  // Puts `text` and a slash before what is left of the path. False where that is too long.
  bool Prepend(const char* text) {
    size_t size = strlen(text), left = strlen(rest_);
    if (size + 1 + left >= sizeof rest_) return false;
    memmove(rest_ + size + 1, rest_, left + 1);
    memcpy(rest_, text, size);
    rest_[size] = '/';
    return true;
  }

  // Goes on to the next component: `here_` is its path. False where none is left, or it is too
  // long.
  bool TakeComponent() {
    char* from = rest_ + strspn(rest_, "/");
    size_t size = strcspn(from, "/"), used = strlen(here_);
    if (size == 0 || used + 1 + size >= sizeof here_) return false;
    here_[used] = '/';
    memcpy(here_ + used + 1, from, size);
    here_[used + 1 + size] = '\0';
    from += size;
    from += strspn(from, "/");
    memmove(rest_, from, strlen(from) + 1);
    return true;
  }

  void Leave() { *strrchr(here_, '/') = '\0'; }

  Status Step() {
    const char* name = strrchr(here_, '/') + 1;
    struct stat entry;
    if (strcmp(name, "..") == 0) {
      Leave();
      if (here_[0] != '\0') Leave();
    } else if (strcmp(name, ".") == 0) {
      Leave();
    } else if (lstat(here_, &entry) != 0) {
      return Failed("lstat");
    } else {
      return Judge(entry);
    }
    return lstat(here_[0] == '\0' ? "/" : here_, &st_) == 0 ? Status::Ok() : Failed("lstat");
  }

  Status Judge(const struct stat& entry) {
    bool is_link = S_ISLNK(entry.st_mode), is_base = !is_link && rest_[0] == '\0';
    // In a sticky directory an entry is renamed by its owner and the directory's. The base itself
    // is judged on every call.
    bool renamable = IsOpenToOthers(st_) && !(IsSticky(st_) && (is_base || IsOurs(entry)));
#if defined(MNT_IGNORE_OWNERSHIP)
    // On such a volume, whatever there is shows as of whoever looks, and obeys him.
    struct statfs fs;
    renamable |= statfs(here_, &fs) == 0 && (fs.f_flags & MNT_IGNORE_OWNERSHIP) != 0;
#endif
    if (!IsOurs(st_) || renamable) return Untrusted(Refusal::kAncestryUntrusted, st_, uid_);
    if (is_link) return Follow();
    st_ = entry;
    return S_ISDIR(entry.st_mode) ? Status::Ok() : NoDirectory(ENOTDIR);
  }

  bool IsOurs(const struct stat& st) const {
    return st.st_uid == uid_ || st.st_uid == 0 || st.st_uid == RootUid();
  }

  Status Follow() {
    constexpr int kMostLinks = 40;  // MAXSYMLINKS of Linux
    LinkText target;
    if (++links_ > kMostLinks) return NoDirectory(ELOOP);
    if (!target.Read(AT_FDCWD, here_)) return Failed("readlinkat");
    if (!Prepend(target.text())) return TooLong();
    Leave();
    return target.text()[0] == '/' ? GoToRoot() : Status::Ok();
  }

  const uid_t uid_;
  struct stat st_ = {};  // of the directory that `here_` is in
  int links_ = 0;
  char here_[PATH_MAX] = {};
  char rest_[2 * PATH_MAX] = {};
};

}  // namespace

bool IsTrustedBase(const struct stat& base, uid_t uid) {
  bool owned = base.st_uid == uid || IsRoots(base);
  return owned && S_ISDIR(base.st_mode) && (IsSticky(base) || !IsOpenToOthers(base));
}

Status CheckBase(const struct stat& base, uid_t uid) {
  if (IsTrustedBase(base, uid)) return Status::Ok();
  return S_ISDIR(base.st_mode) ? Untrusted(Refusal::kBaseUntrusted, base, uid)
                               : NoDirectory(ENOTDIR, nullptr);
}

Status LookAtBase(const char* path, uid_t uid, struct stat* base) {
  if (stat(path, base) != 0) {
    bool gone = IsGone(errno) || errno == ELOOP;
    return gone ? NoDirectory(errno) : Status::Failed("stat", Subject::kBase);
  }
  Status status = CheckBase(*base, uid);
  return status.ok() ? Prove(path, *base, uid) : status;
}

Status CheckAncestry(const char* path, uid_t uid) {
  Status status = Walk(uid).Run(path);
  // That there is no such directory, LookAtBase() says.
  return status.refusal == Refusal::kBaseUntrusted ? Status::Ok() : status;
}

}  // namespace boxsockets
