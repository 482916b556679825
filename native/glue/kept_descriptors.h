// Descriptors that JavaScript holds by their numbers. What it has not closed is closed with its
// environment: a worker thread that is terminated runs no code of its own any more, and the process
// with its descriptors goes on. That may be before JavaScript has so much as heard of the number.
#pragma once

#include <node_api.h>

#include "../posix/fd.h"

namespace boxsockets {

// To be called once for each environment, before anything is kept.
void StartKeeping(napi_env env);

// The number of a descriptor, which is JavaScript's from now on; -1 where there is none.
napi_value Keep(napi_env env, Fd* fd);

// The number of a socket, which is JavaScript's until it has given it to a stream or a server of
// the runtime, and has said so by Disown. The environment may end between the two: then it closes
// that socket alone, and not another file that has its number by then.
napi_value KeepUntilDisowned(napi_env env, Fd* socket);
void Disown(napi_env env, int fd);

// Closes a descriptor that JavaScript holds.
void CloseKept(napi_env env, int fd);

}  // namespace boxsockets
