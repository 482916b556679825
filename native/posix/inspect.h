// What ensure() would say of a base and a parent, without changing anything.
#pragma once

#include <sys/stat.h>

#include "paths.h"
#include "status.h"

namespace boxsockets {

struct Inspected {
  bool exists = false;
  struct stat st = {};  // where it exists: of a base what its path leads to, of a parent the entry
  Status verdict;       // what ensure() would be refused with; fine where it is or can be put right
};

struct Inspection {
  Inspected base, parent;
};

// Judges by the code that ensure() runs. A parent that is missing is fine: it would be made.
void Inspect(const Paths& paths, bool check_ancestry, Inspection* out);

}  // namespace boxsockets
