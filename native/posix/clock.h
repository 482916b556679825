// Monotonic time, in nanoseconds.
#pragma once

#include <stdint.h>
#include <time.h>

namespace boxsockets {

inline int64_t MonotonicNs() {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

// The moment in `ms` milliseconds, or the end of time where that is past it.
inline int64_t DeadlineInMs(int64_t ms) {
  int64_t ns;
  bool overflows = __builtin_mul_overflow(ms, int64_t{1'000'000}, &ns) ||
                   __builtin_add_overflow(ns, MonotonicNs(), &ns);
  if (!overflows) return ns;
  return ms < 0 ? 0 : INT64_MAX;
}

// May return early when a signal arrives; callers look at the clock again.
inline void SleepNs(int64_t ns) {
  struct timespec pause;
  pause.tv_sec = static_cast<time_t>(ns / 1'000'000'000);
  pause.tv_nsec = static_cast<decltype(pause.tv_nsec)>(ns % 1'000'000'000);
  nanosleep(&pause, nullptr);
}

}  // namespace boxsockets
