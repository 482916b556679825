// Numbers and layouts of Darwin, written from XNU's public headers and not from those that the addon was compiled with:
// abi_check.c holds the two together. File names are those of apple-oss-distributions/xnu.
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

namespace darwin {

// bsd/sys/stat.h, with the 64-bit i-node
struct Stat {
  int32_t dev;
  uint16_t mode, nlink;
  uint64_t ino;
  uint32_t uid, gid;
  int32_t rdev;
  int32_t padding;
  int64_t atime[2], mtime[2], ctime[2], birthtime[2];
  int64_t size, blocks;
  int32_t blksize;
  uint32_t flags, gen;
  int32_t spare;
  int64_t spares[2];
};
static_assert(sizeof(Stat) == 144 && offsetof(Stat, birthtime) == 80, "bsd/sys/stat.h");

// bsd/sys/dirent.h, with the 64-bit i-node
struct Dirent {
  uint64_t ino, seekoff;
  uint16_t reclen, namlen;
  uint8_t type;
  char name[1024];
};
static_assert(offsetof(Dirent, name) == 21, "bsd/sys/dirent.h");

// struct statfs, bsd/sys/mount.h, with the 64-bit i-node: where the fields that we know are
constexpr size_t kStatfsSize = 2168, kStatfsFlags = 64, kStatfsType = 72;
constexpr uint32_t kMountedLocal = 0x1000, kIgnoresOwners = 0x200000;  // MNT_LOCAL, MNT_IGNORE_OWNERSHIP

// bsd/sys/un.h; as long as the kernel takes it, not as its sun_path is declared
constexpr size_t kLongestAddress = 255;  // SOCK_MAXADDRLEN, bsd/sys/socket.h
constexpr size_t kPathOffset = 2;
struct SockaddrUn {
  uint8_t len, family;
  char path[kLongestAddress - kPathOffset];
};

// bsd/sys/un.h
constexpr int kSolLocal = 0, kLocalPeerPid = 2;

// struct proc_vnodepathinfo, bsd/sys/proc_info.h: its size, and where the path of the working directory is
constexpr int kVnodePathInfo = 9;  // PROC_PIDVNODEPATHINFO
constexpr size_t kVnodePathInfoSize = 2352, kWorkingDirectory = 152;

// struct kinfo_proc, bsd/sys/sysctl.h and bsd/sys/proc.h: where the fields that we know are
constexpr size_t kProcessSize = 648, kProcessStart = 0, kProcessState = 36, kProcessPid = 40;
constexpr char kRunning = 2, kZombie = 5;

constexpr size_t kPathMax = 1024;  // bsd/sys/syslimits.h, the NUL included
constexpr int kMostLinks = 32;     // MAXSYMLINKS, bsd/sys/param.h
constexpr int kAtFdcwd = -2;       // bsd/sys/fcntl.h
constexpr uint32_t kOpenDirectory = 0x100000, kOpenExecute = 0x40000000;

// Darwin's errno for one of Linux (bsd/sys/errno.h); EIO for what it does not have.
inline int ErrnoOf(int linux_errno) {
  switch (linux_errno) {
    case EDEADLK: return 11;
    case EAGAIN: return 35;
    case EINPROGRESS: return 36;
    case EALREADY: return 37;
    case ENOTSOCK: return 38;
    case EDESTADDRREQ: return 39;
    case EMSGSIZE: return 40;
    case EPROTOTYPE: return 41;
    case ENOPROTOOPT: return 42;
    case EPROTONOSUPPORT: return 43;
    case EAFNOSUPPORT: return 47;
    case EADDRINUSE: return 48;
    case EADDRNOTAVAIL: return 49;
    case ECONNABORTED: return 53;
    case ECONNRESET: return 54;
    case ENOBUFS: return 55;
    case EISCONN: return 56;
    case ENOTCONN: return 57;
    case ETIMEDOUT: return 60;
    case ECONNREFUSED: return 61;
    case ELOOP: return 62;
    case ENAMETOOLONG: return 63;
    case ENOTEMPTY: return 66;
    case EDQUOT: return 69;
    case ESTALE: return 70;
    case ENOLCK: return 77;
    case ENOSYS: return 78;
    case EOVERFLOW: return 84;
    case EIDRM: return 90;
    case EILSEQ: return 92;
    case ENODATA: return 96;
    case EPROTO: return 100;
    case EOPNOTSUPP: return 102;
    default: return linux_errno <= 34 ? linux_errno : EIO;
  }
}

// And back, so that this Node names it rightly.
inline int LinuxErrnoOf(int darwin_errno) {
  if (darwin_errno == 45) return EOPNOTSUPP;  // ENOTSUP, two numbers there and one here
  for (int i = 1; i < 134; i++) {
    bool guessed = i > 34 && ErrnoOf(i) == EIO;
    if (ErrnoOf(i) == darwin_errno && !guessed) return i;
  }
  return darwin_errno;
}

}  // namespace darwin
