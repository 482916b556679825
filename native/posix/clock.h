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

// May return early when a signal arrives; callers look at the clock again.
inline void SleepNs(int64_t ns) {
  struct timespec pause = {static_cast<time_t>(ns / 1'000'000'000),
                           static_cast<long>(ns % 1'000'000'000)};
  nanosleep(&pause, nullptr);
}

}  // namespace boxsockets
