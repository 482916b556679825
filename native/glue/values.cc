#include "values.h"

namespace boxsockets {

napi_value Failure(napi_env env, const Status& status) {
  napi_value failure = NewObject(env);
  Set(env, failure, "errno", Number(env, status.errnum));
  Set(env, failure, "syscall", Text(env, status.syscall));
  Set(env, failure, "subject", Number(env, static_cast<int64_t>(status.subject)));
  Set(env, failure, "refusal", Number(env, static_cast<int64_t>(status.refusal)));
  Set(env, failure, "owner", Number(env, status.owner));
  Set(env, failure, "expected", Number(env, status.expected));
  Set(env, failure, "mode", Number(env, status.mode));
  return failure;
}

napi_value FailureOrNull(napi_env env, const Status& status) {
  return status.ok() ? Null(env) : Failure(env, status);
}

}  // namespace boxsockets
