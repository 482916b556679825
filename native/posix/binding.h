// The operations on one binding: the symlink <parent>/<id> -> <realDir>.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "parent.h"
#include "paths.h"
#include "status.h"
#include "syscalls.h"
#include "user.h"

namespace boxsockets {

struct EnsureOptions {
  bool takeover = false;  // replace a binding whose box lives, or which cannot be resolved
  int64_t lock_timeout_ms = 5000;
  bool known_unsteady = false;  // the caller has just looked, and the binding was not right
};

enum class EnsureResult : uint8_t { kUnchanged, kCreated, kReplaced };

// What is refused before anything is touched: uids that differ, a real directory that is none.
Status CheckPreconditions(const Paths& paths);

// Under the lock of `parent`: makes the binding lead to the real directory.
Status EnsureLocked(const Paths& paths, const Parent& parent, bool takeover, EnsureResult* result);

// Makes the binding lead to the real directory. Safe under any number of concurrent callers.
Status Ensure(const Paths& paths, const EnsureOptions& options, EnsureResult* result);

// Ensures under the lock, and runs `operation(parent)` before it lets go: nobody who takes the lock
// moves the binding meanwhile. kMisplaced from the operation means that somebody who does not take
// it has: it starts over, some times.
template <typename Operation>
Status EnsureAnd(const Paths& paths, const EnsureOptions& options, Operation operation) {
  EnsureResult result;
  Status status = CheckPreconditions(paths);
  if (!status.ok()) return status;
  constexpr int kAttempts = 8;
  for (int attempt = 0; attempt < kAttempts; attempt++) {
    status = WithLockedParent(paths, CurrentUids().effective, Access::kCreate,
                              options.lock_timeout_ms, [&](const Parent& parent) {
                                Status ensured =
                                    EnsureLocked(paths, parent, options.takeover, &result);
                                return ensured.ok() ? operation(parent) : ensured;
                              });
    if (status.refusal != Refusal::kMisplaced) break;
  }
  return status;
}

// One of many bindings that are ensured at once.
struct BatchItem {
  Paths paths;
  EnsureResult result;
  Status status;
  // Private to EnsureAll.
  Inode real_dir;
  bool settled;
  bool tried;
};

// Ensures bindings that share a base and a parent: the parent is verified once, the lock is taken
// once, and not at all where every binding is right. One that fails does not stop the others.
void EnsureAll(BatchItem* items, size_t count, int64_t lock_timeout_ms);

enum class RemoveResult : uint8_t { kRemoved, kAbsent, kForeign };

// Unlinks the binding where it is ours: it leads to the real directory, or to nothing.
Status Remove(const Paths& paths, int64_t lock_timeout_ms, RemoveResult* result);

}  // namespace boxsockets
