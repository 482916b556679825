#include "steady.h"

#include <string.h>
#include <unistd.h>

#include "base.h"
#include "clock.h"
#include "user.h"

#if defined(__linux__)
#include <linux/magic.h>
#include <sys/vfs.h>
#endif

namespace boxsockets {
namespace {

#if defined(__linux__)

constexpr int64_t kNsPerSecond = 1'000'000'000;

// A stamp is as old as the last tick of the kernel's clock, 10 ms at most.
constexpr int64_t kSettledNs = 100'000'000;

int64_t ChangeTimeOf(const struct stat& st) {
  return static_cast<int64_t>(st.st_ctim.tv_sec) * kNsPerSecond + st.st_ctim.tv_nsec;
}

// Not asked: those that keep attributes in a cache (NFS, 9p), or what a server makes up (FUSE).
bool StampsInNanoseconds(const char* directory, int64_t stamp) {
  if (stamp % kNsPerSecond == 0) return false;  // ext4 with inodes of 128 bytes keeps seconds
  struct statfs fs;
  if (statfs(directory, &fs) != 0) return false;
  switch (static_cast<uint32_t>(fs.f_type)) {
    case EXT4_SUPER_MAGIC:
    case TMPFS_MAGIC:
    case XFS_SUPER_MAGIC:
    case BTRFS_SUPER_MAGIC:
    case OVERLAYFS_SUPER_MAGIC:
      return true;
    default:
      return false;
  }
}

#else

// Nothing is proven by a clock that was not measured.
constexpr int64_t kSettledNs = INT64_MAX;
int64_t ChangeTimeOf(const struct stat&) { return 0; }
bool StampsInNanoseconds(const char*, int64_t) { return false; }

#endif

bool IsDirectory(const char* path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

}  // namespace

bool HoldsRealDir(const Paths& paths) {
  LinkText target;
  return target.Read(AT_FDCWD, paths.binding) && target.Is(paths.real_dir);
}

bool IsSteadyParent(const Paths& paths, uid_t uid, Look* look) {
  look->base_trusted = !OwnershipNeedsProof(uid) && stat(paths.base, &look->base) == 0 &&
                       IsTrustedBase(look->base, uid);
  const struct stat& parent = look->parent;
  return look->base_trusted && lstat(paths.parent, &look->parent) == 0 && S_ISDIR(parent.st_mode) &&
         parent.st_uid == uid && ModeBits(parent) == paths.parent_mode &&
         parent.st_dev == look->base.st_dev;
}

bool LeadsToRealDir(const Paths& paths) {
  struct stat binding, real_dir;
  return stat(paths.binding, &binding) == 0 && stat(paths.real_dir, &real_dir) == 0 &&
         S_ISDIR(real_dir.st_mode) && SameInode(binding, real_dir);
}

bool SteadyCheck::Run(const Paths& paths, uid_t uid, Look* look) {
  // Before the parent is looked at, and seen_at_ after: a pause between makes the wait longer only.
  int64_t now = proof_ == Proof::kAwaited ? MonotonicNs() : 0;
  if (!IsSteadyParent(paths, uid, look)) return false;
  const struct stat& parent = look->parent;
  int64_t changed_at = ChangeTimeOf(parent);
  bool unchanged = changed_at == changed_at_ && InodeOf(parent) == parent_;
  if (unchanged && proof_ == Proof::kFound) return IsDirectory(paths.real_dir);
  if (!LeadsToRealDir(paths)) return false;
  if (!unchanged) {
    parent_ = InodeOf(parent);
    changed_at_ = changed_at;
    seen_at_ = MonotonicNs();
    proof_ = Proof::kAwaited;
  } else if (proof_ == Proof::kAwaited && now - seen_at_ >= kSettledNs) {
    bool proven = StampsInNanoseconds(paths.parent, changed_at) && HoldsRealDir(paths);
    proof_ = proven ? Proof::kFound : Proof::kImpossible;
  }
  return true;
}

}  // namespace boxsockets
