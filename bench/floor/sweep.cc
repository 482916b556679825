// sweep BASE PARENT [careless]: a round looks at every link of the parent and removes those that lead
// nowhere; `count` is how many there are. Where a home comes back between the look and the unlink, its
// link is found missing after it: so what it held is read before, and looked at again. Careless leaves
// that out.
#include <limits.h>

#include "locked.h"

namespace {

bool IsGone(int parent, const char* path) {
  struct stat target;
  if (fstatat(parent, path, &target, 0) == 0) return false;
  Must(errno == ENOENT, "fstatat");
  return true;
}

void Sweep(int parent, const char* name, bool careless) {
  if (!IsGone(parent, name)) return;
  char target[PATH_MAX];
  if (!careless) {
    ssize_t size = readlinkat(parent, name, target, sizeof target - 1);
    Must(size > 0, "readlinkat");
    target[size] = '\0';
  }
  Must(unlinkat(parent, name, 0) == 0 && (careless || IsGone(parent, target)), "unlinkat");
}

}  // namespace

int main(int argc, char** argv) {
  Must(argc == 3 || argc == 4, "usage");
  return Serve([&](int64_t) {
    struct stat base;
    Must(stat(argv[1], &base) == 0, "base");
    Locked locked(argv[2]);
    ReadDirectory(locked.parent(), ".", [&](int parent, const char* name) {
      if (name[0] != '.') Sweep(parent, name, argc == 4);
    });
  });
}
