// Proof that a socket binds: one is really made, bound, connected to, and removed.
#pragma once

#include <stdint.h>

#include "judgement.h"
#include "paths.h"
#include "socket.h"
#include "status.h"

namespace boxsockets {

struct ProbeRequest {
  const char* path;       // where to bind: a name that nothing bears
  const char* leaf;       // its last component
  const char* directory;  // where the socket file must appear
  SocketType type;
};

// Whether the parent is trusted, so that nothing is bound through somebody else's link. Fine where
// there is none: the bind will say so.
Status CheckParent(const Paths& paths);

// Whether `address_directory` leads to `directory`, so that nothing is bound in a directory that is
// somebody else's. Fine where it leads nowhere: the bind will say so.
Status CheckLeadsTo(const char* address_directory, const char* directory);

// Whether a process holds what stands at a path: what is no socket is dead.
Status WhatIsAt(const char* path, Verdict* verdict);

// Binds, listens, connects, exchanges a byte, compares the file by device and inode with the one in
// `directory`, and removes it.
Status Probe(const ProbeRequest& request);

// Removes the sockets that killed probes left in `directory`: names of `.~` and alphanumerics that
// nobody holds. They are addressed through `address_directory`, which may be shorter.
Status RemoveLeftovers(const char* directory, const char* address_directory);

// Binds at `path`, of any length up to 255 bytes, leaving the judgement to the kernel, and removes
// what it bound. Refused with kTooLong, and with kMisplaced where the kernel has cut the path.
Status BindAnyLength(const char* path);

}  // namespace boxsockets
