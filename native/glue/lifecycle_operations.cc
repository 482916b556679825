// startTime, signalProcess, withEntry, lockHome.
#include "../posix/lock.h"
#include "../posix/process.h"
#include "kept_descriptors.h"
#include "operation.h"

namespace boxsockets {
namespace {

struct StartTimeOperation : StatusOperation {
  int32_t pid;
  int64_t start_time = kNotRunning;

  void Read(Arguments& arguments) { arguments.Next(&pid); }
  void Run() { status = StartTime(pid, &start_time); }
  napi_value Result(napi_env env) {
    if (!status.ok()) return Failure(env, status);
    return start_time == kNotRunning ? Null(env) : Number(env, start_time);
  }
};

struct SignalOperation : StatusOperation {
  int32_t pid, signal;
  int64_t start_time;
  bool sent = false;

  void Read(Arguments& arguments) { arguments.Next(&pid, &start_time, &signal); }
  void Run() { status = SignalProcess(pid, start_time, signal, &sent); }
  napi_value Result(napi_env env) {
    return status.ok() ? Boolean(env, sent) : Failure(env, status);
  }
};

// Of the processes of an Int32Array's bytes.
struct WithEntryOperation : StatusOperation {
  PathArgument entry;
  Vec<char> pids;

  void Read(Arguments& arguments) { arguments.Next(&entry, &pids); }
  void Run() {
    int32_t* first = reinterpret_cast<int32_t*>(pids.data());
    status = KeepThoseWith(entry.data, first, pids.size() / sizeof *first);
  }
  napi_value Result(napi_env env) {
    return status.ok() ? Bytes(env, pids.data(), pids.size()) : Failure(env, status);
  }
};

struct LockHomeOperation : StatusOperation {
  PathArgument path;
  Fd lock;

  void Read(Arguments& arguments) { arguments.Next(&path); }
  void Run() { status = LockHome(path.data, &lock); }
  napi_value Result(napi_env env) { return status.ok() ? Keep(env, &lock) : Failure(env, status); }
};

}  // namespace

void DefineLifecycleOperations(napi_env env, napi_value exports) {
  Define<StartTimeOperation>(env, exports, "startTime", "startTimeAsync");
  Define<SignalOperation>(env, exports, "signalProcess", "signalProcessAsync");
  Define<WithEntryOperation>(env, exports, nullptr, "withEntryAsync");
  Define<LockHomeOperation>(env, exports, nullptr, "lockHomeAsync");
}

}  // namespace boxsockets
