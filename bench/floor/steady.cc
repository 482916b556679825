// steady BASE PARENT BINDING REAL_DIR: the four calls of a binding that is right.
#include "floor.h"

int main(int argc, char** argv) {
  Must(argc == 5, "usage");
  return Serve([&](int64_t count) {
    struct stat base, parent, binding, real_dir;
    for (int64_t i = 0; i < count; i++) {
      Must(stat(argv[1], &base) == 0 && lstat(argv[2], &parent) == 0 &&
               stat(argv[3], &binding) == 0 && stat(argv[4], &real_dir) == 0 &&
               Same(binding, real_dir),
           "steady");
    }
  });
}
