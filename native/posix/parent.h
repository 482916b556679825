// The per-user directory that holds the bindings: verified, opened, locked.
#pragma once

#include <stdint.h>
#include <sys/stat.h>

#include "clock.h"
#include "fd.h"
#include "paths.h"
#include "status.h"

namespace boxsockets {

inline constexpr mode_t kParentMode = 0700;

// Whether strangers cannot swap entries of this base under us.
Status CheckBase(const struct stat& base, uid_t uid);

enum class Access : uint8_t {
  kCreate,    // created where it is missing, its mode repaired
  kExisting,  // refused with kParentAbsent where it is missing, its mode repaired
  kInspect,   // as kExisting, and nothing is changed
};

// The parent, held by a descriptor on which all mutations are made.
class Parent {
 public:
  // Checks the base, then opens the parent without following a link, and repairs its mode.
  static Status Open(const Paths& paths, uid_t uid, Access access, Parent* out);

  int fd() const { return fd_.get(); }
  Fd ReleaseFd() { return static_cast<Fd&&>(fd_); }

  // Whether the path still names the directory that the descriptor holds.
  bool IsStillAt(const char* path) const;

 private:
  Fd fd_;
  struct stat st_ = {};
};

// When the lock file cannot be made because the disk is full, a removal may go on without it: it
// would otherwise be impossible to free what is full.
enum class OnFullDisk : uint8_t { kFail, kGoOn };

// Takes the lock that serializes mutations of cooperating processes, polling until `deadline` (of
// MonotonicNs). Refused with kParentUnstable where the parent was replaced meanwhile: open it anew.
Status LockParent(const Paths& paths, const Parent& parent, uid_t uid, int64_t deadline,
                  OnFullDisk on_full_disk, Fd* lock);

// Takes an flock of that kind (LOCK_SH, LOCK_EX), polling until `deadline`; then refused with
// kLockTimeout, and the owner where the system shows it.
Status PollLock(int fd, int operation, int64_t deadline, Subject subject);

// Runs `operation(parent)` on the opened and locked parent, and starts over where somebody who does
// not take our lock replaced the parent under us. A bound, so that nobody can make us loop.
template <typename Operation>
Status WithLockedParent(const Paths& paths, uid_t uid, Access access, int64_t timeout_ms,
                        Operation operation) {
  constexpr int kAttempts = 100;
  OnFullDisk on_full_disk = access == Access::kCreate ? OnFullDisk::kFail : OnFullDisk::kGoOn;
  int64_t deadline = DeadlineInMs(timeout_ms);
  Status status;
  for (int attempt = 0; attempt < kAttempts; attempt++) {
    Parent parent;
    Fd lock;
    status = Parent::Open(paths, uid, access, &parent);
    if (status.ok()) {
      status = LockParent(paths, parent, uid, deadline, on_full_disk, &lock);
    }
    if (status.ok()) status = operation(static_cast<const Parent&>(parent));
    if (status.refusal != Refusal::kParentUnstable) break;
  }
  return status;
}

}  // namespace boxsockets
