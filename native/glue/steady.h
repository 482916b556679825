// The steady path as a function of its own.
#pragma once

#include <node_api.h>

namespace boxsockets {

// steady(base, parent, binding, realDir): () => boolean
// The function carries its paths with it, so that a call passes no argument and copies no string.
napi_value MakeSteady(napi_env env, napi_callback_info info);

}  // namespace boxsockets
