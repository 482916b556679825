// The operations on one binding: the symlink <parent>/<id> -> <realDir>.
#pragma once

#include <stdint.h>

#include "paths.h"
#include "status.h"

namespace boxsockets {

struct EnsureOptions {
  bool takeover = false;  // replace a binding whose box lives, or which cannot be resolved
  int64_t lock_timeout_ms = 5000;
};

enum class EnsureResult : uint8_t { kUnchanged, kCreated, kReplaced };

// Makes the binding lead to the real directory. Safe under any number of concurrent callers.
Status Ensure(const Paths& paths, const EnsureOptions& options, EnsureResult* result);

enum class RemoveResult : uint8_t { kRemoved, kAbsent, kForeign };

// Unlinks the binding where it is ours: it leads to the real directory, or to nothing.
Status Remove(const Paths& paths, int64_t lock_timeout_ms, RemoveResult* result);

}  // namespace boxsockets
