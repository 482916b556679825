#include "operation.h"

namespace boxsockets {

void DefineMethods(napi_env env, napi_value exports, const char* name, const char* async_name,
                   const OperationType* type) {
  void* data = const_cast<OperationType*>(type);
  const napi_property_descriptor methods[] = {
      {name, nullptr, CallSync, nullptr, nullptr, nullptr, napi_enumerable, data},
      {async_name, nullptr, CallAsync, nullptr, nullptr, nullptr, napi_enumerable, data},
  };
  napi_define_properties(env, exports, 2, methods);
}

}  // namespace boxsockets
