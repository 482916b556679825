// Removing the bindings of a parent that lead nowhere.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "paths.h"
#include "status.h"
#include "vec.h"

namespace boxsockets {

struct SweepOptions {
  bool dry_run = false;
  int64_t lock_timeout_ms = 5000;
  int64_t timeout_ms = 2000;  // that a target has to answer in
};

struct SweepResult {
  struct Skipped {
    size_t name;  // in `names`
    int errnum;   // why it could not be resolved
  };

  Strings names;
  Vec<size_t> removed;  // in `names`
  uint32_t kept = 0;    // links that lead somewhere, or that a socket speaks for
  Vec<Skipped> skipped;
};

// Removes the links whose target is proven gone: it does not resolve, and no process that can be
// seen has a socket bound below it. A missing parent is an empty result. With `dry_run`, says what
// would go and changes nothing. Targets are looked at without the lock, which is taken for the
// removal of what was found gone.
Status SweepStale(const Paths& paths, const SweepOptions& options, SweepResult* result);

}  // namespace boxsockets
