// ensure, remove, ensureAll, and the steady check.
#include "../posix/binding.h"
#include "operation.h"

namespace boxsockets {
namespace {

struct EnsureOperation : BindingOperation {
  EnsureOptions options;
  EnsureResult result;

  void Read(Arguments& arguments) {
    NextBinding(arguments);
    arguments.Next(&options.takeover, &options.lock_timeout_ms, &options.check_ancestry);
  }
  void Run() { status = Ensure(BindingPaths(), options, &result); }
  napi_value Result(napi_env env) { return EnsureOutcome(env, status, result); }
};

struct RemoveOperation : BindingOperation {
  int64_t lock_timeout_ms;
  RemoveResult result;

  void Read(Arguments& arguments) {
    NextBinding(arguments);
    arguments.Next(&lock_timeout_ms);
  }
  void Run() { status = Remove(BindingPaths(), lock_timeout_ms, &result); }
  napi_value Result(napi_env env) {
    return status.ok() ? Number(env, static_cast<int64_t>(result)) : Failure(env, status);
  }
};

// `paths` is a Uint8Array of `binding NUL realDir NUL` for each box.
struct EnsureAllOperation : ParentOperation {
  Vec<char> bytes;
  Vec<BatchItem> items;
  uint32_t parent_mode;
  EnsureOptions options;

  void Read(Arguments& arguments) {
    Input given = ReadParent(arguments.Next());
    given.Get("parentMode", &parent_mode, "paths", &bytes, "lockTimeout", &options.lock_timeout_ms);
    given.Get("checkAncestry", &options.check_ancestry, "mayWait", &options.may_wait);
  }
  void Run() {
    status = Split() ? Status::Ok() : Status::Failed(ENOMEM, "malloc", Subject::kNone);
    if (status.ok()) EnsureAll(items.data(), items.size(), options);
  }
  napi_value Result(napi_env env) {
    if (!status.ok()) return Failure(env, status);
    return ArrayOf(env, items.size(), [&](size_t i) {
      const BatchItem& item = items[i];
      return EnsureOutcome(env, item.status, item.result);
    });
  }

 private:
  // False where memory is short.
  bool Split() {
    const char* end = bytes.data() + bytes.size();
    for (const char* at = bytes.data(); at < end;) {
      const char* binding = at;
      const char* real_dir = binding + strnlen(binding, static_cast<size_t>(end - binding)) + 1;
      if (real_dir >= end) break;
      at = real_dir + strnlen(real_dir, static_cast<size_t>(end - real_dir)) + 1;
      if (at > end) break;
      BatchItem item = {};
      item.paths = {base.data, parent.data, binding, real_dir, static_cast<mode_t>(parent_mode)};
      if (!items.Append(item)) return false;
    }
    return true;
  }
};

}  // namespace

void DefineBindingOperations(napi_env env, napi_value exports) {
  DefineFunction(env, exports, "ensurer", MakeEnsurer);
  Define<EnsureOperation>(env, exports, "ensure", "ensureAsync");
  Define<RemoveOperation>(env, exports, "remove", "removeAsync");
  Define<EnsureAllOperation>(env, exports, nullptr, "ensureAllAsync");
}

}  // namespace boxsockets
