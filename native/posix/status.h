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
  kParentUnstable,  // replaced again and again while we worked
  kParentAbsent,    // only where the parent is not created; never reaches JavaScript as an error
  kLockUntrusted,
  kLockTimeout,
  kRealDir,
  kNotASymlink,
  kBindingInUse,
  kMisplaced,          // a socket landed in another directory than the real one
  kPeer,               // the other end belongs to another user
  kFileUntrusted,      // not a plain file of ours, where one is to be read or written
  kParentMounted,      // on another file system than its base
  kTooLong,            // to be a socket's address
  kIdTaken,            // by a binding whose name the file system takes for the same
  kAncestryUntrusted,  // what leads to the base can be renamed by others
};

enum class Kind : uint8_t {
  kOk,
  kFailed,   // a system call failed
  kRefused,  // we refuse, for the reason of `refusal`
  kRetry,    // somebody came between: begin again; where that is of no use, a refusal
};

struct Status {
  Kind kind = Kind::kOk;
  int errnum = 0;
  const char* syscall = nullptr;
  Subject subject = Subject::kNone;
  Subject dest = Subject::kNone;  // of a call that is about two paths, the second
  Refusal refusal = Refusal::kNone;
  // Numbers that explain a refusal: the uid (or, of a lock, the pid) that owns what was refused,
  // the uid that should, and the permission bits.
  int64_t owner = -1;
  int64_t expected = -1;
  int64_t mode = -1;

  bool ok() const { return kind == Kind::kOk; }

  static Status Ok() { return {}; }

  // A system call failed; errno still holds the reason. Out of line, as there are hundreds of
  // calls.
  __attribute__((noinline)) static Status Failed(const char* syscall, Subject subject,
                                                 Subject dest = Subject::kNone) {
    return Failed(errno, syscall, subject, dest);
  }
  __attribute__((noinline)) static Status Failed(int errnum, const char* syscall, Subject subject,
                                                 Subject dest = Subject::kNone) {
    Status status;
    status.kind = Kind::kFailed;
    status.errnum = errnum;
    status.syscall = syscall;
    status.subject = subject;
    status.dest = dest;
    return status;
  }
  // Our own memory, and not the kernel's.
  static Status OutOfMemory() { return Failed(ENOMEM, "malloc", Subject::kNone); }
  __attribute__((noinline)) static Status Refused(Refusal refusal, Subject subject) {
    Status status;
    status.kind = Kind::kRefused;
    status.refusal = refusal;
    status.subject = subject;
    return status;
  }
  static Status Retry(Refusal refusal, Subject subject) {
    Status status = Refused(refusal, subject);
    status.kind = Kind::kRetry;
    return status;
  }
};

// Runs an operation until it does not ask to begin again any more: the only place where that is
// done. A bound, so that nobody can make us loop; waiting for a lock has its own, the deadline.
template <typename Operation>
Status BeginAgain(Operation operation) {
  constexpr int kAttempts = 100;
  Status status;
  for (int attempt = 0; attempt < kAttempts;) {
    status = operation();
    if (status.kind != Kind::kRetry) break;
    if (status.refusal != Refusal::kLockTimeout) attempt++;
  }
  return status;
}

}  // namespace boxsockets
