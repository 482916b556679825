// listen, claim, unlinkOwn, dial, disown, closeDescriptor, inodeOf.
#include "../posix/dial.h"
#include "../posix/listen.h"
#include "kept_descriptors.h"
#include "operation.h"

namespace boxsockets {
namespace {

napi_value ToObject(napi_env env, const FileIdentity& identity) {
  napi_value object = NewObject(env);
  Set(env, object, "device", BigInt(env, identity.device));
  Set(env, object, "inode", BigInt(env, identity.inode));
  Set(env, object, "birth", BigInt(env, identity.birth_ns));
  return object;
}

struct ListenOperation : BindingOperation {
  PathArgument name;
  ListenOptions options;
  Listener listener;

  void Read(Arguments& arguments) {
    uint32_t mode = 0;
    Input given = ReadBinding(arguments.Next());
    given.Get("name", &name, "mode", &mode, "backlog", &options.backlog);
    given.Get("takeover", &options.ensure.takeover, "lockTimeout", &options.ensure.lock_timeout_ms);
    given.Get("checkAncestry", &options.ensure.check_ancestry);
    options.mode = static_cast<mode_t>(mode);
  }
  void Run() { status = Listen(BindingPaths(), name.data, options, &listener); }
  napi_value Result(napi_env env) {
    if (!status.ok()) return Failure(env, status);
    napi_value object = NewObject(env);
    const int64_t inode = InodeOf(listener.socket.get());
    Set(env, object, "socket", Keep(env, &listener.socket, inode));
    Set(env, object, "socketInode", Number(env, inode));
    Set(env, object, "pin", Keep(env, &listener.pin));
    Set(env, object, "directory", Keep(env, &listener.real_dir));
    Set(env, object, "identity", ToObject(env, listener.identity));
    return object;
  }
};

// At once, and null where it takes more than that.
struct ListenAtFreeNameOperation : ListenOperation {
  bool done = false;

  void Run() { done = ListenAtFreeName(BindingPaths(), name.data, options, &listener, &status); }
  napi_value Result(napi_env env) { return done ? ListenOperation::Result(env) : Null(env); }
};

struct UnlinkOwnOperation : ParentOperation {
  PathArgument real_dir, name;
  FileIdentity identity = {};
  int32_t directory = -1;  // where the socket is still open
  int64_t lock_timeout_ms = 0;

  void Read(Arguments& arguments) {
    Input options = ReadParent(arguments.Next());
    options.Get("realDir", &real_dir, "name", &name, "directory", &directory);
    options.Get("lockTimeout", &lock_timeout_ms);
    options.Get("identity")
        .Get("device", &identity.device, "inode", &identity.inode, "birth", &identity.birth_ns);
  }
  void Run() {
    Paths paths = {base.data, parent.data, parent.data, real_dir.data};
    status = directory >= 0 ? UnlinkHeld(directory, name.data, identity)
                            : UnlinkOwn(paths, name.data, identity, lock_timeout_ms);
  }
};

struct ClaimOperation : BindingOperation {
  PathArgument name;
  EnsureOptions options;

  void Read(Arguments& arguments) {
    Input given = ReadBinding(arguments.Next());
    given.Get("name", &name, "takeover", &options.takeover);
    given.Get("lockTimeout", &options.lock_timeout_ms, "checkAncestry", &options.check_ancestry);
  }
  void Run() { status = Claim(BindingPaths(), name.data, options); }
};

struct DialOperation : StatusOperation {
  PathArgument path, entry;
  PeerRule rule;
  Fd socket;
  BoundPath bound;

  void Read(Arguments& arguments) {
    uint32_t uid = 0;
    arguments.Next(&path, &entry, &rule.verify, &uid);
    rule.uid = static_cast<uid_t>(uid);
  }
  void Run() { status = Dial(path.data, entry.data, rule, &socket, &bound); }
  napi_value Result(napi_env env) {
    if (status.ok()) return Keep(env, &socket, InodeOf(socket.get()));
    napi_value failure = Failure(env, status);
    Set(env, failure, "bound", Text(env, bound.text()));
    return failure;
  }
};

struct PeerOperation : StatusOperation {
  int32_t fd = -1;
  uint32_t uid = 0;

  void Read(Arguments& arguments) { arguments.Next(&fd, &uid); }
  void Run() {
    Fd socket(fd);
    status = CheckPeer(socket, static_cast<uid_t>(uid));
    socket.Release();
  }
};

// What is done with a descriptor that JavaScript holds by its number: on its own thread alone, for
// what is kept is the environment's, and the number of a closed one may be given again at once.
template <napi_value (*use)(napi_env env, int fd)>
napi_value WithDescriptor(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  int32_t fd = -1;
  arguments.Next(&fd);
  return arguments.ok() ? use(env, fd) : arguments.Reject();
}

napi_value DisownDescriptor(napi_env env, int fd) {
  Disown(env, fd);
  return Null(env);
}

napi_value CloseDescriptor(napi_env env, int fd) {
  CloseKept(env, fd);
  return Null(env);
}

napi_value InodeOfDescriptor(napi_env env, int fd) { return Number(env, InodeOf(fd)); }

}  // namespace

void DefineSocketOperations(napi_env env, napi_value exports) {
  Define<ListenOperation>(env, exports, nullptr, "listenAsync");
  Define<ListenAtFreeNameOperation>(env, exports, "listenAtFreeName", nullptr);
  Define<UnlinkOwnOperation>(env, exports, "unlinkOwn", "unlinkOwnAsync");
  Define<ClaimOperation>(env, exports, nullptr, "claimAsync");
  Define<DialOperation>(env, exports, "dial", "dialAsync");
  Define<PeerOperation>(env, exports, "checkPeer", nullptr);
  DefineFunction(env, exports, "disown", WithDescriptor<DisownDescriptor>);
  DefineFunction(env, exports, "closeDescriptor", WithDescriptor<CloseDescriptor>);
  DefineFunction(env, exports, "inodeOf", WithDescriptor<InodeOfDescriptor>);
}

}  // namespace boxsockets
