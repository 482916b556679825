// Listening through a binding: on sockets that are certain to lie in the real directory, and that
// nobody else can be given.
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
  Fd real_dir;  // to unlink the file in; none where a directory is addressed by its path
  FileIdentity identity = {};
};

// Ensures the binding, replaces a stale socket file under the lock, binds, verifies that the socket
// landed in the real directory, and listens. EADDRINUSE where a process holds the name.
Status Listen(const Paths& paths, const char* name, const ListenOptions& options, Listener* out);

// The same where the binding is right and nothing bears the name, without the lock: bind takes a
// name that is free, or none, and where it landed is looked at afterwards. False where it takes
// more.
bool ListenAtFreeName(const Paths& paths, const char* name, const ListenOptions& options,
                      Listener* out, Status* status);

// The same for a binder of the caller's own: ensures the binding, and removes a socket file of that
// name whose owner is dead. EADDRINUSE where anything else bears the name.
Status Claim(const Paths& paths, const char* name, const EnsureOptions& options);

// Unlinks `name` in `real_dir` where it is still the file of that identity, whose socket is open:
// nobody takes that for dead, and puts another in its place between our look and our unlink.
Status UnlinkHeld(int real_dir, const char* name, const FileIdentity& identity);

// The same of a socket that is closed. Under the lock: whoever replaces a dead socket holds it.
Status UnlinkOwn(const Paths& paths, const char* name, const FileIdentity& identity,
                 int64_t lock_timeout_ms);

}  // namespace boxsockets
