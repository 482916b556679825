// The per-user directory that holds the bindings: verified, opened, locked.
#pragma once

#include <stdint.h>
#include <sys/stat.h>

#include "clock.h"
#include "fd.h"
#include "invariant.h"
#include "paths.h"
#include "status.h"

namespace boxsockets {

enum class Access : uint8_t {
  kCreate,    // made where it is missing, its mode repaired
  kExisting,  // refused with kParentAbsent where it is missing; nothing is changed
};

// The parent, held by a descriptor on which all mutations are made.
class Parent {
 public:
  // Checks the base, then opens the parent without following a link. `base` is what the caller has
  // just seen of a base that is trusted, or null.
  static Status Open(const Paths& paths, uid_t uid, Access access, Parent* out,
                     const struct stat* base = nullptr);

  int fd() const { return fd_.get(); }
  Fd ReleaseFd() { return static_cast<Fd&&>(fd_); }
  const struct stat& st() const { return st_; }

  // Whether the path still names the directory that the descriptor holds.
  bool IsStillAt(const char* path) const;

 private:
  Fd fd_;
  struct stat st_ = {};
};

// Judges a parent by what lstat() or fstat() told of it, and of its base.
Status JudgeParent(const struct stat& parent, const struct stat& base, uid_t uid);

// Takes the lock that serializes mutations of cooperating processes, waiting until `deadline` (of
// MonotonicNs). Without a parent, the lock is opened by its path.
Status LockParent(const Paths& paths, const Parent* parent, uid_t uid, int64_t deadline, Fd* lock);

// When the lock file cannot be made because the disk is full, a removal goes on without it: it
// would otherwise be impossible to free what is full.
inline bool IsDiskFull(const Status& status) {
  return status.errnum == ENOSPC || status.errnum == EDQUOT;
}

// Runs `operation(parent)` on the opened and locked parent, and begins again where somebody who
// does not take our lock replaced the parent under us.
template <typename Operation>
Status WithLockedParent(const Paths& paths, uid_t uid, Access access, int64_t timeout_ms,
                        Operation operation) {
  int64_t deadline = DeadlineInMs(timeout_ms);
  return BeginAgain([&] {
    Parent parent;
    Fd lock;
    Status status = Parent::Open(paths, uid, access, &parent);
    if (!status.ok()) return status;
    status = LockParent(paths, &parent, uid, deadline, &lock);
    bool goes_on = status.ok() || (access != Access::kCreate && IsDiskFull(status));
    if (!goes_on) return status;
    status = operation(static_cast<const Parent&>(parent));
    INVARIANT(IsFile(parent.fd(), "", parent.st()));
    return status;
  });
}

}  // namespace boxsockets
