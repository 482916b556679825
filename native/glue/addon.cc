// Registers the addon. All that it exports is defined in operations.cc.
#include <napi.h>

#include "../posix/socket.h"
#include "operations.h"
#include "values.h"

namespace {

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  boxsockets::DefineOperations(env, exports);
  boxsockets::Set(env, exports, "sunPathCapacity",
                  boxsockets::Number(env, boxsockets::kSunPathCapacity));
  return exports;
}

}  // namespace

NODE_API_MODULE(boxsockets, Init)
