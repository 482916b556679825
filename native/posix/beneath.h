// Opening what lies below a directory that is trusted, while nothing below it is: no link is
// followed, nothing is waited for, and the path cannot leave the directory.
#pragma once

#include <sys/types.h>

#include "fd.h"

namespace boxsockets {

// Opens `path`, which is relative and has no `..`, below `directory`. -1, and errno: ELOOP where a
// component is a link, EXDEV where the path leads out or (for directories alone) onto another file
// system or mount than the one of `directory`.
Fd OpenBeneath(int directory, const char* path, int flags, mode_t mode = 0);

// Opens `name` for reading where it is a directory on the same mount as `directory`.
Fd OpenSameMount(int directory, const char* name);

#if defined(__linux__)
// Opens what `name` leads to, for its descriptor alone, where the kernel knows the way by heart: no
// file system is asked. -1 where it does not, or is older than Linux 5.12.
Fd OpenCached(int directory, const char* name);
// The device that a descriptor's file lies on, told without asking its file system.
bool DeviceOf(int fd, dev_t* device);
#endif

// Makes a directory of ours accessible to us, whatever its mode was. False where it is not ours, or
// cannot be changed. Never changes what a link leads to.
bool MakeAccessible(int directory, const char* name);

}  // namespace boxsockets
