// What operations have in common: the paths they begin with, and how they are put on the exports.
#pragma once

#include <node_api.h>

#include "../posix/binding.h"
#include "../posix/paths.h"
#include "../posix/status.h"
#include "arguments.h"
#include "call.h"
#include "values.h"

namespace boxsockets {

// What becomes of an operation that tells nothing else.
struct StatusOperation {
  Status status;
  napi_value Result(napi_env env) { return FailureOrNull(env, status); }
};

// What every operation on a parent takes: an object with base, parent.
struct ParentOperation : StatusOperation {
  PathArgument base, parent;

  Input ReadParent(Input options) {
    options.Get("base", &base, "parent", &parent);
    return options;
  }
  Paths ParentPaths() const { return {base.data, parent.data, parent.data, nullptr}; }
};

// What every operation on a binding takes: binding, realDir, parentMode beside them.
struct BindingOperation : ParentOperation {
  PathArgument binding, real_dir;
  uint32_t parent_mode = kParentMode;

  Input ReadBinding(Input options) {
    ReadParent(options);
    options.Get("parentMode", &parent_mode, "binding", &binding, "realDir", &real_dir);
    return options;
  }
  // The same by their places: what is called so often that a look for each name would be felt.
  void NextBinding(Arguments& arguments) {
    PathArgument* const paths[] = {&base, &parent, &binding, &real_dir};
    for (PathArgument* path : paths) arguments.Next(path);
    arguments.Next(&parent_mode);
  }
  Paths BindingPaths() const {
    return {base.data, parent.data, binding.data, real_dir.data, static_cast<mode_t>(parent_mode)};
  }
};

// What takes a path, and is fine or fails.
template <Status (*run)(const char* path)>
struct PathOperation : StatusOperation {
  PathArgument path;

  void Read(Arguments& arguments) { arguments.Next(&path); }
  void Run() { status = run(path.data); }
};

// Defines an operation on the exports, in the forms that are called: at once, and on a worker
// thread. A null name leaves one out.
template <typename Op>
void Define(napi_env env, napi_value exports, const char* name, const char* async_name) {
  DefineFunction(env, exports, name, CallSync, &TypeOf<Op>::kType);
  DefineFunction(env, exports, async_name, CallAsync, &TypeOf<Op>::kType);
}

// What became of an ensure.
inline napi_value EnsureOutcome(napi_env env, const Status& status, EnsureResult result) {
  return status.ok() ? Number(env, static_cast<int64_t>(result)) : Failure(env, status);
}

// A function that carries a binding's paths with it, so that a call copies no string.
napi_value MakeEnsurer(napi_env env, napi_callback_info info);

// One for each file of operations.
void DefineBindingOperations(napi_env env, napi_value exports);
void DefineFileOperations(napi_env env, napi_value exports);
void DefineLifecycleOperations(napi_env env, napi_value exports);
void DefineParentOperations(napi_env env, napi_value exports);
void DefineProbeOperations(napi_env env, napi_value exports);
void DefineSocketOperations(napi_env env, napi_value exports);

}  // namespace boxsockets
