// steady BASE PARENT REAL_DIR [BINDING]: the three calls of a binding that is right and whose link is
// proven to hold the path, or with BINDING the four of one of which nothing is proven.
#include "floor.h"

int main(int argc, char** argv) {
  Must(argc == 4 || argc == 5, "usage");
  return Serve([&](int64_t count) {
    struct stat base, parent, binding, real_dir;
    for (int64_t i = 0; i < count; i++) {
      Must(stat(argv[1], &base) == 0 && lstat(argv[2], &parent) == 0 &&
               (argc == 4 || stat(argv[4], &binding) == 0) && stat(argv[3], &real_dir) == 0 &&
               (argc == 4 || Same(binding, real_dir)),
           "steady");
    }
  });
}
