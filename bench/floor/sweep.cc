// sweep BASE PARENT: a round looks at every link of the parent and removes those that lead nowhere;
// `count` is how many there are.
#include "locked.h"

int main(int argc, char** argv) {
  Must(argc == 3, "usage");
  return Serve([&](int64_t) {
    struct stat base, target;
    Must(stat(argv[1], &base) == 0, "base");
    Locked locked(argv[2]);
    ReadDirectory(locked.parent(), ".", [&](int parent, const char* name) {
      if (name[0] == '.') return;
      if (fstatat(parent, name, &target, 0) == 0) return;
      Must(errno == ENOENT && unlinkat(parent, name, 0) == 0, "unlinkat");
    });
  });
}
