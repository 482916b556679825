// libSystem's threads over Linux: each runs a function of the guest, on a processor of its own.
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "abi.h"
#include "end.h"
#include "machine.h"

namespace darwin {
namespace {

// libpthread's objects have a signature in their first eight bytes, and sizes (sys/_pthread/_pthread_types.h) that
// abi_check.c holds against its headers. Behind the signature lies what Linux has for it, where it has one.
struct Object {
  uint64_t signature;
  void* own;
};
struct Kind {
  size_t size;
  uint64_t signature;
  const char* name;
};
constexpr Kind kAttributes = {64, 0x54485244, "attributes of a thread that were not made"};
constexpr Kind kMutex = {64, 0x4d555458, "a mutex that was not made"};
constexpr Kind kCondition = {48, 0x434f4e44, "a condition that was not made"};
constexpr Kind kConditionAttributes = {16, 0x434e4441, "attributes of a condition that were not made"};
constexpr uint64_t kMutexInitializer = 0x32aaaba7;  // PTHREAD_MUTEX_INITIALIZER's

Object* ObjectOf(const Call& call, int index, const Kind& kind) {
  auto* object = static_cast<Object*>(call.memory(index, kind.size));
  if (object->signature != kind.signature) End(kind.name);
  return object;
}

Object* Make(const Call& call, const Kind& kind, void* own = nullptr) {
  auto* object = static_cast<Object*>(call.memory(0, kind.size));
  memset(static_cast<void*>(object), 0xee, kind.size);
  *object = {kind.signature, own};
  return object;
}

template <const Kind& kind>
uint64_t Init(const Call& call) {
  Make(call, kind);
  return 0;
}

template <const Kind& kind>
uint64_t Destroy(const Call& call) {
  ObjectOf(call, 0, kind)->signature = 0;
  return 0;
}

// Not -1 and errno: the errno itself.
uint64_t Said(int result) { return result == 0 ? 0 : static_cast<uint64_t>(ErrnoOf(result)); }

pthread_mutex_t* MutexOf(const Call& call, int index) {
  static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;
  auto* object = static_cast<Object*>(call.memory(index, kMutex.size));
  pthread_mutex_lock(&making);
  if (object->signature == kMutexInitializer) *object = {kMutex.signature, new pthread_mutex_t()};
  pthread_mutex_unlock(&making);
  return static_cast<pthread_mutex_t*>(ObjectOf(call, index, kMutex)->own);
}

pthread_cond_t* ConditionOf(const Call& call) {
  return static_cast<pthread_cond_t*>(ObjectOf(call, 0, kCondition)->own);
}

uint64_t DestroyMutex(const Call& call) {
  pthread_mutex_t* mutex = MutexOf(call, 0);
  if (pthread_mutex_destroy(mutex) != 0) End("pthread_mutex_destroy: it is locked");
  delete mutex;
  return Destroy<kMutex>(call);
}

uint64_t InitCondition(const Call& call) {
  if (call.arg(1) != 0) ObjectOf(call, 1, kConditionAttributes);
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  auto* condition = new pthread_cond_t;
  pthread_cond_init(condition, &attributes);
  pthread_condattr_destroy(&attributes);
  Make(call, kCondition, condition);
  return 0;
}

uint64_t DestroyCondition(const Call& call) {
  pthread_cond_t* condition = ConditionOf(call);
  pthread_cond_destroy(condition);
  delete condition;
  return Destroy<kCondition>(call);
}

uint64_t WaitRelative(const Call& call) {
  constexpr int64_t kSecond = 1000000000;
  const auto* wait = call.out<timespec>(2);
  timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  int64_t nanoseconds = at.tv_nsec + wait->tv_nsec;
  at = {at.tv_sec + wait->tv_sec + nanoseconds / kSecond, nanoseconds % kSecond};
  return Said(pthread_cond_timedwait(ConditionOf(call), MutexOf(call, 1), &at));
}

uint64_t SetStackSize(const Call& call) {
  ObjectOf(call, 0, kAttributes);
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

uint64_t CreateThread(const Call& call) {
  if (call.arg(1) != 0) ObjectOf(call, 1, kAttributes);
  auto* start = new Start{call.arg(2), call.arg(3)};
  pthread_t thread;
  int result = pthread_create(&thread, nullptr, RunThread, start);
  if (result != 0) {
    delete start;
    return Said(result);
  }
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
  symbols["_pthread_attr_init"] = Init<kAttributes>;
  symbols["_pthread_attr_destroy"] = Destroy<kAttributes>;
  symbols["_pthread_attr_setstacksize"] = SetStackSize;
  symbols["_pthread_create"] = CreateThread;
  symbols["_pthread_join"] = [](const Call& c) {
    if (c.arg(1) != 0) End("pthread_join: a result is asked for");
    return Said(pthread_join(c.arg(0), nullptr));
  };
  symbols["_pthread_detach"] = [](const Call& c) { return Said(pthread_detach(c.arg(0))); };
  symbols["_pthread_mutex_lock"] = [](const Call& c) { return Said(pthread_mutex_lock(MutexOf(c, 0))); };
  symbols["_pthread_mutex_unlock"] = [](const Call& c) { return Said(pthread_mutex_unlock(MutexOf(c, 0))); };
  symbols["_pthread_mutex_destroy"] = DestroyMutex;
  symbols["_pthread_condattr_init"] = Init<kConditionAttributes>;
  symbols["_pthread_condattr_destroy"] = Destroy<kConditionAttributes>;
  symbols["_pthread_cond_init"] = InitCondition;
  symbols["_pthread_cond_destroy"] = DestroyCondition;
  symbols["_pthread_cond_signal"] = [](const Call& c) { return Said(pthread_cond_signal(ConditionOf(c))); };
  symbols["_pthread_cond_timedwait_relative_np"] = WaitRelative;
  symbols["_pthread_sigmask"] = SetSignalMask;
  symbols["_pipe"] = [](const Call& c) { return Result(pipe(static_cast<int*>(c.memory(0, 2 * sizeof(int))))); };
}

}  // namespace darwin
