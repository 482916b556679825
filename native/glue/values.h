// Results out. A failed operation is an object {errno, syscall, subject, refusal, owner, expected,
// mode}; lib/native.ts holds the same contract, lib/errors.ts makes an error of it.
#pragma once

#include <node_api.h>

#include "../posix/status.h"

namespace boxsockets {

inline napi_value Number(napi_env env, int64_t value) {
  napi_value result = nullptr;
  napi_create_int64(env, value, &result);
  return result;
}

inline napi_value Text(napi_env env, const char* value) {
  napi_value result = nullptr;
  if (value == nullptr) {
    napi_get_null(env, &result);
  } else {
    napi_create_string_utf8(env, value, NAPI_AUTO_LENGTH, &result);
  }
  return result;
}

inline napi_value Boolean(napi_env env, bool value) {
  napi_value result = nullptr;
  napi_get_boolean(env, value, &result);
  return result;
}

inline napi_value Null(napi_env env) {
  napi_value result = nullptr;
  napi_get_null(env, &result);
  return result;
}

inline napi_value NewArray(napi_env env, size_t length) {
  napi_value result = nullptr;
  napi_create_array_with_length(env, length, &result);
  return result;
}

inline napi_value NewObject(napi_env env) {
  napi_value result = nullptr;
  napi_create_object(env, &result);
  return result;
}

inline void Set(napi_env env, napi_value object, const char* key, napi_value value) {
  napi_set_named_property(env, object, key, value);
}

inline void Put(napi_env env, napi_value array, size_t index, napi_value value) {
  napi_set_element(env, array, static_cast<uint32_t>(index), value);
}

napi_value Failure(napi_env env, const Status& status);
napi_value FailureOrNull(napi_env env, const Status& status);

}  // namespace boxsockets
