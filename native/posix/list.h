// Describing the bindings of a parent.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "judgement.h"
#include "paths.h"
#include "status.h"
#include "vec.h"

namespace boxsockets {

enum class BindingState : uint8_t { kLive, kIdle, kDangling, kUnreadable, kNotASymlink };

struct Listing {
  static constexpr size_t kNone = SIZE_MAX;

  struct Entry {
    size_t id;      // in `names`
    size_t target;  // in `names`, or kNone
    BindingState state;
    int errnum;     // why it, or what it leads to, could not be read, else 0
    size_t socket;  // the last of its sockets, or kNone
    size_t lost;    // how many of them have no file
    bool is_read;   // its sockets are all known
    bool in_doubt;  // no file says that it lives
  };
  struct Socket {
    size_t name;      // in `names`
    size_t previous;  // of the same entry, or kNone
    Verdict verdict;
  };

  Strings names;
  Vec<Entry> entries;
  Vec<Socket> sockets;
};

// Every entry of the parent that does not begin with a dot. Changes nothing and takes no lock. A
// socket that is held while its file is gone is one of its binding's, too. What does not answer in
// time is unreadable (ETIMEDOUT), unless the kernel lists a socket below it; and
// where a socket is unknown, so is whether its binding is live: unreadable, with that socket's
// errno, or EAGAIN.
Status List(const Paths& paths, int64_t timeout_ms, Listing* listing);

}  // namespace boxsockets
