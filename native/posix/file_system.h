// What can be known of a file system from its kind alone.
#pragma once

namespace boxsockets {

// Whether this kernel alone serves the file system that `path` leads to. Elsewhere (NFS, CIFS, 9p,
// virtiofs, FUSE …) a socket may be held by a process of another kernel, or behind another mount of
// the same files, and a call may wait for a server that does not answer. False where it cannot be
// told, too: errno is then why, and else 0.
bool IsServedHere(const char* path);

}  // namespace boxsockets
