// probe, probePath, bindAnyLength, sameInode, isServedHere.
#include "../posix/box_sockets.h"
#include "../posix/file_system.h"
#include "../posix/occupant.h"
#include "../posix/probe.h"
#include "../posix/syscalls.h"
#include "operation.h"

namespace boxsockets {
namespace {

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
    Input options = ReadParent(arguments.Next());
    options.Get("realDir", &directory, "binding", &address_directory);
    Input list = options.Get("sockets");
    for (uint32_t i = 0, count = list.length(); i < count && complete; i++) {
      PathArgument path = {};
      uint32_t type = 0;
      list.at(i).Get("path", &path, "type", &type);
      Socket socket = {0, static_cast<SocketType>(type), {}};
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
          prepared.ok() ? Probe({path, LeafOf(path), directory.data, socket.type}) : prepared;
    }
  }
  napi_value Result(napi_env env) {
    if (!complete) return Failure(env, Status::Failed(ENOMEM, "malloc", Subject::kNone));
    return ArrayOf(env, sockets.size(),
                   [&](size_t i) { return FailureOrNull(env, sockets[i].status); });
  }
};

struct ProbePathOperation : StatusOperation {
  PathArgument path, stand_in, directory;
  uint32_t type;
  Verdict found;

  void Read(Arguments& arguments) {
    Input options = arguments.Next();
    options.Get("path", &path, "standIn", &stand_in, "directory", &directory, "type", &type);
  }
  void Run() {
    SocketType socket_type = static_cast<SocketType>(type);
    status = Probe({stand_in.data, LeafOf(stand_in.data), directory.data, socket_type});
    if (status.ok()) status = WhatIsAt(path.data, &found);
  }
  napi_value Result(napi_env env) {
    napi_value object = ToObject(env, found);
    Set(env, object, "failure", FailureOrNull(env, status));
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

// The sockets of a box, each with the processes that hold it; `errno` where the directory could not
// be looked at.
struct JudgeBoxOperation : StatusOperation {
  PathArgument binding, real_dir, beside;
  int64_t timeout_ms;
  uint32_t depth;
  BoxSockets found;

  void Read(Arguments& arguments) {
    Input request = arguments.Next();
    request.Get("binding", &binding, "realDir", &real_dir, "beside", &beside);
    request.Get("timeout", &timeout_ms, "depth", &depth);
  }
  void Run() {
    BoxDepth box_depth = static_cast<BoxDepth>(depth);
    status = JudgeBox({binding.data, real_dir.data, beside.data, timeout_ms, box_depth}, &found);
  }
  napi_value Result(napi_env env) {
    if (!status.ok()) return Failure(env, status);
    napi_value object = NewObject(env);
    Set(env, object, "errno", Number(env, found.errnum));
    Set(env, object, "mode", Number(env, found.mode));
    Set(env, object, "sockets", ArrayOf(env, found.sockets.found.size(), [&](size_t i) {
          napi_value socket = ToObject(env, found.sockets.found[i].verdict);
          Set(env, socket, "name", Text(env, found.sockets.names.at(found.sockets.found[i].name)));
          return socket;
        }));
    Set(env, object, "holders", ArrayOf(env, found.holders.size() * 2, [&](size_t i) {
          const BoxSockets::Holder& holder = found.holders[i / 2];
          return Number(env, i % 2 == 0 ? static_cast<int64_t>(holder.socket) : holder.pid);
        }));
    return object;
  }
};

// An error's subject is kBinding for a, kRealDir for b.
struct SameInodeOperation : StatusOperation {
  PathArgument a, b;
  bool same = false;

  void Read(Arguments& arguments) { arguments.Next(&a, &b); }
  void Run() {
    struct stat first = {}, second = {};
    if (stat(b.data, &second) != 0) status = Status::Failed("stat", Subject::kRealDir);
    if (stat(a.data, &first) != 0) status = Status::Failed("stat", Subject::kBinding);
    same = SameInode(first, second);
  }
  napi_value Result(napi_env env) {
    return status.ok() ? Boolean(env, same) : Failure(env, status);
  }
};

struct IsServedHereOperation {
  PathArgument path;
  bool served_here = false;

  void Read(Arguments& arguments) { arguments.Next(&path); }
  void Run() { served_here = AnswersInTime(path.data) && IsServedHere(path.data); }
  napi_value Result(napi_env env) { return Boolean(env, served_here); }
};

}  // namespace

void DefineProbeOperations(napi_env env, napi_value exports) {
  Define<ProbeOperation>(env, exports, "probe", "probeAsync");
  Define<ProbePathOperation>(env, exports, "probePath", "probePathAsync");
  Define<OccupantOperation>(env, exports, "occupant", nullptr);
  Define<JudgeBoxOperation>(env, exports, nullptr, "judgeBoxAsync");
  Define<PathOperation<BindAnyLength>>(env, exports, "bindAnyLength", "bindAnyLengthAsync");
  Define<SameInodeOperation>(env, exports, "sameInode", "sameInodeAsync");
  Define<IsServedHereOperation>(env, exports, nullptr, "isServedHereAsync");
}

}  // namespace boxsockets
