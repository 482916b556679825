// The steady path, and what is done where it is left, as a function of its own.
#include <stdlib.h>
#include <string.h>

#include "../posix/binding.h"
#include "../posix/file_system.h"
#include "../posix/steady.h"
#include "../posix/user.h"
#include "operation.h"

namespace boxsockets {
namespace {

// The paths lie behind the struct, in the same allocation.
struct Check {
  Paths paths;
  SteadyCheck steady;
};

__attribute__((noinline)) napi_value EnsureNow(napi_env env, napi_value lock_timeout,
                                               const Paths& paths, Uids uids, const Look& look) {
  EnsureOptions options;
  EnsureResult result = EnsureResult::kUnchanged;
  napi_get_value_int64(env, lock_timeout, &options.lock_timeout_ms);
  Status status = CheckUids(uids);
  if (status.ok()) status = EnsureUnsteady(paths, uids.effective, options, look, &result);
  return EnsureOutcome(env, status, result);
}

// Without an argument: whether all is right. With the time to wait for the lock: ensures, too, and
// is undefined, which need not be made, where nothing was to do.
napi_value Run(napi_env env, napi_callback_info info) {
  void* data = nullptr;
  size_t count = 1;
  napi_value argument = nullptr;
  napi_get_cb_info(env, info, &count, &argument, nullptr, &data);
  Check* check = static_cast<Check*>(data);
  Uids uids = CurrentUids();  // each time: setuid() makes another user of us
  Look look;
  bool steady =
      uids.real == uids.effective && check->steady.Run(check->paths, uids.effective, &look);
  if (count == 0) return Boolean(env, steady);
  return steady ? nullptr : EnsureNow(env, argument, check->paths, uids, look);
}

void Finalize(napi_env, void* data, void*) { free(data); }

Check* NewCheck(const Paths& paths) {
  const char* const texts[] = {paths.base, paths.parent, paths.binding, paths.real_dir};
  size_t total = sizeof(Check);
  for (const char* text : texts) total += strlen(text) + 1;
  Check* check = static_cast<Check*>(malloc(total));
  if (check == nullptr) return nullptr;
  check->steady = {};
  char* end = reinterpret_cast<char*>(check + 1);
  const char* copies[4];
  for (size_t i = 0; i < 4; i++) {
    copies[i] = end;
    end = stpcpy(end, texts[i]) + 1;
  }
  check->paths = {copies[0], copies[1], copies[2], copies[3], paths.parent_mode};
  return check;
}

}  // namespace

napi_value MakeEnsurer(napi_env env, napi_callback_info info) {
  BindingOperation operation;
  Arguments arguments(env, info);
  operation.NextBinding(arguments);
  if (!arguments.ok()) return arguments.Reject();
  // Elsewhere a look may wait for a server, and is to be bounded: there is none.
  if (!IsServedHere(operation.real_dir.data)) return nullptr;
  Check* check = NewCheck(operation.BindingPaths());
  napi_value function;
  if (check == nullptr ||
      napi_create_function(env, "ensurer", NAPI_AUTO_LENGTH, Run, check, &function) != napi_ok ||
      napi_add_finalizer(env, function, check, Finalize, nullptr, nullptr) != napi_ok) {
    free(check);
    return Arguments::RejectForMemory(env);
  }
  return function;
}

}  // namespace boxsockets
