// Node-API is Node's own, but where a function or data of the guest's is handed over, and for errno.
#include <node_api.h>
#include <string.h>

#include "abi.h"
#include "end.h"
#include "heap.h"
#include "machine.h"

namespace darwin {
namespace {

uint64_t Number(const void* pointer) { return reinterpret_cast<uint64_t>(pointer); }
napi_env Env(const Call& call) { return reinterpret_cast<napi_env>(call.arg(0)); }
napi_value Value(const Call& call, int index) { return reinterpret_cast<napi_value>(call.arg(index)); }

// ---- passed on as they are: integers and pointers, which both sides see alike

using Any = uint64_t (*)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

template <auto function>
uint64_t PassOn(const Call& c) {
  return reinterpret_cast<Any>(function)(c.arg(0), c.arg(1), c.arg(2), c.arg(3), c.arg(4), c.arg(5));
}

#define PASSED(NAME)                                                                                                  \
  NAME(napi_create_array)                                                                                             \
  NAME(napi_create_array_with_length)                                                                                 \
  NAME(napi_create_bigint_int64)                                                                                      \
  NAME(napi_create_bigint_uint64)                                                                                     \
  NAME(napi_create_error)                                                                                             \
  NAME(napi_create_int32)                                                                                             \
  NAME(napi_create_int64)                                                                                             \
  NAME(napi_create_object)                                                                                            \
  NAME(napi_create_promise)                                                                                           \
  NAME(napi_create_string_latin1)                                                                                     \
  NAME(napi_create_string_utf8)                                                                                       \
  NAME(napi_create_typedarray)                                                                                        \
  NAME(napi_create_uint32)                                                                                            \
  NAME(napi_get_array_length)                                                                                         \
  NAME(napi_get_boolean)                                                                                              \
  NAME(napi_get_element)                                                                                              \
  NAME(napi_get_named_property)                                                                                       \
  NAME(napi_get_null)                                                                                                 \
  NAME(napi_get_undefined)                                                                                            \
  NAME(napi_get_value_bigint_int64)                                                                                   \
  NAME(napi_get_value_bigint_uint64)                                                                                  \
  NAME(napi_get_value_bool)                                                                                           \
  NAME(napi_get_value_double)                                                                                         \
  NAME(napi_get_value_int32)                                                                                          \
  NAME(napi_get_value_int64)                                                                                          \
  NAME(napi_get_value_string_utf8)                                                                                    \
  NAME(napi_get_value_uint32)                                                                                         \
  NAME(napi_has_named_property)                                                                                       \
  NAME(napi_is_exception_pending)                                                                                     \
  NAME(napi_reject_deferred)                                                                                          \
  NAME(napi_resolve_deferred)                                                                                         \
  NAME(napi_set_element)                                                                                              \
  NAME(napi_set_property)                                                                                             \
  NAME(napi_throw)                                                                                                    \
  NAME(napi_throw_error)                                                                                              \
  NAME(napi_throw_range_error)                                                                                        \
  NAME(napi_throw_type_error)                                                                                         \
  NAME(napi_typeof)

// ---- functions of the guest, and what they are called with

struct Function {
  uint64_t callback, data;
};
struct Finalizer {
  uint64_t callback, data, hint;
};
struct Work {
  uint64_t execute, complete, data;
  napi_async_work work;
};

napi_value OnCall(napi_env env, napi_callback_info info) {
  void* data;
  size_t none = 0;
  napi_get_cb_info(env, info, &none, nullptr, nullptr, &data);
  uint64_t result = Run(static_cast<Function*>(data)->callback, {Number(env), Number(info)});
  return reinterpret_cast<napi_value>(result);
}
void OnFinalize(napi_env env, void*, void* hint) {
  auto* finalizer = static_cast<Finalizer*>(hint);
  if (finalizer->callback != 0) Run(finalizer->callback, {Number(env), finalizer->data, finalizer->hint});
  delete finalizer;
}
void OnExecute(napi_env env, void* data) { Run(static_cast<Work*>(data)->execute, {Number(env), static_cast<Work*>(data)->data}); }
void OnComplete(napi_env env, napi_status status, void* data) {
  auto* work = static_cast<Work*>(data);
  Run(work->complete, {Number(env), static_cast<uint64_t>(status), work->data});
}

uint64_t DefineProperties(const Call& call) {
  size_t count = call.arg(2);
  const auto* given = static_cast<napi_property_descriptor*>(call.memory(3, count * sizeof(napi_property_descriptor)));
  std::vector<napi_property_descriptor> properties(given, given + count);
  for (napi_property_descriptor& property : properties) {
    if (property.getter != nullptr || property.setter != nullptr) End("napi_define_properties: accessors");
    if (property.method == nullptr) continue;
    property.data = new Function{reinterpret_cast<uint64_t>(property.method), Number(property.data)};
    property.method = OnCall;
  }
  return napi_define_properties(Env(call), Value(call, 1), count, properties.data());
}

uint64_t CreateFunction(const Call& call) {
  const char* name = call.arg(1) == 0 ? nullptr : call.text(1);
  auto* function = new Function{call.arg(3), call.arg(4)};
  return napi_create_function(Env(call), name, call.arg(2), OnCall, function, call.out<napi_value>(5));
}

uint64_t GetCallbackInfo(const Call& call) {
  void* data = nullptr;
  auto* values = reinterpret_cast<napi_value*>(call.arg(3));
  auto* receiver = reinterpret_cast<napi_value*>(call.arg(4));
  napi_status status = napi_get_cb_info(Env(call), reinterpret_cast<napi_callback_info>(call.arg(1)),
                                        reinterpret_cast<size_t*>(call.arg(2)), values, receiver, &data);
  if (call.arg(5) != 0) *call.out<uint64_t>(5) = static_cast<Function*>(data)->data;
  return status;
}

uint64_t AddFinalizer(const Call& call) {
  auto* finalizer = new Finalizer{call.arg(3), call.arg(2), call.arg(4)};
  return napi_add_finalizer(Env(call), Value(call, 1), finalizer, OnFinalize, finalizer,
                            reinterpret_cast<napi_ref*>(call.arg(5)));
}

uint64_t SetInstanceData(const Call& call) {
  auto* finalizer = new Finalizer{call.arg(2), call.arg(1), call.arg(3)};
  return napi_set_instance_data(Env(call), finalizer, OnFinalize, finalizer);
}

uint64_t GetInstanceData(const Call& call) {
  void* data = nullptr;
  napi_status status = napi_get_instance_data(Env(call), &data);
  *call.out<uint64_t>(1) = data == nullptr ? 0 : static_cast<Finalizer*>(data)->data;
  return status;
}

uint64_t CreateWork(const Call& call) {
  auto* work = new Work{call.arg(3), call.arg(4), call.arg(5), nullptr};
  napi_status status =
      napi_create_async_work(Env(call), Value(call, 1), Value(call, 2), OnExecute, OnComplete, work, &work->work);
  *call.out<Work*>(6) = work;
  return status;
}

uint64_t QueueWork(const Call& call) { return napi_queue_async_work(Env(call), reinterpret_cast<Work*>(call.arg(1))->work); }

uint64_t DeleteWork(const Call& call) {
  auto* work = reinterpret_cast<Work*>(call.arg(1));
  napi_status status = napi_delete_async_work(Env(call), work->work);
  delete work;
  return status;
}

// ---- data

// What V8 has is no memory of the guest's: it gets a copy, which is never given back.
uint64_t GetTypedArray(const Call& call) {
  napi_typedarray_type type;
  size_t length = 0, offset;
  void* data = nullptr;
  napi_value buffer;
  napi_status status = napi_get_typedarray_info(Env(call), Value(call, 1), &type, &length, &data, &buffer, &offset);
  if (status != napi_ok) return status;
  uint64_t copy = Allocate(length + 1);
  memcpy(reinterpret_cast<void*>(copy), data, length);
  if (call.arg(2) != 0) *call.out<napi_typedarray_type>(2) = type;
  if (call.arg(3) != 0) *call.out<size_t>(3) = length;
  if (call.arg(4) != 0) *call.out<uint64_t>(4) = copy;
  if (call.arg(5) != 0) *call.out<napi_value>(5) = buffer;
  if (call.arg(6) != 0) *call.out<size_t>(6) = offset;
  return napi_ok;
}

// The other way round, V8 gets memory of the guest's.
uint64_t CreateArrayBuffer(const Call& call) {
  uint64_t block = Allocate(call.arg(1));
  memset(reinterpret_cast<void*>(block), 0, call.arg(1));
  auto release = [](napi_env, void* data, void*) { Free(Number(data)); };
  if (call.arg(2) != 0) *call.out<uint64_t>(2) = block;
  return napi_create_external_arraybuffer(Env(call), reinterpret_cast<void*>(block), call.arg(1), release, nullptr,
                                          call.out<napi_value>(3));
}

// A property `errno` is Darwin's number, and this Node knows Linux's.
uint64_t SetNamedProperty(const Call& call) {
  napi_value value = Value(call, 3);
  int64_t number;
  if (strcmp(call.text(2), "errno") == 0 && napi_get_value_int64(Env(call), value, &number) == napi_ok && number > 0) {
    napi_create_int64(Env(call), LinuxErrnoOf(static_cast<int>(number)), &value);
  }
  return napi_set_named_property(Env(call), Value(call, 1), call.text(2), value);
}

}  // namespace

void AddNodeApi(Symbols& symbols) {
#define NAME(function) symbols["_" #function] = PassOn<function>;
  PASSED(NAME)
#undef NAME
  symbols["_napi_define_properties"] = DefineProperties;
  symbols["_napi_create_function"] = CreateFunction;
  symbols["_napi_get_cb_info"] = GetCallbackInfo;
  symbols["_napi_add_finalizer"] = AddFinalizer;
  symbols["_napi_set_instance_data"] = SetInstanceData;
  symbols["_napi_get_instance_data"] = GetInstanceData;
  symbols["_napi_create_async_work"] = CreateWork;
  symbols["_napi_queue_async_work"] = QueueWork;
  symbols["_napi_delete_async_work"] = DeleteWork;
  symbols["_napi_create_arraybuffer"] = CreateArrayBuffer;
  symbols["_napi_get_typedarray_info"] = GetTypedArray;
  symbols["_napi_set_named_property"] = SetNamedProperty;
}

}  // namespace darwin
