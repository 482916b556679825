// Paths as the guest gives them: a descriptor of a directory and a text, within XNU's limits.
#pragma once

#include <string>

#include "machine.h"

namespace darwin {

enum class Last : uint8_t { kFollowed, kNotFollowed };

// A path that Linux may be asked about.
struct Path {
  bool ok = false;  // else errno is set in the guest
  int at = -1;
  std::string text;
  const char* c_str() const { return text.c_str(); }
};

// The argument `path`, relative to the descriptor in the argument `at`; kNoDescriptor where there is none.
constexpr int kNoDescriptor = -1;
Path PathOf(const Call& call, int at, int path, Last last);

// One that is given as a text; `at` is of Linux.
Path Lookup(int at, const char* text, Last last);

// To be called before what `path` leads to is made, changed or removed. With DARWIN_CONFINE=DIRECTORY, ends the
// process where that lies elsewhere: code with a flipped bit may call anything.
void Changes(const Path& path);

}  // namespace darwin
