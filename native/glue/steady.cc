#include "steady.h"

#include <stdlib.h>
#include <string.h>

#include "../posix/steady.h"
#include "../posix/user.h"
#include "arguments.h"
#include "values.h"

namespace boxsockets {
namespace {

// The paths lie behind the struct, in the same allocation.
struct Check {
  Paths paths;
  SteadyCheck steady;
  uid_t uid;
  // A process whose uids differ is refused on the other path, where it is told why.
  bool uids_differ;
};

napi_value Run(napi_env env, napi_callback_info info) {
  void* data = nullptr;
  napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data);
  Check* check = static_cast<Check*>(data);
  return Boolean(env, !check->uids_differ && check->steady.Run(check->paths, check->uid));
}

void Finalize(napi_env, void* data, void*) { free(data); }

Check* NewCheck(const PathArgument* paths, size_t count) {
  size_t sizes[4], total = sizeof(Check);
  for (size_t i = 0; i < count; i++) {
    sizes[i] = strlen(paths[i].data) + 1;
    total += sizes[i];
  }
  Check* check = static_cast<Check*>(malloc(total));
  if (check == nullptr) return nullptr;
  check->steady = {};
  const char** fields[4] = {&check->paths.base, &check->paths.parent, &check->paths.binding,
                            &check->paths.real_dir};
  char* end = reinterpret_cast<char*>(check + 1);
  for (size_t i = 0; i < count; i++) {
    *fields[i] = end;
    memcpy(end, paths[i].data, sizes[i]);
    end += sizes[i];
  }
  Uids uids = CurrentUids();
  check->uid = uids.effective;
  check->uids_differ = uids.real != uids.effective;
  return check;
}

}  // namespace

napi_value MakeSteady(napi_env env, napi_callback_info info) {
  PathArgument paths[4];
  Arguments arguments(env, info);
  for (PathArgument& path : paths) arguments.Next(&path);
  if (!arguments.ok()) return arguments.Reject();
  Check* check = NewCheck(paths, 4);
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
