// Connecting to a socket of a box: to what bears its name in the real directory, and to nothing
// that a link leads to.
#pragma once

#include <sys/types.h>

#include "fd.h"
#include "socket.h"
#include "status.h"

namespace boxsockets {

// Who must be at the other end: anybody, or a process of `uid`.
struct PeerRule {
  bool verify = false;
  uid_t uid = 0;
};

// The address that a listener was bound by, as it gave it.
struct BoundPath {
  union {
    sockaddr generic;
    char bytes[offsetof(sockaddr_un, sun_path) + Address::kLongest + 1] = {};
  };
  const char* text() const { return bytes + offsetof(sockaddr_un, sun_path); }
};

// Connects a stream to the socket `path`, which leads through the binding to `entry`, in the real
// directory. Refused with kMisplaced where that entry is a link, where the two are not the same, or
// where `bound` does not lead into the real directory (with ENOENT where the binding is gone, too);
// with kPeer where another user is at the other end. Never waits: EAGAIN where the queue is full.
Status Dial(const char* path, const char* entry, const PeerRule& rule, Fd* out, BoundPath* bound);

// Refused with kPeer where another user than `uid` is at the other end of a connected socket, or
// where that cannot be told.
Status CheckPeer(const Fd& socket, uid_t uid);

}  // namespace boxsockets
