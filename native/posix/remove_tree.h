// Removal of a tree by descriptors: nothing in it, however it is changed meanwhile, leads out of
// it.
#pragma once

#include <limits.h>
#include <stddef.h>

#include "status.h"

namespace boxsockets {

// How deep the removal goes at once. What lies deeper is moved up first, so that neither memory nor
// descriptors grow with the depth of a tree.
inline constexpr size_t kRemovalDepth = 32;

// What could not be removed, as a path from the directory that the removal began in.
struct TreeEntry {
  char path[(kRemovalDepth + 1) * (NAME_MAX + 1)];
};

// Removes `name` within `directory`: a tree, a file, a link. Fine where nothing is there. `last`,
// if not null, is the entry of the tree that goes after all the others, so that what a crash leaves
// can still be told for what it was.
//
// Every entry is opened relative to the directory that it lies in, without following a link, and
// removed relative to it. What is mounted somewhere in the tree is not entered (EXDEV). Stops at
// the first entry that cannot be removed, and tells which.
Status RemoveTree(const char* directory, const char* name, const char* last, TreeEntry* failed);

}  // namespace boxsockets
