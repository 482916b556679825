#include "kept_descriptors.h"

#include <stdlib.h>

#include <new>

#include "../posix/vec.h"
#include "values.h"

namespace boxsockets {
namespace {

struct Kept {
  int fd;
  int64_t inode;
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

napi_value Keep(napi_env env, Fd* fd, int64_t inode) {
  KeptDescriptors* kept = KeptIn(env);
  // One that does not tell which it is cannot be told from its successor.
  if (kept != nullptr && fd->valid() && inode != -1) kept->Add({fd->get(), inode});
  return Number(env, fd->Release());
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
