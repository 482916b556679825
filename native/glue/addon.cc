// Registers the addon. All that it exports is defined in the files of operations.
#include <napi.h>

#include "../posix/socket.h"
#include "kept_descriptors.h"
#include "operation.h"

namespace {

// Counts the changes of what the addon exports; lib/native/contract.ts holds the same number.
constexpr int kContract = 14;

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  boxsockets::StartKeeping(env);
  boxsockets::DefineBindingOperations(env, exports);
  boxsockets::DefineFileOperations(env, exports);
  boxsockets::DefineLifecycleOperations(env, exports);
  boxsockets::DefineParentOperations(env, exports);
  boxsockets::DefineProbeOperations(env, exports);
  boxsockets::DefineSocketOperations(env, exports);
  boxsockets::Set(env, exports, "contract", boxsockets::Number(env, kContract));
  boxsockets::Set(env, exports, "sunPathCapacity",
                  boxsockets::Number(env, boxsockets::kSunPathCapacity));
  return exports;
}

}  // namespace

NODE_API_MODULE(boxsockets, Init)
