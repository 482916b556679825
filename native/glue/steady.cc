// The steady path as a function of its own.
#include "../posix/steady.h"

#include <stdlib.h>
#include <string.h>

#include "../posix/user.h"
#include "operation.h"

namespace boxsockets {
namespace {

// The paths lie behind the struct, in the same allocation.
struct Check {
  Paths paths;
  SteadyCheck steady;
};

napi_value Run(napi_env env, napi_callback_info info) {
  void* data = nullptr;
  napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data);
  Check* check = static_cast<Check*>(data);
  // Asked each time: setuid() makes another user of us. A process whose uids differ is refused on
  // the other path, where it is told why.
  Uids uids = CurrentUids();
  return Boolean(env,
                 uids.real == uids.effective && check->steady.Run(check->paths, uids.effective));
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
  check->paths = {copies[0], copies[1], copies[2], copies[3]};
  return check;
}

}  // namespace

napi_value MakeSteady(napi_env env, napi_callback_info info) {
  BindingOperation operation;
  Arguments arguments(env, info);
  operation.NextBinding(arguments);
  if (!arguments.ok()) return arguments.Reject();
  Check* check = NewCheck(operation.BindingPaths());
  napi_value function;
  if (check == nullptr ||
      napi_create_function(env, "steady", NAPI_AUTO_LENGTH, Run, check, &function) != napi_ok ||
      napi_add_finalizer(env, function, check, Finalize, nullptr, nullptr) != napi_ok) {
    free(check);
    return Arguments::RejectForMemory(env);
  }
  return function;
}

}  // namespace boxsockets
