// probe, probePath, bindAnyLength, sameInode, isServedHere.
#include "../posix/file_system.h"
#include "../posix/occupant.h"
#include "../posix/probe.h"
#include "../posix/syscalls.h"
#include "operation.h"

namespace boxsockets {
namespace {

const char* Leaf(const char* path) {
  const char* slash = strrchr(path, '/');
  return slash == nullptr ? path : slash + 1;
}

// What is not a type is a stream: the contract has no other numbers.
SocketType TypeOf(uint32_t index) {
  return index <= static_cast<uint32_t>(SocketType::kSeqpacket) ? static_cast<SocketType>(index)
                                                                : SocketType::kStream;
}

// What killed probes left is removed first.
struct ProbeOperation : ParentOperation {
  struct Socket {
    size_t path;  // in `strings`
    SocketType type;
    Status status;
  };

  PathArgument directory, address_directory;
  Strings strings;
  Vec<Socket> sockets;
  bool complete = true;

  void Read(Arguments& arguments) {
    Input options = arguments.Next();
    ReadParent(options);
    options.Get("realDir", &directory);
    options.Get("binding", &address_directory);
    Input list = options.Get("sockets");
    for (uint32_t i = 0, count = list.length(); i < count && complete; i++) {
      PathArgument path = {};
      uint32_t type = 0;
      list.at(i).Get("path", &path);
      list.at(i).Get("type", &type);
      Socket socket = {0, TypeOf(type), {}};
      complete = strings.Add(path.data, &socket.path) && sockets.Append(socket);
    }
  }
  void Run() {
    Status prepared = CheckParent(ParentPaths());
    if (prepared.ok()) prepared = CheckLeadsTo(address_directory.data, directory.data);
    if (prepared.ok()) prepared = RemoveLeftovers(directory.data, address_directory.data);
    for (Socket& socket : sockets) {
      const char* path = strings.at(socket.path);
      socket.status =
          prepared.ok() ? Probe({path, Leaf(path), directory.data, socket.type}) : prepared;
    }
  }
  napi_value Result(napi_env env) {
    if (!complete) return Failure(env, Status::Failed(ENOMEM, "malloc", Subject::kNone));
    return ArrayOf(env, sockets.size(),
                   [&](size_t i) { return FailureOrNull(env, sockets[i].status); });
  }
};

struct ProbePathOperation {
  PathArgument path, stand_in, directory;
  uint32_t type;
  Status status;
  Existing existing = Existing::kNone;

  void Read(Arguments& arguments) {
    Input options = arguments.Next();
    options.Get("path", &path);
    options.Get("standIn", &stand_in);
    options.Get("directory", &directory);
    options.Get("type", &type);
  }
  void Run() {
    status = Probe({stand_in.data, Leaf(stand_in.data), directory.data, TypeOf(type)});
    if (status.ok()) status = WhatIsAt(path.data, &existing);
  }
  napi_value Result(napi_env env) {
    napi_value object = NewObject(env);
    Set(env, object, "failure", FailureOrNull(env, status));
    Set(env, object, "existing", Number(env, static_cast<int64_t>(existing)));
    return object;
  }
};

// Who is in the way of a binding that was refused; null where it is free by now.
struct OccupantOperation : BindingOperation {
  Occupant occupant;
  bool found;

  void Read(Arguments& arguments) { ReadBinding(arguments.Next()); }
  void Run() { found = TellOccupant(BindingPaths(), &occupant); }
  napi_value Result(napi_env env) {
    if (!found) return Null(env);
    napi_value object = ToObject(env, occupant.verdict);
    Set(env, object, "target", Text(env, occupant.target));
    Set(env, object, "socket", Text(env, occupant.socket));
    Set(env, object, "pid", Number(env, occupant.pid));
    return object;
  }
};

struct BindOperation {
  PathArgument path;
  Status status;

  void Read(Arguments& arguments) { arguments.Next(&path); }
  void Run() { status = BindAnyLength(path.data); }
  napi_value Result(napi_env env) { return FailureOrNull(env, status); }
};

// An error's subject is kBinding for a, kRealDir for b.
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

struct IsServedHereOperation {
  PathArgument path;
  bool served_here = false;

  void Read(Arguments& arguments) { arguments.Next(&path); }
  void Run() { served_here = IsServedHere(path.data); }
  napi_value Result(napi_env env) { return Boolean(env, served_here); }
};

}  // namespace

void DefineProbeOperations(napi_env env, napi_value exports) {
  Define<ProbeOperation>(env, exports, "probe", "probeAsync");
  Define<ProbePathOperation>(env, exports, "probePath", "probePathAsync");
  Define<OccupantOperation>(env, exports, "occupant", nullptr);
  Define<BindOperation>(env, exports, "bindAnyLength", "bindAnyLengthAsync");
  Define<SameInodeOperation>(env, exports, "sameInode", "sameInodeAsync");
  Define<IsServedHereOperation>(env, exports, nullptr, "isServedHereAsync");
}

}  // namespace boxsockets
