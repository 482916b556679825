// Small helpers over single system calls: repeated where a signal may interrupt them, and
// comparisons.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

namespace boxsockets {

// Repeats a call that a signal interrupted. Never for close().
template <typename Call>
auto RetryInterrupted(Call call) -> decltype(call()) {
  decltype(call()) result;
  do {
    result = call();
  } while (result == -1 && errno == EINTR);
  return result;
}

// What a file is, whatever its path.
struct Inode {
  dev_t device;
  ino_t number;
};

inline Inode InodeOf(const struct stat& st) { return {st.st_dev, st.st_ino}; }

inline bool operator==(const Inode& a, const Inode& b) {
  return a.device == b.device && a.number == b.number;
}

inline bool SameInode(const struct stat& a, const struct stat& b) {
  return InodeOf(a) == InodeOf(b);
}

// Permission bits, set-id and sticky bits included.
inline mode_t ModeBits(const struct stat& st) { return st.st_mode & 07777; }

// Where a link leads to nothing, for good: what a sweep may take and an ensure may replace.
inline bool IsGone(int errnum) { return errnum == ENOENT || errnum == ENOTDIR; }

// Opens a directory for the sake of its descriptor alone: needs no read permission.
#if defined(O_PATH)
inline constexpr int kOpenDirectoryOnly = O_PATH | O_DIRECTORY | O_CLOEXEC;
#elif defined(O_SEARCH)
inline constexpr int kOpenDirectoryOnly = O_SEARCH | O_DIRECTORY | O_CLOEXEC;
#else
inline constexpr int kOpenDirectoryOnly = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
#endif

// Only the true owner may open with O_NOATIME (open(2)), on a read-only file system too.
#if defined(O_NOATIME)
inline constexpr int kOwnersAlone = O_NOATIME;
#else
inline constexpr int kOwnersAlone = 0;
#endif

}  // namespace boxsockets
