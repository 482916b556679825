// sweepStale, list, hold, refresh.
#include "../posix/hold.h"
#include "../posix/sweep.h"
#include "kept.h"
#include "operation.h"

namespace boxsockets {
namespace {

// sweepStale(base, parent, dryRun, lockTimeoutMs): {removed, kept, skipped: [name, errno, …]}
struct SweepOperation : ParentOperation {
  bool dry_run;
  int64_t lock_timeout_ms;
  SweepResult result;

  void Read(Arguments& arguments) {
    ReadParent(arguments);
    arguments.Next(&dry_run);
    arguments.Next(&lock_timeout_ms);
  }
  void Run() { status = SweepStale(ParentPaths(), dry_run, lock_timeout_ms, &result); }
  napi_value Result(napi_env env) {
    if (!status.ok()) return Failure(env, status);
    napi_value removed = NewArray(env, result.removed.size());
    for (size_t i = 0; i < result.removed.size(); i++) {
      Put(env, removed, i, Text(env, result.names.at(result.removed[i])));
    }
    napi_value skipped = NewArray(env, result.skipped.size() * 2);
    for (size_t i = 0; i < result.skipped.size(); i++) {
      Put(env, skipped, 2 * i, Text(env, result.names.at(result.skipped[i].name)));
      Put(env, skipped, 2 * i + 1, Number(env, result.skipped[i].errnum));
    }
    napi_value object = NewObject(env);
    Set(env, object, "removed", removed);
    Set(env, object, "kept", Number(env, result.kept));
    Set(env, object, "skipped", skipped);
    return object;
  }
};

// list(base, parent): [id, target, state, errno, [name, held, …], …]
struct ListOperation : ParentOperation {
  Listing listing;

  void Read(Arguments& arguments) { ReadParent(arguments); }
  void Run() { status = List(ParentPaths(), &listing); }
  napi_value Result(napi_env env) {
    if (!status.ok()) return Failure(env, status);
    constexpr size_t kFields = 5;
    napi_value flat = NewArray(env, listing.entries.size() * kFields);
    size_t index = 0;
    for (const Listing::Entry& entry : listing.entries) {
      bool has_target = entry.target != Listing::kNoTarget;
      Put(env, flat, index++, Text(env, listing.names.at(entry.id)));
      Put(env, flat, index++, Text(env, has_target ? listing.names.at(entry.target) : nullptr));
      Put(env, flat, index++, Number(env, static_cast<int64_t>(entry.state)));
      Put(env, flat, index++, Number(env, entry.errnum));
      Put(env, flat, index++, Sockets(env, entry));
    }
    return flat;
  }
  napi_value Sockets(napi_env env, const Listing::Entry& entry) {
    napi_value flat = NewArray(env, entry.socket_count * 2);
    for (size_t i = 0; i < entry.socket_count; i++) {
      const Listing::Socket& socket = listing.sockets[entry.first_socket + i];
      Put(env, flat, 2 * i, Text(env, listing.names.at(socket.name)));
      Put(env, flat, 2 * i + 1, Boolean(env, socket.held));
    }
    return flat;
  }
};

// hold(base, parent, timeoutMs): descriptor
struct HoldOperation : ParentOperation {
  int64_t timeout_ms;
  Fd held;

  void Read(Arguments& arguments) {
    ReadParent(arguments);
    arguments.Next(&timeout_ms);
  }
  void Run() { status = HoldParent(ParentPaths(), timeout_ms, &held); }
  napi_value Result(napi_env env) { return status.ok() ? Keep(env, &held) : Failure(env, status); }
};

// refresh(base, parent, binding, descriptor): null
struct RefreshOperation : ParentOperation {
  PathArgument binding;
  int64_t descriptor;

  void Read(Arguments& arguments) {
    ReadParent(arguments);
    arguments.Next(&binding);
    arguments.Next(&descriptor);
  }
  void Run() {
    status = RefreshBinding(static_cast<int>(descriptor),
                            {base.data, parent.data, binding.data, nullptr});
  }
  napi_value Result(napi_env env) { return FailureOrNull(env, status); }
};

}  // namespace

void DefineParentOperations(napi_env env, napi_value exports) {
  Define<SweepOperation>(env, exports, "sweepStale", "sweepStaleAsync");
  Define<ListOperation>(env, exports, "list", "listAsync");
  Define<HoldOperation>(env, exports, "hold", "holdAsync");
  Define<RefreshOperation>(env, exports, "refresh", "refreshAsync");
}

}  // namespace boxsockets
