// probe, probePath, bindAnyLength, sameInode.
#include "../posix/probe.h"
#include "../posix/syscalls.h"
#include "operation.h"

namespace boxsockets {
namespace {

const char* Leaf(const char* path) {
  const char* slash = strrchr(path, '/');
  return slash == nullptr ? path : slash + 1;
}

SocketType TypeOf(bool datagram) { return datagram ? SocketType::kDatagram : SocketType::kStream; }

// probe(base, parent, directory, addressDirectory, paths, types): (Failure | null)[]
// types[i] is 'd' where paths[i] is a datagram socket, else 's'. What killed probes left is removed
// first.
struct ProbeOperation : ParentOperation {
  PathArgument directory, address_directory, types;
  Strings strings;
  Vec<size_t> paths;
  Vec<Status> results;
  bool complete = true;

  void Read(Arguments& arguments) {
    ReadParent(arguments);
    arguments.Next(&directory);
    arguments.Next(&address_directory);
    arguments.Next(&strings, &paths);
    arguments.Next(&types);
  }
  void Run() {
    Status prepared = CheckParent(ParentPaths());
    if (prepared.ok()) prepared = CheckLeadsTo(address_directory.data, directory.data);
    if (prepared.ok()) prepared = RemoveOld();
    for (size_t i = 0; i < paths.size() && complete; i++) {
      const char* path = strings.at(paths[i]);
      bool datagram = i < strlen(types.data) && types.data[i] == 'd';
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
    Status status = RemoveLeftovers(directory.data, address_directory.data, lengths);
    // Sockets bind in a directory that may not be read (0300): what was left in it cannot be found,
    // and that is no answer to the question whether they do.
    bool unreadable = status.errnum == EACCES && strcmp(status.syscall, "openat") == 0;
    return unreadable ? Status::Ok() : status;
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
    if (status.ok()) status = WhatIsAt(path.data, &existing);
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

}  // namespace

void DefineProbeOperations(napi_env env, napi_value exports) {
  Define<ProbeOperation>(env, exports, "probe", "probeAsync");
  Define<ProbePathOperation>(env, exports, "probePath", "probePathAsync");
  Define<BindOperation>(env, exports, "bindAnyLength", "bindAnyLengthAsync");
  Define<SameInodeOperation>(env, exports, "sameInode", "sameInodeAsync");
}

}  // namespace boxsockets
