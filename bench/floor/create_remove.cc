// create_remove BASE PARENT BINDING REAL_DIR ID: an operation creates the binding and removes it.
#include "locked.h"

namespace {

struct Paths {
  const char *base, *parent, *binding, *real_dir, *id;
};

void Create(const Paths& paths) {
  struct stat base, parent, binding, real_dir;
  Must(stat(paths.base, &base) == 0 && lstat(paths.parent, &parent) == 0, "base, parent");
  Must(stat(paths.binding, &binding) != 0 && errno == ENOENT, "binding");
  Must(stat(paths.real_dir, &real_dir) == 0, "real directory");
  Locked locked(paths.parent);
  Must(symlinkat(paths.real_dir, locked.parent(), paths.id) == 0, "symlinkat");
  Must(stat(paths.binding, &binding) == 0 && Same(binding, real_dir), "verify");
}

void Remove(const Paths& paths) {
  struct stat base, entry, target, real_dir;
  Must(stat(paths.base, &base) == 0, "base");
  Locked locked(paths.parent);
  Must(fstatat(locked.parent(), paths.id, &entry, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISLNK(entry.st_mode),
       "entry");
  Must(fstatat(locked.parent(), paths.id, &target, 0) == 0 &&
           stat(paths.real_dir, &real_dir) == 0 && Same(target, real_dir),
       "target");
  Must(unlinkat(locked.parent(), paths.id, 0) == 0, "unlinkat");
}

}  // namespace

int main(int argc, char** argv) {
  Must(argc == 6, "usage");
  Paths paths = {argv[1], argv[2], argv[3], argv[4], argv[5]};
  return Serve([&](int64_t count) {
    for (int64_t i = 0; i < count; i++) {
      Create(paths);
      Remove(paths);
    }
  });
}
