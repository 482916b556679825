#include "operations.h"

#include "../posix/binding.h"
#include "../posix/probe.h"
#include "../posix/sweep.h"
#include "../posix/syscalls.h"
#include "call.h"
#include "steady.h"
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

namespace {

// What every operation on a parent begins with: base, parent.
struct ParentOperation {
  PathArgument base, parent;
  Status status;

  void ReadParent(Arguments& arguments) {
    arguments.Next(&base);
    arguments.Next(&parent);
  }
  Paths ParentPaths() const { return {base.data, parent.data, parent.data, nullptr}; }
};

// What every operation on a binding begins with: base, parent, binding, realDir.
struct BindingOperation : ParentOperation {
  PathArgument binding, real_dir;

  void ReadBinding(Arguments& arguments) {
    ReadParent(arguments);
    arguments.Next(&binding);
    arguments.Next(&real_dir);
  }
  Paths BindingPaths() const { return {base.data, parent.data, binding.data, real_dir.data}; }
};

// ensure(base, parent, binding, realDir, takeover, lockTimeoutMs): EnsureResult
struct EnsureOperation : BindingOperation {
  EnsureOptions options;
  EnsureResult result;

  void Read(Arguments& arguments) {
    ReadBinding(arguments);
    arguments.Next(&options.takeover);
    arguments.Next(&options.lock_timeout_ms);
  }
  void Run() { status = Ensure(BindingPaths(), options, &result); }
  napi_value Result(napi_env env) {
    return status.ok() ? Number(env, static_cast<int64_t>(result)) : Failure(env, status);
  }
};

// remove(base, parent, binding, realDir, lockTimeoutMs): RemoveResult
struct RemoveOperation : BindingOperation {
  int64_t lock_timeout_ms;
  RemoveResult result;

  void Read(Arguments& arguments) {
    ReadBinding(arguments);
    arguments.Next(&lock_timeout_ms);
  }
  void Run() { status = Remove(BindingPaths(), lock_timeout_ms, &result); }
  napi_value Result(napi_env env) {
    return status.ok() ? Number(env, static_cast<int64_t>(result)) : Failure(env, status);
  }
};

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

const char* Leaf(const char* path) {
  const char* slash = strrchr(path, '/');
  return slash == nullptr ? path : slash + 1;
}

SocketType TypeOf(bool datagram) { return datagram ? SocketType::kDatagram : SocketType::kStream; }

napi_value FailureOrNull(napi_env env, const Status& status) {
  return status.ok() ? Null(env) : Failure(env, status);
}

// probe(directory, addressDirectory, paths, datagrams): (Failure | null)[]
// Bit i of `datagrams` is set where paths[i] is a datagram socket. What killed probes left is
// removed first.
struct ProbeOperation {
  PathArgument directory, address_directory;
  Strings strings;
  Vec<size_t> paths;
  Vec<Status> results;
  int64_t datagrams;
  bool complete = true;

  void Read(Arguments& arguments) {
    arguments.Next(&directory);
    arguments.Next(&address_directory);
    arguments.Next(&strings, &paths);
    arguments.Next(&datagrams);
  }
  void Run() {
    Status prepared = CheckLeadsTo(address_directory.data, directory.data);
    if (prepared.ok()) prepared = RemoveOld();
    for (size_t i = 0; i < paths.size() && complete; i++) {
      const char* path = strings.at(paths[i]);
      bool datagram = i < 53 && (datagrams >> i & 1) != 0;
      Status status = prepared;
      if (status.ok()) {
        status = Probe({path, Leaf(path), directory.data, TypeOf(datagram)});
      }
      complete = results.Append(status);
    }
  }
  napi_value Result(napi_env env) {
    if (!complete) return Failure(env, Status::Failed(ENOMEM, "malloc", Subject::kNone));
    napi_value array = NewArray(env, results.size());
    for (size_t i = 0; i < results.size(); i++) {
      Put(env, array, i, FailureOrNull(env, results[i]));
    }
    return array;
  }

 private:
  Status RemoveOld() {
    uint64_t lengths = 0;
    for (size_t offset : paths) {
      size_t length = strlen(Leaf(strings.at(offset)));
      if (length >= 1 && length <= 64) lengths |= uint64_t{1} << (length - 1);
    }
    return RemoveLeftovers(directory.data, address_directory.data, lengths);
  }
};

// probePath(path, standIn, directory, datagram): [Failure | null, Existing]
struct ProbePathOperation {
  PathArgument path, stand_in, directory;
  bool datagram;
  Status status;
  Existing existing = Existing::kNone;

  void Read(Arguments& arguments) {
    arguments.Next(&path);
    arguments.Next(&stand_in);
    arguments.Next(&directory);
    arguments.Next(&datagram);
  }
  void Run() {
    status = Probe({stand_in.data, Leaf(stand_in.data), directory.data, TypeOf(datagram)});
    if (status.ok()) existing = WhatIsAt(path.data);
  }
  napi_value Result(napi_env env) {
    napi_value pair = NewArray(env, 2);
    Put(env, pair, 0, FailureOrNull(env, status));
    Put(env, pair, 1, Number(env, static_cast<int64_t>(existing)));
    return pair;
  }
};

// bindAnyLength(path): Failure | null
struct BindOperation {
  PathArgument path;
  Status status;

  void Read(Arguments& arguments) { arguments.Next(&path); }
  void Run() { status = BindAnyLength(path.data); }
  napi_value Result(napi_env env) { return FailureOrNull(env, status); }
};

// sameInode(a, b): boolean. An error's subject is kBinding for a, kRealDir for b.
struct SameInodeOperation {
  PathArgument a, b;
  Status status;
  bool same = false;

  void Read(Arguments& arguments) {
    arguments.Next(&a);
    arguments.Next(&b);
  }
  void Run() {
    struct stat first, second;
    if (stat(a.data, &first) != 0) {
      status = Status::Failed("stat", Subject::kBinding);
    } else if (stat(b.data, &second) != 0) {
      status = Status::Failed("stat", Subject::kRealDir);
    } else {
      same = SameInode(first, second);
    }
  }
  napi_value Result(napi_env env) {
    return status.ok() ? Boolean(env, same) : Failure(env, status);
  }
};

constexpr napi_property_descriptor Method(const char* name, napi_callback callback) {
  return {name, nullptr, callback, nullptr, nullptr, nullptr, napi_enumerable, nullptr};
}

}  // namespace

napi_status DefineOperations(napi_env env, napi_value exports) {
  static constexpr napi_property_descriptor kOperations[] = {
      Method("steady", MakeSteady),
      Method("ensure", Sync<EnsureOperation>),
      Method("ensureAsync", Async<EnsureOperation>),
      Method("remove", Sync<RemoveOperation>),
      Method("removeAsync", Async<RemoveOperation>),
      Method("sweepStale", Sync<SweepOperation>),
      Method("sweepStaleAsync", Async<SweepOperation>),
      Method("list", Sync<ListOperation>),
      Method("listAsync", Async<ListOperation>),
      Method("probe", Sync<ProbeOperation>),
      Method("probeAsync", Async<ProbeOperation>),
      Method("probePath", Sync<ProbePathOperation>),
      Method("probePathAsync", Async<ProbePathOperation>),
      Method("bindAnyLength", Sync<BindOperation>),
      Method("bindAnyLengthAsync", Async<BindOperation>),
      Method("sameInode", Sync<SameInodeOperation>),
      Method("sameInodeAsync", Async<SameInodeOperation>),
  };
  return napi_define_properties(env, exports, sizeof kOperations / sizeof *kOperations,
                                kOperations);
}

}  // namespace boxsockets
