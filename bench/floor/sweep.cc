// sweep BASE PARENT [careless]: a round looks at every link of the parent and removes those that
// lead nowhere; `count` is how many there are. What is looked at without the lock is looked at
// again under it, moved aside, found to be what it was, and its target missing still: a home that
// comes back meanwhile keeps its link. Whether a socket speaks for it, the kernel's list tells.
// Careless leaves all that out.
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "locked.h"

namespace {

bool IsGone(int parent, const char* path) {
  struct stat target;
  if (fstatat(parent, path, &target, 0) == 0) return false;
  Must(errno == ENOENT, "fstatat");
  return true;
}

void Remove(int parent, const char* name) {
  char target[PATH_MAX], aside[NAME_MAX + 1], moved[PATH_MAX];
  ssize_t size = readlinkat(parent, name, target, sizeof target - 1);
  Must(size > 0, "readlinkat");
  target[size] = '\0';
  snprintf(aside, sizeof aside, ".%.240s.old", name);
  Must(IsGone(parent, target) && IsGone(parent, target), "look");
  Must(syscall(SYS_renameat2, parent, name, parent, aside, RENAME_NOREPLACE) == 0, "renameat2");
  Must(readlinkat(parent, aside, moved, sizeof moved) == size && IsGone(parent, target), "aside");
  Must(unlinkat(parent, aside, 0) == 0, "unlinkat");
}

void Sweep(int parent, const char* name, bool careless) {
  char target[PATH_MAX];
  if (!careless) Must(readlinkat(parent, name, target, sizeof target) > 0, "readlinkat");
  if (!IsGone(parent, name)) return;
  if (!careless) return Remove(parent, name);
  Must(unlinkat(parent, name, 0) == 0, "unlinkat");
}

}  // namespace

int main(int argc, char** argv) {
  Must(argc == 3 || argc == 4, "usage");
  return Serve([&](int64_t) {
    struct stat base;
    Must(stat(argv[1], &base) == 0, "base");
    if (argc == 3) ReadSockets();
    Locked locked(argv[2]);
    ReadDirectory(locked.parent(), ".", [&](int parent, const char* name) {
      if (name[0] != '.') Sweep(parent, name, argc == 4);
    });
  });
}
