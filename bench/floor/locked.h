// The parent, opened and locked: what every change of a binding begins and ends with.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "floor.h"

class Locked {
 public:
  explicit Locked(const char* path) {
    struct stat opened, now, lock, lock_now;
    parent_ = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    Must(parent_ >= 0 && fstat(parent_, &opened) == 0, "open parent");
    lock_ = openat(parent_, ".lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    Must(lock_ >= 0 && fstat(lock_, &lock) == 0, "open lock");
    Must(flock(lock_, LOCK_EX | LOCK_NB) == 0, "flock");
    Must(lstat(path, &now) == 0 && Same(now, opened), "lstat parent");
    Must(fstatat(parent_, ".lock", &lock_now, AT_SYMLINK_NOFOLLOW) == 0 && Same(lock_now, lock),
         "fstatat lock");
  }
  ~Locked() {
    close(lock_);
    close(parent_);
  }
  int parent() const { return parent_; }

 private:
  int parent_;
  int lock_;
};

// Reads a directory to its end; `use(name)` for each entry.
template <typename Use>
void ReadDirectory(int at, const char* name, Use use) {
  struct Entry {  // linux_dirent64, getdents(2)
    uint64_t inode;
    int64_t offset;
    unsigned short size;
    unsigned char type;
    char name[1];
  };
  alignas(Entry) static char entries[32768];
  int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC);
  Must(fd >= 0, "openat directory");
  for (;;) {
    long size = syscall(SYS_getdents64, fd, entries, sizeof entries);
    Must(size >= 0, "getdents64");
    if (size == 0) break;
    for (long at_byte = 0; at_byte < size;) {
      auto* entry = reinterpret_cast<const Entry*>(entries + at_byte);
      at_byte += entry->size;
      use(fd, entry->name);
    }
  }
  close(fd);
}

// Reads the kernel's list of Unix sockets to its end.
inline void ReadSockets() {
  static char list[8192];
  int fd = open("/proc/net/unix", O_RDONLY | O_CLOEXEC);
  Must(fd >= 0, "open /proc/net/unix");
  while (read(fd, list, sizeof list) > 0) continue;
  close(fd);
}
