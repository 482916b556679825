// sweepStale, list, inspect, hold, refresh.
#include "../posix/hold.h"
#include "../posix/inspect.h"
#include "../posix/list.h"
#include "../posix/sweep.h"
#include "kept_descriptors.h"
#include "operation.h"

namespace boxsockets {
namespace {

struct SweepOperation : ParentOperation {
  SweepOptions sweep;
  SweepResult result;

  void Read(Arguments& arguments) {
    Input options = ReadParent(arguments.Next());
    options.Get("dryRun", &sweep.dry_run, "lockTimeout", &sweep.lock_timeout_ms);
    options.Get("timeout", &sweep.timeout_ms);
  }
  void Run() { status = SweepStale(ParentPaths(), sweep, &result); }
  napi_value Result(napi_env env) {
    if (!status.ok()) return Failure(env, status);
    napi_value sweep = NewObject(env);
    Set(env, sweep, "removed", ArrayOf(env, result.removed.size(), [&](size_t i) {
          return Text(env, result.names.at(result.removed[i]));
        }));
    Set(env, sweep, "kept", Number(env, result.kept));
    Set(env, sweep, "skipped", ArrayOf(env, result.skipped.size(), [&](size_t i) {
          napi_value skipped = NewObject(env);
          Set(env, skipped, "name", Text(env, result.names.at(result.skipped[i].name)));
          Set(env, skipped, "errno", Number(env, result.skipped[i].errnum));
          return skipped;
        }));
    return sweep;
  }
};

struct ListOperation : ParentOperation {
  int64_t timeout_ms;
  Listing listing;

  void Read(Arguments& arguments) { ReadParent(arguments.Next()).Get("timeout", &timeout_ms); }
  void Run() { status = List(ParentPaths(), timeout_ms, &listing); }
  napi_value Result(napi_env env) {
    if (!status.ok()) return Failure(env, status);
    return ArrayOf(env, listing.entries.size(),
                   [&](size_t i) { return Entry(env, listing.entries[i]); });
  }

 private:
  napi_value Entry(napi_env env, const Listing::Entry& entry) {
    bool has_target = entry.target != Listing::kNone;
    napi_value object = NewObject(env);
    Set(env, object, "id", Text(env, listing.names.at(entry.id)));
    Set(env, object, "target", Text(env, has_target ? listing.names.at(entry.target) : nullptr));
    Set(env, object, "state", Number(env, static_cast<int64_t>(entry.state)));
    Set(env, object, "errno", Number(env, entry.errnum));
    size_t count = 0;
    for (size_t i = entry.socket; i != Listing::kNone; i = listing.sockets[i].previous) count++;
    size_t next = entry.socket;
    Set(env, object, "sockets", ArrayOf(env, count, [&](size_t) {
          const Listing::Socket& socket = listing.sockets[next];
          next = socket.previous;
          napi_value found = ToObject(env, socket.verdict);
          Set(env, found, "name", Text(env, listing.names.at(socket.name)));
          return found;
        }));
    return object;
  }
};

struct InspectOperation : ParentOperation {
  bool check_ancestry;
  Inspection inspection;

  void Read(Arguments& arguments) {
    ReadParent(arguments.Next()).Get("checkAncestry", &check_ancestry);
  }
  void Run() { Inspect(ParentPaths(), check_ancestry, &inspection); }
  napi_value Result(napi_env env) {
    napi_value object = NewObject(env);
    Set(env, object, "base", ToObject(env, inspection.base));
    Set(env, object, "parent", ToObject(env, inspection.parent));
    return object;
  }

 private:
  static napi_value ToObject(napi_env env, const Inspected& inspected) {
    bool exists = inspected.exists;
    napi_value object = NewObject(env);
    Set(env, object, "owner", exists ? Number(env, inspected.st.st_uid) : Null(env));
    Set(env, object, "mode", exists ? Number(env, inspected.st.st_mode & 07777) : Null(env));
    Set(env, object, "failure", FailureOrNull(env, inspected.verdict));
    return object;
  }
};

struct HoldOperation : BindingOperation {
  EnsureOptions options;
  HeldDirectories held;

  void Read(Arguments& arguments) {
    ReadBinding(arguments.Next())
        .Get("lockTimeout", &options.lock_timeout_ms, "checkAncestry", &options.check_ancestry);
  }
  void Run() { status = HoldBinding(BindingPaths(), options, &held); }
  napi_value Result(napi_env env) {
    if (!status.ok()) return Failure(env, status);
    napi_value object = NewObject(env);
    Set(env, object, "parent", Keep(env, &held.parent));
    Set(env, object, "realDir",
        held.real_dir.valid() ? Keep(env, &held.real_dir) : Number(env, -1));
    return object;
  }
};

struct RefreshOperation : ParentOperation {
  PathArgument binding;
  int32_t descriptor;

  void Read(Arguments& arguments) {
    ReadParent(arguments.Next()).Get("binding", &binding, "descriptor", &descriptor);
  }
  void Run() {
    status = RefreshBinding(descriptor, {base.data, parent.data, binding.data, nullptr});
  }
};

}  // namespace

void DefineParentOperations(napi_env env, napi_value exports) {
  Define<SweepOperation>(env, exports, "sweepStale", "sweepStaleAsync");
  Define<ListOperation>(env, exports, "list", "listAsync");
  Define<InspectOperation>(env, exports, "inspect", "inspectAsync");
  Define<HoldOperation>(env, exports, "hold", "holdAsync");
  Define<RefreshOperation>(env, exports, "refresh", nullptr);
  Define<PathOperation<RefreshSockets>>(env, exports, nullptr, "refreshSocketsAsync");
}

}  // namespace boxsockets
