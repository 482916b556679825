// listen, unlinkOwn, dialVerified, disown, closeDescriptor, inodeOf.
#include "../posix/serve.h"
#include "kept.h"
#include "operation.h"

namespace boxsockets {
namespace {

// A file's identity as BigUint64Array would hold it: device, inode, time of birth.
napi_value IdentityToArray(napi_env env, const FileIdentity& identity) {
  const uint64_t parts[] = {identity.device, identity.inode, identity.birth_ns};
  napi_value array = NewArray(env, 3);
  for (size_t i = 0; i < 3; i++) {
    napi_value part;
    napi_create_bigint_uint64(env, parts[i], &part);
    Put(env, array, i, part);
  }
  return array;
}

// listen(base, parent, binding, realDir, name, mode, backlog, takeover, lockTimeoutMs):
// [socket, pin or -1, identity]
struct ListenOperation : BindingOperation {
  PathArgument name;
  ListenOptions options;
  Listener listener;

  void Read(Arguments& arguments) {
    uint32_t mode = 0, backlog = 0;
    ReadBinding(arguments);
    arguments.Next(&name);
    arguments.Next(&mode);
    arguments.Next(&backlog);
    arguments.Next(&options.ensure.takeover);
    arguments.Next(&options.ensure.lock_timeout_ms);
    options.mode = static_cast<mode_t>(mode);
    options.backlog = static_cast<int>(backlog);
  }
  void Run() { status = Listen(BindingPaths(), name.data, options, &listener); }
  napi_value Result(napi_env env) {
    if (!status.ok()) return Failure(env, status);
    napi_value array = NewArray(env, 3);
    Put(env, array, 0, KeepUntilDisowned(env, &listener.socket));
    Put(env, array, 1, Keep(env, &listener.pin));
    Put(env, array, 2, IdentityToArray(env, listener.identity));
    return array;
  }
};

// unlinkOwn(base, parent, realDir, name, device, inode, birth, lockTimeoutMs): null
struct UnlinkOwnOperation : ParentOperation {
  PathArgument real_dir, name;
  FileIdentity identity = {};
  int64_t lock_timeout_ms = 0;

  void Read(Arguments& arguments) {
    ReadParent(arguments);
    arguments.Next(&real_dir);
    arguments.Next(&name);
    arguments.Next(&identity.device);
    arguments.Next(&identity.inode);
    arguments.Next(&identity.birth_ns);
    arguments.Next(&lock_timeout_ms);
  }
  void Run() {
    Paths paths = {base.data, parent.data, parent.data, real_dir.data};
    status = UnlinkOwn(paths, name.data, identity, lock_timeout_ms);
  }
  napi_value Result(napi_env env) { return FailureOrNull(env, status); }
};

// dialVerified(path, uid): descriptor
struct DialOperation {
  PathArgument path;
  uint32_t uid;
  Fd socket;
  Status status;

  void Read(Arguments& arguments) {
    arguments.Next(&path);
    arguments.Next(&uid);
  }
  void Run() { status = DialVerified(path.data, static_cast<uid_t>(uid), &socket); }
  napi_value Result(napi_env env) {
    return status.ok() ? KeepUntilDisowned(env, &socket) : Failure(env, status);
  }
};

// disown(fd): null
struct DisownOperation {
  uint32_t fd;

  void Read(Arguments& arguments) { arguments.Next(&fd); }
  void Run() {}
  // Here, for what is kept is the environment's.
  napi_value Result(napi_env env) {
    Disown(env, static_cast<int>(fd));
    return Null(env);
  }
};

// closeDescriptor(fd): null
struct CloseOperation {
  uint32_t fd;

  void Read(Arguments& arguments) { arguments.Next(&fd); }
  void Run() {}
  // Here, where nothing else of this environment runs: the number may be given again at once.
  napi_value Result(napi_env env) {
    CloseKept(env, static_cast<int>(fd));
    return Null(env);
  }
};

// inodeOf(fd): number, -1 where no such descriptor is open
struct InodeOperation {
  uint32_t fd;
  int64_t inode = -1;

  void Read(Arguments& arguments) { arguments.Next(&fd); }
  void Run() { inode = InodeOf(static_cast<int>(fd)); }
  napi_value Result(napi_env env) { return Number(env, inode); }
};

}  // namespace

void DefineServeOperations(napi_env env, napi_value exports) {
  Define<ListenOperation>(env, exports, "listen", "listenAsync");
  Define<UnlinkOwnOperation>(env, exports, "unlinkOwn", "unlinkOwnAsync");
  Define<DialOperation>(env, exports, "dialVerified", "dialVerifiedAsync");
  Define<DisownOperation>(env, exports, "disown", "disownAsync");
  Define<CloseOperation>(env, exports, "closeDescriptor", "closeDescriptorAsync");
  Define<InodeOperation>(env, exports, "inodeOf", "inodeOfAsync");
}

}  // namespace boxsockets
