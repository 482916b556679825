// One operation, two callers. An operation is a struct with
//   void Read(Arguments&)            arguments in, on the main thread
//   void Run()                       the work, on any thread, without JavaScript
//   napi_value Result(napi_env)      one result out, on the main thread
// Sync<Op> does the three at once; Async<Op> runs the middle one on a worker thread and returns a
// promise. Neither formats a message: a failed operation is a result, too (see values.h).
#pragma once

#include <node_api.h>
#include <stdlib.h>

#include <new>

#include "arguments.h"

namespace boxsockets {

template <typename Op>
napi_value Sync(napi_env env, napi_callback_info info) {
  Op op;
  Arguments arguments(env, info);
  op.Read(arguments);
  if (!arguments.ok()) return arguments.Reject();
  op.Run();
  return op.Result(env);
}

template <typename Op>
class Job {
 public:
  static napi_value Start(napi_env env, napi_callback_info info) {
    void* memory = malloc(sizeof(Job));
    if (memory == nullptr) return Arguments::RejectForMemory(env);
    Job* job = new (memory) Job;
    Arguments arguments(env, info);
    napi_value promise = nullptr;
    job->op_.Read(arguments);
    if (!arguments.ok()) {
      arguments.Reject();
    } else {
      promise = job->Queue(env);
    }
    if (promise == nullptr) job->Free();
    return promise;
  }

 private:
  // Null, with an exception pending, where it could not be queued.
  napi_value Queue(napi_env env) {
    napi_value name, promise;
    if (napi_create_string_utf8(env, "boxsockets", NAPI_AUTO_LENGTH, &name) != napi_ok ||
        napi_create_async_work(env, nullptr, name, Execute, Complete, this, &work_) != napi_ok) {
      return Arguments::RejectForMemory(env);
    }
    if (napi_create_promise(env, &deferred_, &promise) == napi_ok) {
      if (napi_queue_async_work(env, work_) == napi_ok) return promise;
    }
    napi_delete_async_work(env, work_);
    return Arguments::RejectForMemory(env);
  }

  static void Execute(napi_env, void* data) { static_cast<Job*>(data)->op_.Run(); }

  static void Complete(napi_env env, napi_status status, void* data) {
    Job* job = static_cast<Job*>(data);
    // Cancelled only where the environment goes down, and its promises with it.
    if (status == napi_ok) {
      napi_value result = job->op_.Result(env);
      if (result != nullptr) napi_resolve_deferred(env, job->deferred_, result);
    }
    napi_delete_async_work(env, job->work_);
    job->Free();
  }

  void Free() {
    this->~Job();
    free(this);
  }

  Op op_;
  napi_async_work work_ = nullptr;
  napi_deferred deferred_ = nullptr;
};

template <typename Op>
napi_value Async(napi_env env, napi_callback_info info) {
  return Job<Op>::Start(env, info);
}

}  // namespace boxsockets
