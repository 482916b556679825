// libSystem's threads over Linux: each runs a function of the guest, on a processor of its own.
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "abi.h"
#include "end.h"
#include "machine.h"

namespace darwin {
namespace {

// The attributes of a thread are 64 bytes (libpthread, sys/_pthread/_pthread_types.h), of which the first are ours.
struct Attributes {
  uint64_t magic;
  uint64_t detached;
};
constexpr size_t kAttributesSize = 64;
constexpr uint64_t kMagic = 0x54485244;  // THRD, libpthread's own _PTHREAD_ATTR_SIG
constexpr int kCreateDetached = 2;

Attributes* AttributesOf(const Call& call, int index) {
  auto* attributes = static_cast<Attributes*>(call.memory(index, kAttributesSize));
  if (attributes->magic != kMagic) End("attributes of a thread that were not made");
  return attributes;
}

uint64_t InitAttributes(const Call& call) {
  auto* attributes = static_cast<Attributes*>(call.memory(0, kAttributesSize));
  memset(static_cast<void*>(attributes), 0xee, kAttributesSize);
  *attributes = {kMagic, 0};
  return 0;
}

uint64_t DestroyAttributes(const Call& call) {
  AttributesOf(call, 0)->magic = 0;
  return 0;
}

uint64_t SetDetached(const Call& call) {
  if (call.number(1) != kCreateDetached) End("pthread_attr_setdetachstate: not detached");
  AttributesOf(call, 0)->detached = 1;
  return 0;
}

uint64_t SetStackSize(const Call& call) {
  AttributesOf(call, 0);
  // PTHREAD_STACK_MIN is a page of Apple silicon's, and the size a multiple of one.
  return call.arg(1) < 0x4000 || call.arg(1) % 0x4000 != 0 ? EINVAL : 0;
}

struct Start {
  uint64_t function, argument;
};

void* RunThread(void* data) {
  Start start = *static_cast<Start*>(data);
  delete static_cast<Start*>(data);
  Run(start.function, {start.argument});
  return nullptr;
}

// Not -1 and errno: the errno itself.
uint64_t CreateThread(const Call& call) {
  if (call.arg(1) == 0 || AttributesOf(call, 1)->detached == 0) End("pthread_create: of a thread that is not detached");
  auto* start = new Start{call.arg(2), call.arg(3)};
  pthread_t thread;
  int result = pthread_create(&thread, nullptr, RunThread, start);
  if (result != 0) {
    delete start;
    return static_cast<uint64_t>(ErrnoOf(result));
  }
  pthread_detach(thread);
  *call.out<uint64_t>(0) = thread;
  return 0;
}

// Darwin's set of signals is 32 bits. Known are all, none, and what was before.
uint64_t SetSignalMask(const Call& call) {
  constexpr int kSetMask = 3;
  static thread_local uint32_t current = 0;
  static thread_local sigset_t before;
  if (call.number(0) != kSetMask) End("pthread_sigmask: not SIG_SETMASK");
  if (call.arg(2) != 0) *call.out<uint32_t>(2) = current;
  if (call.arg(1) == 0) return 0;
  uint32_t wanted = *call.out<uint32_t>(1);
  if (wanted == current) return 0;
  if (wanted != 0 && wanted != ~0u) End("pthread_sigmask: some signals");
  sigset_t all;
  sigfillset(&all);
  current = wanted;
  int result = wanted != 0 ? pthread_sigmask(SIG_SETMASK, &all, &before) : pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return static_cast<uint64_t>(result);
}

}  // namespace

void AddThreads(Symbols& symbols) {
  symbols["_pthread_attr_init"] = InitAttributes;
  symbols["_pthread_attr_destroy"] = DestroyAttributes;
  symbols["_pthread_attr_setdetachstate"] = SetDetached;
  symbols["_pthread_attr_setstacksize"] = SetStackSize;
  symbols["_pthread_create"] = CreateThread;
  symbols["_pthread_sigmask"] = SetSignalMask;
  symbols["_pipe"] = [](const Call& c) { return Result(pipe(static_cast<int*>(c.memory(0, 2 * sizeof(int))))); };
}

}  // namespace darwin
