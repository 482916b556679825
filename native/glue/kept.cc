#include "kept.h"

#include <stdlib.h>

#include <new>

#include "../posix/vec.h"
#include "values.h"

namespace boxsockets {
namespace {

class KeptDescriptors {
 public:
  ~KeptDescriptors() {
    for (int fd : descriptors_) Fd closing(fd);
  }

  void Add(int fd) {
    for (int& slot : descriptors_) {
      if (slot < 0) {
        slot = fd;
        return;
      }
    }
    // Where memory is short it is not kept, and ends with the process.
    if (!descriptors_.Append(fd)) return;
  }

  void Remove(int fd) {
    for (int& slot : descriptors_) {
      if (slot == fd) slot = -1;
    }
  }

 private:
  Vec<int> descriptors_;
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
  if (kept != nullptr && fd->valid()) kept->Add(fd->get());
  return Number(env, fd->Release());
}

void CloseKept(napi_env env, int fd) {
  KeptDescriptors* kept = KeptIn(env);
  if (kept != nullptr) kept->Remove(fd);
  Fd closing(fd);
}

}  // namespace boxsockets
