// Who the caller is, and how the real root and unmapped users appear to it.
#pragma once

#include <sys/types.h>

namespace boxsockets {

struct Uids {
  uid_t real;
  uid_t effective;
};

Uids CurrentUids();

// The uid under which unmapped users appear (65534 unless configured otherwise).
uid_t OverflowUid();

// The uid under which the real root appears in this user namespace: 0, or the overflow uid where it
// is not mapped.
uid_t RootUid();

}  // namespace boxsockets
