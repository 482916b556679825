// Listening and dialing through a binding: sockets that are certain to lie in the real directory,
// and to be given away or taken over by nobody.
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "binding.h"
#include "fd.h"
#include "paths.h"
#include "socket.h"
#include "status.h"

namespace boxsockets {

// Tells a socket file from any other that may take its place.
struct FileIdentity {
  uint64_t device;
  uint64_t inode;
  uint64_t birth_ns;  // 0 where the platform has none, and the inode is held by a descriptor
};

struct ListenOptions {
  EnsureOptions ensure;
  mode_t mode = 0600;
  int backlog = 511;
};

struct Listener {
  Fd socket;  // bound and listening
  // Keeps the file's inode number from being reused after the socket is closed (Linux).
  Fd pin;
  FileIdentity identity = {};
};

// Ensures the binding, replaces a stale socket file under the lock, binds, verifies that the socket
// landed in the real directory, and listens. EADDRINUSE where a process holds the name.
Status Listen(const Paths& paths, const char* name, const ListenOptions& options, Listener* out);

// Unlinks `name` in the real directory where it is still the file of that identity. Under the lock:
// whoever replaces a dead socket holds it, and could otherwise bind between our look and our
// unlink.
Status UnlinkOwn(const Paths& paths, const char* name, const FileIdentity& identity,
                 int64_t lock_timeout_ms);

// Connects a stream and refuses a peer that is not of `uid`. Does not wait for a full backlog.
Status DialVerified(const char* path, uid_t uid, Fd* out);

}  // namespace boxsockets
