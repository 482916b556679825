#include "watch.h"

#include <signal.h>

#include "clock.h"

namespace boxsockets {
namespace {

constexpr int64_t kNotBegun = 0, kDone = -1, kGivenUp = -2, kClaimed = -3;
constexpr int64_t kMs = 1'000'000;
// After how long one that does not answer is left to its thread.
constexpr int64_t kPatienceNs = 50 * kMs;
constexpr int64_t kTickNs = 20 * kMs;
constexpr size_t kStackBytes = size_t{256} * 1024;

class Locked {
 public:
  explicit Locked(pthread_mutex_t* mutex) : mutex_(mutex) { pthread_mutex_lock(mutex_); }
  ~Locked() { pthread_mutex_unlock(mutex_); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  pthread_mutex_t* const mutex_;
};

}  // namespace

Watch::Watch(const Type* type, int64_t* states) : type_(type), states_(states) {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
#if !defined(__APPLE__)
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
#endif
  pthread_cond_init(&changed_, &attributes);
  pthread_condattr_destroy(&attributes);
}

Watch::~Watch() {
  pthread_cond_destroy(&changed_);
  pthread_mutex_destroy(&mutex_);
}

void Watch::LookAtTheRest() {
  for (;;) {
    size_t index;
    {
      Locked locked(&mutex_);
      if (next_ == count_) return;
      index = next_++;
      states_[index] = MonotonicNs();
    }
    type_->look(this, index);
    Locked locked(&mutex_);
    // Given up meanwhile, it stays so: nobody waits for it any more.
    if (states_[index] != kGivenUp) states_[index] = kDone;
  }
}

void* Watch::Work(void* data) {
  Watch* watch = static_cast<Watch*>(data);
  watch->LookAtTheRest();
  watch->Release();
  return nullptr;
}

// With the mutex.
bool Watch::StartThread(pthread_t* thread) {
  // No handler of the host's runs on a thread that it does not know.
  sigset_t all, before;
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return false;
  pthread_attr_setstacksize(&attributes, kStackBytes);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool started = pthread_create(thread, &attributes, Work, this) == 0;
  if (started) users_++;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  return started;
}

// False where nothing is left to wait for.
bool Watch::Poll(int64_t timeout_ms, int64_t last_start, bool* start_another) {
  int64_t now = MonotonicNs();
  bool waiting = false, busy = false;
  for (size_t i = 0; i < next_; i++) {
    int64_t state = states_[i];
    bool looked_at = state > kNotBegun;
    bool late = looked_at && now - state >= timeout_ms * kMs;
    if (late) states_[i] = kGivenUp;
    gave_up_ = gave_up_ || late;
    waiting = waiting || state == kClaimed || (looked_at && !late);
    busy = busy || state == kClaimed || (looked_at && now - state < kPatienceNs);
  }
  bool rest = next_ < count_;
  *start_another = rest && !busy && now - last_start >= kPatienceNs;
  return waiting || rest;
}

void Watch::Wait() {
  int64_t until = MonotonicNs() + kTickNs;
#if defined(__APPLE__)
  until = kTickNs;
#endif
  constexpr int64_t kSecond = 1000 * kMs;
  struct timespec at;
  at.tv_sec = static_cast<time_t>(until / kSecond);
  at.tv_nsec = static_cast<decltype(at.tv_nsec)>(until % kSecond);
#if defined(__APPLE__)
  pthread_cond_timedwait_relative_np(&changed_, &mutex_, &at);
#else
  pthread_cond_timedwait(&changed_, &mutex_, &at);
#endif
}

void Watch::LookNow(size_t count) {
  count_ = count;
  LookAtTheRest();
}

void Watch::Run(size_t count, int64_t timeout_ms) {
  count_ = count;
  pthread_t first, another;
  bool started, gave_up;
  {
    Locked locked(&mutex_);
    int64_t last_start = MonotonicNs();
    bool start_another;
    started = StartThread(&first);
    while (started && Poll(timeout_ms, last_start, &start_another)) {
      if (start_another) {
        last_start = MonotonicNs();
        if (StartThread(&another)) pthread_detach(another);
      }
      Wait();
    }
    // Threads that wait for nothing are gone, and what they had open is closed, when this returns.
    while (started && !gave_up_ && users_ > 1) Wait();
    gave_up = gave_up_;
  }
  // Where there can be no thread, it is done here and may take its time.
  if (!started) return LookAtTheRest();
  // Where one Run follows the other, threads that are about to end do not pile up.
  gave_up ? pthread_detach(first) : pthread_join(first, nullptr);
}

bool Watch::Answered(size_t index) const {
  Locked locked(&mutex_);
  return states_[index] == kDone;
}

bool Watch::Claim(size_t index) {
  Locked locked(&mutex_);
  if (states_[index] == kGivenUp) return false;
  states_[index] = kClaimed;
  return true;
}

void Watch::Unclaim(size_t index) {
  Locked locked(&mutex_);
  states_[index] = MonotonicNs();
}

void Watch::Release() {
  bool last;
  {
    Locked locked(&mutex_);
    last = --users_ == 0;
    // Before the mutex is let go: after that, the watch may be gone.
    pthread_cond_signal(&changed_);
  }
  if (last) type_->destroy(this);
}

}  // namespace boxsockets
