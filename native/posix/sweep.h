// The operations on all bindings of a parent: removing those that lead nowhere, and listing them.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "paths.h"
#include "status.h"
#include "vec.h"

namespace boxsockets {

struct SweepResult {
  struct Skipped {
    size_t name;  // in `names`
    int errnum;   // why it could not be resolved
  };

  Strings names;
  Vec<size_t> removed;  // in `names`
  uint32_t kept = 0;    // links that lead somewhere
  Vec<Skipped> skipped;
};

// Removes the links whose target is proven gone. A missing parent is an empty result. With
// `dry_run`, says what would go and changes nothing.
Status SweepStale(const Paths& paths, bool dry_run, int64_t lock_timeout_ms, SweepResult* result);

enum class BindingState : uint8_t { kLive, kIdle, kDangling, kUnreadable, kNotASymlink };

struct Listing {
  static constexpr size_t kNoTarget = SIZE_MAX;

  struct Entry {
    size_t id;      // in `names`
    size_t target;  // in `names`, or kNoTarget
    BindingState state;
    int errnum;           // why it is unreadable, else 0
    size_t first_socket;  // in `sockets`
    size_t socket_count;
  };
  struct Socket {
    size_t name;  // in `names`
    bool held;
  };

  Strings names;
  Vec<Entry> entries;
  Vec<Socket> sockets;
};

// Every entry of the parent that does not begin with a dot. Changes nothing and takes no lock.
Status List(const Paths& paths, Listing* listing);

}  // namespace boxsockets
