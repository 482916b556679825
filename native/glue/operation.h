// What operations have in common: the paths they begin with, and how they are put on the exports.
#pragma once

#include <node_api.h>

#include "../posix/paths.h"
#include "../posix/status.h"
#include "arguments.h"
#include "call.h"
#include "values.h"

namespace boxsockets {

// What every operation on a parent begins with: base, parent.
struct ParentOperation {
  PathArgument base, parent;
  Status status;

  void ReadParent(Arguments& arguments) {
    arguments.Next(&base);
    arguments.Next(&parent);
  }
  Paths ParentPaths() const { return {base.data, parent.data, parent.data, nullptr}; }
};

// What every operation on a binding begins with: base, parent, binding, realDir.
struct BindingOperation : ParentOperation {
  PathArgument binding, real_dir;

  void ReadBinding(Arguments& arguments) {
    ReadParent(arguments);
    arguments.Next(&binding);
    arguments.Next(&real_dir);
  }
  Paths BindingPaths() const { return {base.data, parent.data, binding.data, real_dir.data}; }
};

// Defines `name` and `nameAsync` on the exports.
void DefineMethods(napi_env env, napi_value exports, const char* name, const char* async_name,
                   const OperationType* type);

template <typename Op>
void Define(napi_env env, napi_value exports, const char* name, const char* async_name) {
  DefineMethods(env, exports, name, async_name, &TypeOf<Op>::kType);
}

// One for each file of operations.
void DefineBindingOperations(napi_env env, napi_value exports);
void DefineLifecycleOperations(napi_env env, napi_value exports);
void DefineParentOperations(napi_env env, napi_value exports);
void DefineProbeOperations(napi_env env, napi_value exports);
void DefineServeOperations(napi_env env, napi_value exports);

}  // namespace boxsockets
