// What stands in the way of a binding that is to lead elsewhere: a living box of the same id.
#pragma once

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#include "entries.h"
#include "judgement.h"
#include "paths.h"
#include "status.h"

namespace boxsockets {

struct Occupant {
  char target[PATH_MAX + 1];                   // where the binding leads
  char socket[kSearchDepth * (NAME_MAX + 1)];  // below that
  Verdict verdict;                             // alive or unknown
  int64_t pid = 0;                             // of who holds it; 0 where it cannot be told
};

// Looks at a binding, and at the sockets behind it unless it leads to `real_dir`. At once where the
// target lies on the parent's file system or on that of the real directory, which have just
// answered; else for as long as anything is waited for. `watch` keeps what was found.
Status LookAtBinding(const Paths& paths, int parent, Inode real_dir, Depth depth, EntryWatch* watch,
                     ParentEntry** found);

// Whether a socket behind a binding is alive or unknown, or is held by somebody while its file is
// gone; `out`, where it is not null, tells which. Those of our own real directory, bound through
// the binding before it led elsewhere, are not in the way.
Status FindOccupant(const Paths& paths, const ParentEntry& found, bool* occupied, Occupant* out);

// The same of a binding that was just refused, by the names of `paths`. False where it is free by
// now, or cannot be told.
bool TellOccupant(const Paths& paths, Occupant* out);

}  // namespace boxsockets
