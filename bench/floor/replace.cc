// replace BASE PARENT BINDING REAL_DIR OTHER_DIR ID: operations lead the binding to the one
// directory and the other.
#include <ctype.h>
#include <linux/openat2.h>
#include <stdio.h>

#include "locked.h"

namespace {

struct Paths {
  const char *base, *parent, *binding, *real_dir, *id, *other_case;
};

// Whether the binding's target answers without waiting: the lock is not held over one that may
// hang.
void LookWithoutWaiting(int parent, const char* id) {
  struct open_how how = {};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_CACHED;
  int seen = static_cast<int>(syscall(SYS_openat2, parent, id, &how, sizeof how));
  if (seen < 0) return;  // it may hang: what a thread of its own costs is left out
  struct statx target;
  Must(statx(seen, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &target) == 0,
       "statx");
  close(seen);
}

// No socket lies in the directory that the binding leads to: all of it is read to know.
void Replace(const Paths& paths, const char* temporary) {
  struct stat base, parent, binding, entry, real_dir;
  Must(stat(paths.base, &base) == 0 && lstat(paths.parent, &parent) == 0, "base, parent");
  Must(stat(paths.binding, &binding) == 0 && stat(paths.real_dir, &real_dir) == 0 &&
           !Same(binding, real_dir),
       "look");
  Locked locked(paths.parent);
  Must(fstatat(locked.parent(), paths.id, &binding, 0) == 0 && !Same(binding, real_dir), "target");
  Must(fstatat(locked.parent(), paths.id, &entry, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISLNK(entry.st_mode),
       "entry");
  LookWithoutWaiting(locked.parent(), paths.id);
  ReadDirectory(locked.parent(), paths.id, [](int, const char*) {});
  // A socket that the directory does not show, and another spelling of the id.
  ReadSockets();
  Must(fstatat(locked.parent(), paths.other_case, &entry, AT_SYMLINK_NOFOLLOW) != 0, "case");
  Must(symlinkat(paths.real_dir, locked.parent(), temporary) == 0, "symlinkat");
  Must(fstatat(locked.parent(), temporary, &entry, 0) == 0, "resolve");
  Must(renameat(locked.parent(), temporary, locked.parent(), paths.id) == 0, "renameat");
  Must(stat(paths.binding, &binding) == 0 && Same(binding, real_dir), "verify");
}

}  // namespace

int main(int argc, char** argv) {
  Must(argc == 7, "usage");
  char other_case[160] = {};
  for (size_t i = 0; argv[6][i] != '\0' && i + 1 < sizeof other_case; i++) {
    other_case[i] = static_cast<char>(toupper(argv[6][i]));
  }
  Paths paths = {argv[1], argv[2], argv[3], nullptr, argv[6], other_case};
  char temporary[160];
  snprintf(temporary, sizeof temporary, ".%s.new", paths.id);
  int turn = 0;
  return Serve([&](int64_t count) {
    for (int64_t i = 0; i < count; i++) {
      paths.real_dir = argv[4 + (turn ^= 1)];
      Replace(paths, temporary);
    }
  });
}
