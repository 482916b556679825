// Results out, as the contract in TypeScript has them. A failed operation is an object, too.
#pragma once

#include <node_api.h>
#include <string.h>

#include "../posix/judgement.h"
#include "../posix/status.h"

namespace boxsockets {

inline napi_value Number(napi_env env, int64_t value) {
  napi_value result = nullptr;
  napi_create_int64(env, value, &result);
  return result;
}

inline napi_value Null(napi_env env) {
  napi_value result = nullptr;
  napi_get_null(env, &result);
  return result;
}

inline napi_value Text(napi_env env, const char* value) {
  napi_value result = nullptr;
  if (value == nullptr) return Null(env);
  napi_create_string_utf8(env, value, NAPI_AUTO_LENGTH, &result);
  return result;
}

inline napi_value BigInt(napi_env env, uint64_t value) {
  napi_value result = nullptr;
  napi_create_bigint_uint64(env, value, &result);
  return result;
}

inline napi_value Boolean(napi_env env, bool value) {
  napi_value result = nullptr;
  napi_get_boolean(env, value, &result);
  return result;
}

// A Uint8Array.
inline napi_value Bytes(napi_env env, const char* bytes, size_t size) {
  napi_value buffer = nullptr, result = nullptr;
  void* data = nullptr;
  if (napi_create_arraybuffer(env, size, &data, &buffer) != napi_ok) return nullptr;
  if (size > 0) memcpy(data, bytes, size);
  napi_create_typedarray(env, napi_uint8_array, size, buffer, 0, &result);
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

// An array of what `item(index)` makes.
template <typename Item>
napi_value ArrayOf(napi_env env, size_t length, Item item) {
  napi_value array = nullptr;
  napi_create_array_with_length(env, length, &array);
  for (size_t i = 0; i < length; i++) {
    napi_set_element(env, array, static_cast<uint32_t>(i), item(i));
  }
  return array;
}

inline napi_value ToObject(napi_env env, const Verdict& verdict) {
  napi_value object = NewObject(env);
  Set(env, object, "judgement", Number(env, static_cast<int64_t>(verdict.judgement)));
  Set(env, object, "reason", Number(env, static_cast<int64_t>(verdict.reason)));
  Set(env, object, "errno", Number(env, verdict.errnum));
  return object;
}

inline napi_value Failure(napi_env env, const Status& status) {
  napi_value failure = NewObject(env);
  Set(env, failure, "errno", Number(env, status.errnum));
  Set(env, failure, "syscall", Text(env, status.syscall));
  Set(env, failure, "subject", Number(env, static_cast<int64_t>(status.subject)));
  Set(env, failure, "dest", Number(env, static_cast<int64_t>(status.dest)));
  Set(env, failure, "refusal", Number(env, static_cast<int64_t>(status.refusal)));
  Set(env, failure, "owner", Number(env, status.owner));
  Set(env, failure, "expected", Number(env, status.expected));
  Set(env, failure, "mode", Number(env, status.mode));
  return failure;
}

inline napi_value FailureOrNull(napi_env env, const Status& status) {
  return status.ok() ? Null(env) : Failure(env, status);
}

}  // namespace boxsockets
