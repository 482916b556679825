// How an operation of the POSIX layer ends: fine, a failed system call, or a refusal of ours.
#pragma once

#include <errno.h>
#include <stdint.h>

namespace boxsockets {

// What a system call was about. The caller knows the paths; an error only says which of them.
enum class Subject : uint8_t {
  kNone,
  kBase,
  kParent,
  kLock,
  kBinding,
  kTemporary,  // the fresh link that replaces a binding
  kRealDir,
  kSocket,
  kFile,  // a file below a home, or an entry of a tree
};

// Why an operation was refused although no system call failed (or because of how one failed).
enum class Refusal : uint8_t {
  kNone,
  kUidMismatch,
  kBaseUntrusted,
  kParentNotDirectory,
  kParentForeign,
  kParentUnstable,  // replaced again and again while we worked; also the signal to start over
  kParentAbsent,    // only where the parent is not created; never reaches JavaScript as an error
  kLockUntrusted,
  kLockTimeout,
  kRealDir,
  kNotASymlink,
  kBindingInUse,
  kMisplaced,      // a socket landed in another directory than the real one
  kPeer,           // the other end belongs to another user
  kFileUntrusted,  // not a plain file of ours, where one is to be read or written
};

struct Status {
  int errnum = 0;
  const char* syscall = nullptr;
  Subject subject = Subject::kNone;
  Refusal refusal = Refusal::kNone;
  // Numbers that explain a refusal: the uid (or, of a lock, the pid) that owns what was refused,
  // the uid that should, and the permission bits.
  int64_t owner = -1;
  int64_t expected = -1;
  int64_t mode = -1;

  bool ok() const { return syscall == nullptr && refusal == Refusal::kNone; }

  static Status Ok() { return {}; }

  // A system call failed; errno still holds the reason.
  static Status Failed(const char* syscall, Subject subject) {
    return Failed(errno, syscall, subject);
  }
  static Status Failed(int errnum, const char* syscall, Subject subject) {
    Status status;
    status.errnum = errnum;
    status.syscall = syscall;
    status.subject = subject;
    return status;
  }
  static Status Refused(Refusal refusal, Subject subject) {
    Status status;
    status.refusal = refusal;
    status.subject = subject;
    return status;
  }
};

}  // namespace boxsockets
