#include "check.h"

#include <stdio.h>
#include <stdlib.h>

namespace boxsockets::fuzz {

void FailCheck(const char* claim, const char* file, int line) {
  fprintf(stderr, "%s:%d: %s\n", file, line, claim);
  abort();
}

}  // namespace boxsockets::fuzz
