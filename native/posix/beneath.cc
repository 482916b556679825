#include "beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lines.h"
#include "numbered_path.h"
#include "syscalls.h"

#if defined(__linux__)
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#endif

namespace boxsockets {
namespace {

constexpr int kOpenRead = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;

// Neither absolute nor with a component `..`.
bool StaysBelow(const char* path) {
  if (path[0] == '/') return false;
  for (const char* at = path; at != nullptr; at = strchr(at, '/')) {
    if (*at == '/') at++;
    if (at[0] == '.' && at[1] == '.' && (at[2] == '\0' || at[2] == '/')) return false;
  }
  return true;
}

#if defined(__linux__)

// openat2(2), Linux 5.6. Numbers and bits are the kernel's, and the same on every architecture.
constexpr long kOpenat2 = 437;
constexpr uint64_t kNoXdev = 0x01, kNoSymlinks = 0x04, kBeneath = 0x08;

struct OpenHow {
  uint64_t flags;
  uint64_t mode;
  uint64_t resolve;
};

int Openat2(int directory, const char* path, int flags, mode_t mode, uint64_t resolve) {
  OpenHow how = {static_cast<uint64_t>(flags), mode, resolve};
  return static_cast<int>(
      RetryInterrupted([&] { return syscall(kOpenat2, directory, path, &how, sizeof how); }));
}

// An old kernel does not know the call, and an old container runtime refuses what it does not know.
bool IsUnknownCall(int errnum) { return errnum == ENOSYS || errnum == EPERM; }

// The number of the mount that a descriptor lies on; -1 where the system does not tell.
long MountOf(int fd) {
  long mount = -1;
  Fd info(open(NumberedPath("/proc/self/fdinfo/", fd).c_str(), O_RDONLY | O_CLOEXEC));
  bool whole = ForEachLine(info.get(), '\n', [&](const char* line) {
    if (strncmp(line, "mnt_id:", 7) == 0) mount = strtol(line + 7, nullptr, 10);
  });
  return whole ? mount : -1;
}

#else

int Openat2(int, const char*, int, mode_t, uint64_t) {
  errno = ENOSYS;
  return -1;
}
constexpr uint64_t kNoXdev = 0, kNoSymlinks = 0, kBeneath = 0;
bool IsUnknownCall(int errnum) { return errnum == ENOSYS; }
long MountOf(int) { return -1; }

#endif

// Component by component, each opened in the one before it.
Fd OpenStepwise(int directory, const char* path, int flags, mode_t mode) {
  char name[NAME_MAX + 1];
  Fd above;
  for (const char* slash = strchr(path, '/'); slash != nullptr; slash = strchr(path, '/')) {
    size_t size = static_cast<size_t>(slash - path);
    if (size > NAME_MAX) {
      errno = ENAMETOOLONG;
      return Fd();
    }
    memcpy(name, path, size);
    name[size] = '\0';
    path = slash + 1;
    if (size == 0) continue;
    int at = above.valid() ? above.get() : directory;
    above = Fd(RetryInterrupted([&] { return openat(at, name, kOpenDirectoryOnly | O_NOFOLLOW); }));
    if (!above.valid()) return Fd();
  }
  if (*path == '\0') path = ".";
  int at = above.valid() ? above.get() : directory;
  return Fd(RetryInterrupted([&] { return openat(at, path, flags, static_cast<unsigned>(mode)); }));
}

bool IsSameMount(int a, int b) {
  struct stat at_a, at_b;
  return fstat(a, &at_a) == 0 && fstat(b, &at_b) == 0 && at_a.st_dev == at_b.st_dev &&
         MountOf(a) == MountOf(b);
}

}  // namespace

Fd OpenBeneath(int directory, const char* path, int flags, mode_t mode) {
  if (!StaysBelow(path)) {
    errno = EXDEV;
    return Fd();
  }
  // openat2 refuses what has no meaning: to wait is none of a descriptor's that opens nothing.
  bool opens = (flags & kOpenDirectoryOnly) != kOpenDirectoryOnly;
  flags |= O_CLOEXEC | O_NOFOLLOW | (opens ? O_NONBLOCK : 0);
  if ((flags & O_CREAT) == 0) mode = 0;
  Fd fd(Openat2(directory, path, flags, mode, kNoSymlinks | kBeneath));
  return fd.valid() || !IsUnknownCall(errno) ? static_cast<Fd&&>(fd)
                                             : OpenStepwise(directory, path, flags, mode);
}

Fd OpenSameMount(int directory, const char* name) {
  Fd fd(Openat2(directory, name, kOpenRead, 0, kNoXdev | kNoSymlinks | kBeneath));
  if (fd.valid() || !IsUnknownCall(errno)) return fd;
  fd = Fd(RetryInterrupted([&] { return openat(directory, name, kOpenRead); }));
  if (!fd.valid() || IsSameMount(directory, fd.get())) return fd;
  errno = EXDEV;
  return Fd();
}

int KnowWay([[maybe_unused]] int directory, [[maybe_unused]] const char* path,
            [[maybe_unused]] dev_t* device) {
#if defined(__linux__)
  constexpr uint64_t kCached = 0x20;
  Fd fd(Openat2(directory, path, O_PATH | O_CLOEXEC, 0, kCached));
  if (!fd.valid()) return errno;
  if (device == nullptr) return 0;
  // struct statx, 256 bytes that not every C library's headers have: the device is at 136 and 140.
  constexpr int kEmptyPath = 0x1000, kDontSync = 0x4000;
  char bytes[256];
  if (syscall(SYS_statx, fd.get(), "", kEmptyPath | kDontSync, 0, bytes) != 0) return errno;
  uint32_t numbers[2];
  memcpy(numbers, bytes + 136, sizeof numbers);
  *device = makedev(numbers[0], numbers[1]);
  return 0;
#else
  return ENOTSUP;
#endif
}

bool LiesOn(const char* path, dev_t device, dev_t other) {
  dev_t found = 0;
  int errnum = KnowWay(AT_FDCWD, path, &found);
  return errnum == 0 ? found == device || found == other : IsGone(errnum);
}

bool MakeAccessible(int directory, const char* name) {
  struct stat st;
#if defined(O_PATH)
  Fd fd(RetryInterrupted([&] { return openat(directory, name, kOpenDirectoryOnly | O_NOFOLLOW); }));
  if (!fd.valid() || fstat(fd.get(), &st) != 0 || st.st_uid != geteuid()) return false;
  return chmod(NumberedPath("/proc/self/fd/", fd.get()).c_str(), ModeBits(st) | 0700) == 0;
#else
  if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) != 0) return false;
  if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid()) return false;
  return fchmodat(directory, name, ModeBits(st) | 0700, AT_SYMLINK_NOFOLLOW) == 0;
#endif
}

}  // namespace boxsockets
