// The operations on one binding: the symlink <parent>/<id> -> <realDir>.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "parent.h"
#include "paths.h"
#include "status.h"
#include "steady.h"
#include "syscalls.h"
#include "user.h"

namespace boxsockets {

struct EnsureOptions {
  bool takeover = false;  // replace a binding whose box lives, or which cannot be resolved
  int64_t lock_timeout_ms = 5000;
  bool check_ancestry = false;  // of the base: once for each box, and not for the default base
  bool may_wait = true;         // EnsureAll asks the kernel whether a box's server may not answer
};

enum class EnsureResult : uint8_t { kUnchanged, kCreated, kReplaced };

// What is refused before anything is touched: uids that differ, a real directory that is none, a
// base that can be swapped.
Status CheckPreconditions(const Paths& paths, const EnsureOptions& options);

// Under the lock of `parent`: makes the binding lead to the real directory.
Status EnsureLocked(const Paths& paths, const Parent& parent, bool takeover, EnsureResult* result);

// Makes the binding lead to the real directory. Safe under any number of concurrent callers.
Status Ensure(const Paths& paths, const EnsureOptions& options, EnsureResult* result);

// The same by `uid`, of a binding that `look` has just found not to be right.
Status EnsureUnsteady(const Paths& paths, uid_t uid, const EnsureOptions& options, const Look& look,
                      EnsureResult* result);

// One try at it, of a binding that was just found not to be right. Waits for the lock
// until `deadline`. `base` is what was just seen of a base that is trusted, or null.
Status EnsureOnce(const Paths& paths, uid_t uid, bool takeover, int64_t deadline,
                  const struct stat* base, EnsureResult* result);

// Ensures under the lock, and runs `operation(parent)` before it lets go: nobody who takes the lock
// moves the binding meanwhile. The operation may ask to begin again, where somebody has moved it
// who does not take it.
template <typename Operation>
Status EnsureAnd(const Paths& paths, const EnsureOptions& options, Operation operation) {
  EnsureResult result;
  Status status = CheckPreconditions(paths, options);
  if (!status.ok()) return status;
  return WithLockedParent(paths, CurrentUids().effective, Access::kCreate, options.lock_timeout_ms,
                          [&](const Parent& parent) {
                            Status ensured = EnsureLocked(paths, parent, options.takeover, &result);
                            return ensured.ok() ? operation(parent) : ensured;
                          });
}

// One of many bindings that are ensured at once.
struct BatchItem {
  Paths paths;
  EnsureResult result;
  Status status;
  bool settled;  // private to EnsureAll
};

// Ensures bindings that share a base and a parent: the parent is verified once, the lock is taken
// once, and not at all where no binding has to be replaced. One that fails does not stop the
// others.
void EnsureAll(BatchItem* items, size_t count, const EnsureOptions& options);

enum class RemoveResult : uint8_t { kRemoved, kAbsent, kForeign };

// Unlinks the binding where it is ours: it leads to the real directory, or to nothing.
Status Remove(const Paths& paths, int64_t lock_timeout_ms, RemoveResult* result);

}  // namespace boxsockets
