// Reading a directory, entry by entry, through a descriptor; and addressing what is in one that may
// not be read.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "fd.h"
#include "paths.h"
#include "status.h"
#include "syscalls.h"

namespace boxsockets {

class Directory {
 public:
  Directory() = default;
  ~Directory() { Close(); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  // Opens `name` within the directory `at`. Errors are about `subject`.
  Status Open(int at, const char* name, Subject subject) {
    subject_ = subject;
    Fd fd(RetryInterrupted(
        [&] { return openat(at, name, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC); }));
    return fd.valid() ? Adopt(&fd, subject) : Status::Failed("openat", subject);
  }

  // Reads the directory that `fd` was opened on, and closes it in the end.
  Status Adopt(Fd* fd, Subject subject) {
    subject_ = subject;
    dir_ = fdopendir(fd->get());
    if (dir_ == nullptr) return Status::Failed("fdopendir", subject);
    fd_ = fd->Release();
    return Status::Ok();
  }

  void Close() {
    if (dir_ != nullptr) closedir(dir_);
    dir_ = nullptr;
    fd_ = -1;
  }

  int fd() const { return fd_; }

  // The next entry but `.` and `..`; null at the end, or with a status that is not fine.
  const dirent* Next(Status* status) {
    for (;;) {
      errno = 0;
      const dirent* entry = readdir(dir_);
      if (entry == nullptr) {
        *status = errno == 0 ? Status::Ok() : Status::Failed("readdir", subject_);
        return nullptr;
      }
      const char* name = entry->d_name;
      if (name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'))) continue;
      return entry;
    }
  }

  // The type bits of an entry (S_IFLNK, …), without following it; 0 where it is gone.
  mode_t TypeOf(const dirent* entry) const {
    if (entry->d_type != DT_UNKNOWN) return DTTOIF(entry->d_type);
    struct stat st;
    if (fstatat(fd_, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) return 0;
    return st.st_mode & S_IFMT;
  }

 private:
  DIR* dir_ = nullptr;
  int fd_ = -1;
  Subject subject_ = Subject::kNone;
};

// A directory for the sake of what is in it, which needs no permission to read: `at()` and
// `Entry(name)` are what the *at calls take.
class SearchedDirectory {
 public:
  Status Open(const char* path) {
    path_ = path;
    fd_ = Fd(RetryInterrupted([&] { return open(path, kOpenDirectoryOnly); }));
    if (fd_.valid() || (errno == EACCES && kSearchNeedsPath)) return Status::Ok();
    return Status::Failed("open", Subject::kRealDir);
  }

  // Its descriptor, which is the caller's from now on; none where it is addressed by its path.
  Fd Release() { return static_cast<Fd&&>(fd_); }

  int at() const { return fd_.valid() ? fd_.get() : AT_FDCWD; }
  JoinedPath Entry(const char* name) const {
    return fd_.valid() ? JoinedPath(name) : JoinedPath(path_, name);
  }

 private:
  // macOS 11 and 12 take O_SEARCH for O_RDONLY: there, a directory of mode 0300 has no descriptor,
  // and is addressed by its path.
#if defined(__APPLE__)
  static constexpr bool kSearchNeedsPath = true;
#else
  static constexpr bool kSearchNeedsPath = false;
#endif

  const char* path_ = nullptr;
  Fd fd_;
};

}  // namespace boxsockets
