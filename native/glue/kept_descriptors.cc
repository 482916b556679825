#include "kept_descriptors.h"

#include <stdlib.h>

#include <new>

#include "../posix/vec.h"
#include "values.h"

namespace boxsockets {
namespace {

// Nobody else ever closes it.
constexpr int64_t kOursAlone = -1;

struct Kept {
  int fd;
  int64_t inode;  // of a socket that somebody else may have closed; kOursAlone otherwise
};

class KeptDescriptors {
 public:
  ~KeptDescriptors() {
    for (const Kept& kept : descriptors_) {
      if (kept.inode == kOursAlone || InodeOf(kept.fd) == kept.inode) Fd closing(kept.fd);
    }
  }

  void Add(const Kept& kept) {
    // One of the same number was closed by whoever had it.
    Remove(kept.fd);
    for (Kept& slot : descriptors_) {
      if (slot.fd < 0) {
        slot = kept;
        return;
      }
    }
    // Where memory is short it is not kept, and ends with the process.
    if (!descriptors_.Append(kept)) return;
  }

  void Remove(int fd) {
    for (Kept& slot : descriptors_) {
      if (slot.fd == fd) slot = {-1, kOursAlone};
    }
  }

 private:
  Vec<Kept> descriptors_;
};

KeptDescriptors* KeptIn(napi_env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  return static_cast<KeptDescriptors*>(data);
}

void Finalize(napi_env, void* data, void*) {
  KeptDescriptors* kept = static_cast<KeptDescriptors*>(data);
  kept->~KeptDescriptors();
  free(kept);
}

}  // namespace

void StartKeeping(napi_env env) {
  void* memory = malloc(sizeof(KeptDescriptors));
  if (memory == nullptr) return;
  KeptDescriptors* kept = new (memory) KeptDescriptors;
  if (napi_set_instance_data(env, kept, Finalize, nullptr) != napi_ok) Finalize(env, kept, nullptr);
}

napi_value Keep(napi_env env, Fd* fd) {
  KeptDescriptors* kept = KeptIn(env);
  if (kept != nullptr && fd->valid()) kept->Add({fd->get(), kOursAlone});
  return Number(env, fd->Release());
}

napi_value KeepUntilDisowned(napi_env env, Fd* socket) {
  KeptDescriptors* kept = KeptIn(env);
  const int64_t inode = InodeOf(socket->get());
  // One that does not tell which it is cannot be told from its successor.
  if (kept != nullptr && inode >= 0) kept->Add({socket->get(), inode});
  return Number(env, socket->Release());
}

void Disown(napi_env env, int fd) {
  KeptDescriptors* kept = KeptIn(env);
  if (kept != nullptr) kept->Remove(fd);
}

void CloseKept(napi_env env, int fd) {
  Disown(env, fd);
  Fd closing(fd);
}

}  // namespace boxsockets
