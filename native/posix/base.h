// The directory that holds the parents: whether strangers can swap what lies in it.
#pragma once

#include <sys/stat.h>

#include "status.h"

namespace boxsockets {

// Judges a base by what stat() told of it, and says why.
bool IsTrustedBase(const struct stat& base, uid_t uid);
Status CheckBase(const struct stat& base, uid_t uid);

// Looks at a base and judges it; where it is trusted because it seems to be ours, it must prove it.
// A missing one is refused, with ENOENT.
Status LookAtBase(const char* path, uid_t uid, struct stat* base);

// Judges everything that the path goes through: whoever may rename one of its components can put
// another base in its place. Refused with kAncestryUntrusted, with the owner and the mode of the
// directory in which that may be done. The base itself is judged by LookAtBase,
// which also says where there is none.
Status CheckAncestry(const char* path, uid_t uid);

}  // namespace boxsockets
