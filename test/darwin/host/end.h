// Whatever a Mac would not have done, or this host does not know, ends the process and says what it was.
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include <string>

namespace darwin {

[[noreturn]] inline void End(const std::string& why) {
  fprintf(stderr, "darwin-host: %s\n", why.c_str());
  abort();
}

}  // namespace darwin
