// Whether a binding is as ensure() leaves it: a trusted base, a parent of ours with the right mode,
// and a link that leads to the real directory. Neither takes a lock, nor memory.
#pragma once

#include <stdint.h>
#include <sys/stat.h>

#include "paths.h"
#include "syscalls.h"

namespace boxsockets {

// What was seen on the way, so that it need not be looked at again at once.
struct Look {
  bool base_trusted = false;  // and it needs no proof; else `base` says nothing
  struct stat base;
  struct stat parent;  // where it is steady
};

// The two halves of it, two system calls each.
bool IsSteadyParent(const Paths& paths, uid_t uid, Look* look);
bool LeadsToRealDir(const Paths& paths);
inline bool IsSteady(const Paths& paths, uid_t uid, Look* look) {
  return IsSteadyParent(paths, uid, look) && LeadsToRealDir(paths);
}
bool HoldsRealDir(const Paths& paths);  // the link's text is its path: one call, of the link alone

// IsSteady() for a binding that is asked about again and again, always with the same paths: three
// system calls, once it is proven that the link holds the real directory's path, byte for byte.
// Who follows it looks up that path, so that one look at the real directory tells what two did (but
// for a path that has come to lead through 40 links since, and by the binding leads through 41).
//
// The proof stands until the parent's change time moves. Making, renaming and removing an entry
// moves it (POSIX, symlink, rename, unlink), nobody can set it, and only we can write in the
// parent. It counts where two changes never bear the same time: on file systems that are known to
// stamp in nanoseconds, of a parent that has been seen with one and the same time for longer than a
// clock tick. Everywhere else IsSteady() answers.
class SteadyCheck {
 public:
  bool Run(const Paths& paths, uid_t uid, Look* look);

 private:
  enum class Proof : uint8_t { kAwaited, kFound, kImpossible };

  Inode parent_ = {};
  int64_t changed_at_ = -1;  // the parent's change time, ns
  int64_t seen_at_ = 0;      // when it was first seen with that time, of MonotonicNs
  Proof proof_ = Proof::kImpossible;
};

}  // namespace boxsockets
