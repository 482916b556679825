// Processes told apart by their number and the moment at which they started, because a number alone
// is given to another process sooner or later.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "status.h"

namespace boxsockets {

inline constexpr int64_t kNotRunning = -1;

// When the process started, as the platform tells it: clock ticks since boot on Linux, microseconds
// since the epoch on macOS. kNotRunning where there is no such process, or only its zombie.
Status StartTime(pid_t pid, int64_t* start_time);

// Sends `signal` to the process where it is still the one that started at `start_time`; `sent` says
// whether it was. Where the kernel has process descriptors (Linux 5.3), a number that is reused
// between the comparison and the signal is not hit.
Status SignalProcess(pid_t pid, int64_t start_time, int signal, bool* sent);

// Leaves those processes whose environment has this entry (`NAME=value`), makes negative those that
// do not answer, and the rest 0. Linux alone. Who maps a file of a server that hangs can keep its
// own memory locked, and whoever reads of it waits.
Status KeepThoseWith(const char* entry, int32_t* pids, size_t count);

}  // namespace boxsockets
