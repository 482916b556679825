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

// Whether the kernel (Linux, from 5.12 on; ENOTSUP elsewhere) knows by heart where a path leads
// from `directory`, and no file system is asked: 0, or why not. `device`, if not null, is then
// where.
int KnowWay(int directory, const char* path, dev_t* device);
// Whether it knows that a path leads to one of two devices, or nowhere.
bool LiesOn(const char* path, dev_t device, dev_t other);

// Makes a directory of ours accessible to us, whatever its mode was. False where it is not ours, or
// cannot be changed. Never changes what a link leads to.
bool MakeAccessible(int directory, const char* name);

}  // namespace boxsockets
