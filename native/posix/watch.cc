#include "watch.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "clock.h"

namespace boxsockets {
namespace {

constexpr int64_t kNotBegun = 0, kDone = -1, kGivenUp = -2;
constexpr int64_t kMs = 1'000'000;
// After how long one that does not answer is left to its thread.
constexpr int64_t kPatienceNs = 50 * kMs;
constexpr int kTickMs = 20;
constexpr size_t kStackBytes = size_t{256} * 1024;

}  // namespace

void Watch::LookAtTheRest() {
  for (;;) {
    size_t index = __atomic_fetch_add(&next_, 1, __ATOMIC_RELAXED);
    if (index >= count_) return;
    int64_t since = MonotonicNs();
    __atomic_store_n(&states_[index], since, __ATOMIC_RELEASE);
    type_->look(this, index);
    // Given up meanwhile, it stays so: nobody waits for it any more.
    __atomic_compare_exchange_n(&states_[index], &since, kDone, false, __ATOMIC_RELEASE,
                                __ATOMIC_RELAXED);
  }
}

void* Watch::Work(void* data) {
  Watch* watch = static_cast<Watch*>(data);
  watch->LookAtTheRest();
  constexpr char kAwake = '!';
  ssize_t written = write(watch->wake_[1].get(), &kAwake, 1);
  static_cast<void>(written);  // whoever is gone need not be woken
  watch->Release();
  return nullptr;
}

bool Watch::StartThread() {
  // No handler of the host's runs on a thread that it does not know.
  sigset_t all, before;
  pthread_attr_t attributes;
  pthread_t thread;
  if (pthread_attr_init(&attributes) != 0) return false;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  __atomic_add_fetch(&users_, 1, __ATOMIC_RELAXED);
  bool started = pthread_create(&thread, &attributes, Work, this) == 0;
  if (!started) __atomic_sub_fetch(&users_, 1, __ATOMIC_RELAXED);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  return started;
}

// False where nothing is left to wait for.
bool Watch::Poll(int64_t timeout_ms, int64_t last_start, bool* start_another) {
  int64_t now = MonotonicNs();
  bool waiting = false, rest = false, busy = false;
  for (size_t i = 0; i < count_; i++) {
    int64_t state = __atomic_load_n(&states_[i], __ATOMIC_ACQUIRE);
    if (state == kNotBegun) rest = true;
    if (state <= kNotBegun) continue;
    if (now - state >= timeout_ms * kMs &&
        __atomic_compare_exchange_n(&states_[i], &state, kGivenUp, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_ACQUIRE)) {
      gave_up_ = true;
      continue;
    }
    waiting = true;
    busy = busy || now - state < kPatienceNs;
  }
  *start_another = rest && !busy && now - last_start >= kPatienceNs;
  return waiting || rest;
}

void Watch::LookNow(size_t count) {
  count_ = count;
  LookAtTheRest();
}

void Watch::Run(size_t count, int64_t timeout_ms) {
  count_ = count;
  int ends[2];
#if defined(__linux__)
  bool piped = pipe2(ends, O_CLOEXEC) == 0;
#else
  bool piped = pipe(ends) == 0;
#endif
  if (piped) {
    for (int i = 0; i < 2; i++) {
      fcntl(ends[i], F_SETFD, FD_CLOEXEC);
      wake_[i].Reset(ends[i]);
    }
  }
  // Where there can be no thread, or too few descriptors, it is done here and may take its time.
  if (!piped || !StartThread()) LookAtTheRest();
  int64_t last_start = MonotonicNs();
  bool start_another;
  struct pollfd wake = {wake_[0].get(), POLLIN, 0};
  while (Poll(timeout_ms, last_start, &start_another)) {
    if (start_another) {
      last_start = MonotonicNs();
      StartThread();
    }
    char byte;
    ssize_t woken = poll(&wake, 1, kTickMs) > 0 ? read(wake.fd, &byte, 1) : 0;
    static_cast<void>(woken);  // the states tell, and the next tick looks at them again
  }
  // Threads that wait for nothing are gone, and what they had open is closed, when this returns.
  while (!gave_up_ && __atomic_load_n(&users_, __ATOMIC_ACQUIRE) > 1) SleepNs(kMs / 100);
}

bool Watch::Answered(size_t index) const {
  return __atomic_load_n(&states_[index], __ATOMIC_ACQUIRE) == kDone;
}

void Watch::Release() {
  if (__atomic_sub_fetch(&users_, 1, __ATOMIC_ACQ_REL) == 0) type_->destroy(this);
}

}  // namespace boxsockets
