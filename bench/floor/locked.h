// The parent, opened and locked: what every change of a binding begins and ends with.
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <set>
#include <string>

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

// Reads a list of Unix sockets to its end.
inline void ReadTable(int at, const char* path) {
  static char list[8192];
  int fd = openat(at, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;  // its process has ended
  while (read(fd, list, sizeof list) > 0) continue;
  close(fd);
}

// Reads the kernel's lists of Unix sockets, that of each network namespace once: a listener may be
// of another one.
inline void ReadSockets() {
  char link[64], path[64];
  ReadTable(AT_FDCWD, "/proc/net/unix");
  ssize_t size = readlink("/proc/self/ns/net", link, sizeof link);
  Must(size > 0, "readlink own namespace");
  std::set<std::string> known = {std::string(link, static_cast<size_t>(size))};
  ReadDirectory(AT_FDCWD, "/proc", [&](int, const char* name) {
    if (name[0] < '1' || name[0] > '9') return;
    snprintf(path, sizeof path, "/proc/%.20s/ns/net", name);
    ssize_t length = readlink(path, link, sizeof link);
    if (length <= 0 || !known.insert(std::string(link, static_cast<size_t>(length))).second) return;
    snprintf(path, sizeof path, "/proc/%.20s/net/unix", name);
    ReadTable(AT_FDCWD, path);
  });
}
