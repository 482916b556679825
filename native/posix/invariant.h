// What holds of a race that was won, whoever takes part in it; compiled into the sanitizers'
// variants alone. Looked at by statx, for which no test stands in, and nothing else is called.
#pragma once

#include <sys/stat.h>

#if defined(BOXSOCKETS_INVARIANTS) && defined(__linux__)

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>

#define INVARIANT(condition)                                                      \
  do {                                                                            \
    if (condition) break;                                                         \
    fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
    abort();                                                                      \
  } while (false)

namespace boxsockets {

// Whether that is the file of `st`. What is seen for a moment while somebody works on it proves
// nothing, and neither does what cannot be looked at.
inline bool IsFile(int at, const char* name, const struct stat& st) {
  for (int look = 0; look < 100; look++) {
    struct statx now;
    if (statx(at, name, AT_EMPTY_PATH, STATX_INO, &now) != 0) return true;
    dev_t device = makedev(now.stx_dev_major, now.stx_dev_minor);
    if (now.stx_ino == st.st_ino && device == st.st_dev) return true;
  }
  return false;
}

}  // namespace boxsockets

#else
#define INVARIANT(condition) static_assert(true, #condition)
#endif
