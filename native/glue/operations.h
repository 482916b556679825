// Defines every operation on the exports object.
#pragma once

#include <node_api.h>

namespace boxsockets {

napi_status DefineOperations(napi_env env, napi_value exports);

}  // namespace boxsockets
