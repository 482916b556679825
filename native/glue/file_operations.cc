// readFile, replaceFile, openFile, lookAt, listDirectory, makeDirectory, removeFile, removeTree.
#include "../posix/files.h"
#include "../posix/remove_tree.h"
#include "kept_descriptors.h"
#include "operation.h"

namespace boxsockets {
namespace {

// What every operation on a file takes: an object with directory, path.
struct FileOperation : StatusOperation {
  PathArgument directory, path;

  Input ReadPlace(Arguments& arguments) {
    Input options = arguments.Next();
    options.Get("directory", &directory, "path", &path);
    return options;
  }
  FileAt at() const { return {directory.data, path.data}; }
};

struct ReadFileOperation : FileOperation {
  uint32_t most;
  bool from_end;
  int64_t size;
  Vec<char> bytes;

  void Read(Arguments& arguments) { ReadPlace(arguments).Get("most", &most, "fromEnd", &from_end); }
  void Run() { status = ReadFile(at(), most, from_end, &bytes, &size); }
  napi_value Result(napi_env env) {
    if (!status.ok()) return Failure(env, status);
    napi_value object = NewObject(env);
    Set(env, object, "bytes", Bytes(env, bytes.data(), bytes.size()));
    Set(env, object, "size", Number(env, size));
    return object;
  }
};

struct ReplaceFileOperation : FileOperation {
  Vec<char> bytes;
  uint32_t mode;

  void Read(Arguments& arguments) { ReadPlace(arguments).Get("bytes", &bytes, "mode", &mode); }
  void Run() { status = ReplaceFile(at(), bytes.data(), bytes.size(), mode); }
};

struct OpenFileOperation : FileOperation {
  uint32_t opening, mode;
  Fd fd;

  void Read(Arguments& arguments) { ReadPlace(arguments).Get("opening", &opening, "mode", &mode); }
  void Run() { status = OpenFile(at(), static_cast<Opening>(opening), mode, &fd); }
  napi_value Result(napi_env env) { return status.ok() ? Keep(env, &fd) : Failure(env, status); }
};

struct LookAtOperation : FileOperation {
  struct stat st;
  bool found;

  void Read(Arguments& arguments) { ReadPlace(arguments); }
  void Run() { status = LookAt(at(), &st, &found); }
  napi_value Result(napi_env env) {
    if (!status.ok()) return Failure(env, status);
    if (!found) return Null(env);
    napi_value object = NewObject(env);
    Set(env, object, "mode", Number(env, st.st_mode));
    Set(env, object, "size", Number(env, st.st_size));
    Set(env, object, "uid", Number(env, st.st_uid));
    Set(env, object, "links", Number(env, static_cast<int64_t>(st.st_nlink)));
    Set(env, object, "device", BigInt(env, static_cast<uint64_t>(st.st_dev)));
    Set(env, object, "inode", BigInt(env, st.st_ino));
    return object;
  }
};

struct ListDirectoryOperation : FileOperation {
  uint32_t most;
  Strings names;
  Vec<FoundEntry> entries;

  void Read(Arguments& arguments) { ReadPlace(arguments).Get("most", &most); }
  void Run() { status = ListDirectory(at(), most, &names, &entries); }
  napi_value Result(napi_env env) {
    if (!status.ok()) return Failure(env, status);
    return ArrayOf(env, entries.size(), [&](size_t i) {
      napi_value object = NewObject(env);
      Set(env, object, "name", Text(env, names.at(entries[i].name)));
      Set(env, object, "mode", Number(env, entries[i].type));
      return object;
    });
  }
};

struct MakeDirectoryOperation : FileOperation {
  uint32_t mode;
  bool made;

  void Read(Arguments& arguments) { ReadPlace(arguments).Get("mode", &mode); }
  void Run() { status = MakeDirectory(at(), mode, &made); }
  napi_value Result(napi_env env) {
    return status.ok() ? Boolean(env, made) : Failure(env, status);
  }
};

struct RemoveFileOperation : FileOperation {
  bool removed;

  void Read(Arguments& arguments) { ReadPlace(arguments); }
  void Run() { status = RemoveFile(at(), &removed); }
  napi_value Result(napi_env env) {
    return status.ok() ? Boolean(env, removed) : Failure(env, status);
  }
};

struct RemoveTreeOperation : FileOperation {
  PathArgument last;
  TreeEntry failed;

  void Read(Arguments& arguments) { ReadPlace(arguments).Get("last", &last); }
  void Run() { status = RemoveTree(directory.data, path.data, last.data, &failed); }
  napi_value Result(napi_env env) {
    if (status.ok()) return Null(env);
    napi_value failure = Failure(env, status);
    Set(env, failure, "entry", Text(env, failed.path));
    return failure;
  }
};

}  // namespace

void DefineFileOperations(napi_env env, napi_value exports) {
  Define<ReadFileOperation>(env, exports, "readFile", "readFileAsync");
  Define<ReplaceFileOperation>(env, exports, "replaceFile", "replaceFileAsync");
  Define<OpenFileOperation>(env, exports, "openFile", "openFileAsync");
  Define<LookAtOperation>(env, exports, "lookAt", "lookAtAsync");
  Define<ListDirectoryOperation>(env, exports, "listDirectory", "listDirectoryAsync");
  Define<MakeDirectoryOperation>(env, exports, "makeDirectory", "makeDirectoryAsync");
  Define<RemoveFileOperation>(env, exports, "removeFile", "removeFileAsync");
  Define<RemoveTreeOperation>(env, exports, "removeTree", "removeTreeAsync");
}

}  // namespace boxsockets
