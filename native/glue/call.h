// One operation, two callers. An operation is a struct with
//   void Read(Arguments&)            arguments in, on the main thread
//   void Run()                       the work, on any thread, without JavaScript
//   napi_value Result(napi_env)      one result out, on the main thread
// CallSync does the three at once; CallAsync runs the middle one on a worker thread and returns a
// promise. Neither formats a message: a failed operation is a result, too (see values.h).
#pragma once

#include <node_api.h>
#include <stddef.h>

#include <new>

#include "arguments.h"

namespace boxsockets {

// What the callers need to know of an operation. They are written once, and not as templates: two
// functions for each operation were a fifth of the binary.
struct OperationType {
  size_t size;
  void (*construct)(void* memory);
  void (*destroy)(void* operation);
  void (*read)(void* operation, Arguments& arguments);
  void (*run)(void* operation);
  napi_value (*result)(void* operation, napi_env env);
};

// The callbacks; their data is an OperationType.
napi_value CallSync(napi_env env, napi_callback_info info);
napi_value CallAsync(napi_env env, napi_callback_info info);

// Puts a function on the exports; none where there is no name.
void DefineFunction(napi_env env, napi_value exports, const char* name, napi_callback callback,
                    const OperationType* type = nullptr);

// CallSync holds an operation in a buffer of that size: five paths of Linux's, or the entry at
// which a removal has stopped, which on macOS is longer than all its paths.
constexpr size_t kLargestOperation = 25'000;

template <typename Op>
class TypeOf {
  static_assert(sizeof(Op) <= kLargestOperation, "must fit CallSync's buffer");
  static_assert(alignof(Op) <= alignof(max_align_t), "must fit CallSync's buffer");

  static void Construct(void* memory) { new (memory) Op; }
  static void Destroy(void* operation) { static_cast<Op*>(operation)->~Op(); }
  static void Read(void* operation, Arguments& arguments) {
    static_cast<Op*>(operation)->Read(arguments);
  }
  static void Run(void* operation) { static_cast<Op*>(operation)->Run(); }
  static napi_value Result(void* operation, napi_env env) {
    return static_cast<Op*>(operation)->Result(env);
  }

 public:
  static constexpr OperationType kType = {sizeof(Op), Construct, Destroy, Read, Run, Result};
};

}  // namespace boxsockets
