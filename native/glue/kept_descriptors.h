// Descriptors that JavaScript holds by their numbers. What it has not closed is closed with its
// environment: a worker thread that is terminated runs no code of its own any more, and the process
// with its descriptors goes on. That may be before JavaScript has so much as heard of the number.
#pragma once

#include <node_api.h>

#include "../posix/fd.h"

namespace boxsockets {

// To be called once for each environment, before anything is kept.
void StartKeeping(napi_env env);

// Instead of an inode: nobody but JavaScript ever closes it.
inline constexpr int64_t kOursAlone = -2;

// The number of a descriptor, which is JavaScript's from now on; -1 where there is none. Of a
// socket, until it has given it to a stream or a server of the runtime, and has said so by Disown.
// The environment may end between the two: then it closes the socket of that inode alone, and not
// another file that has its number by then.
napi_value Keep(napi_env env, Fd* fd, int64_t inode = kOursAlone);
void Disown(napi_env env, int fd);

// Closes a descriptor that JavaScript holds.
void CloseKept(napi_env env, int fd);

}  // namespace boxsockets
