// Who the caller is, and how the real root and unmapped users appear to it.
#pragma once

#include <sys/types.h>

#include "status.h"

namespace boxsockets {

struct Uids {
  uid_t real;
  uid_t effective;
};

Uids CurrentUids();

// Refused where this process acts as two users.
Status CheckUids(Uids uids);

// The uid under which unmapped users appear (65534 unless configured otherwise).
uid_t OverflowUid();

// Under an unmapped uid every unmapped user's files look like ours.
inline bool OwnershipNeedsProof(uid_t uid) { return uid == OverflowUid(); }

// The uid under which the real root appears in this user namespace: 0, or the overflow uid where it
// is not mapped.
uid_t RootUid();

// Whether that uid may stand for any user who is not mapped in this user namespace, so that being
// of the same uid says nothing.
bool StandsForUnmapped(uid_t uid);

}  // namespace boxsockets
