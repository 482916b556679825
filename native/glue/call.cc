#include "call.h"

#include <stdlib.h>

namespace boxsockets {
namespace {

const OperationType& TypeIn(const Arguments& arguments) {
  return *static_cast<const OperationType*>(arguments.data());
}

// An operation on its way to a worker thread and back. It lies behind this, in the same allocation.
class Job {
 public:
  static Job* New(const OperationType& type) {
    void* memory = malloc(kOperation + type.size);
    return memory == nullptr ? nullptr : new (memory) Job(type);
  }

  napi_value Start(Arguments& arguments) {
    type_.read(operation(), arguments);
    napi_value promise = arguments.ok() ? Queue(arguments.env()) : arguments.Reject();
    if (promise == nullptr) Free();
    return promise;
  }

 private:
  static constexpr size_t kAlignment = alignof(max_align_t);
  // Of the operation, from the beginning of the job.
  static const size_t kOperation;

  explicit Job(const OperationType& type) : type_(type) { type_.construct(operation()); }

  void* operation() { return reinterpret_cast<char*>(this) + kOperation; }

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

  static void Execute(napi_env, void* data) {
    Job* job = static_cast<Job*>(data);
    job->type_.run(job->operation());
  }

  static void Complete(napi_env env, napi_status status, void* data) {
    Job* job = static_cast<Job*>(data);
    // Cancelled only where the environment goes down, and its promises with it.
    if (status == napi_ok) {
      napi_value result = job->type_.result(job->operation(), env);
      if (result != nullptr) napi_resolve_deferred(env, job->deferred_, result);
    }
    napi_delete_async_work(env, job->work_);
    job->Free();
  }

  void Free() {
    type_.destroy(operation());
    free(this);
  }

  const OperationType& type_;
  napi_async_work work_ = nullptr;
  napi_deferred deferred_ = nullptr;
};

const size_t Job::kOperation = (sizeof(Job) + kAlignment - 1) / kAlignment * kAlignment;

}  // namespace

napi_value CallSync(napi_env env, napi_callback_info info) {
  alignas(max_align_t) char operation[kLargestOperation];
  Arguments arguments(env, info);
  if (!arguments.ok()) return arguments.Reject();
  const OperationType& type = TypeIn(arguments);
  napi_value result = nullptr;
  type.construct(operation);
  type.read(operation, arguments);
  if (arguments.ok()) {
    type.run(operation);
    result = type.result(operation, env);
  } else {
    arguments.Reject();
  }
  type.destroy(operation);
  return result;
}

napi_value CallAsync(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  if (!arguments.ok()) return arguments.Reject();
  Job* job = Job::New(TypeIn(arguments));
  return job == nullptr ? Arguments::RejectForMemory(env) : job->Start(arguments);
}

void DefineFunction(napi_env env, napi_value exports, const char* name, napi_callback callback,
                    const OperationType* type) {
  if (name == nullptr) return;
  void* data = const_cast<OperationType*>(type);
  const napi_property_descriptor function = {name,    nullptr, callback,        nullptr,
                                             nullptr, nullptr, napi_enumerable, data};
  napi_define_properties(env, exports, 1, &function);
}

}  // namespace boxsockets
