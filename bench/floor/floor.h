// What every floor has in common. A floor makes the system calls that a guarantee needs, in the
// order in which native/posix makes them, and nothing else. It is a program of its own, so that
// nothing of Node's is in its way.
//
// A line with a count on standard input is one round of so many operations; the answer is a line
// with the nanoseconds that one of them took. The end of the input ends the program.
#pragma once

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

inline int64_t Now() {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

// A floor whose calls fail would measure something else.
inline void Must(bool held, const char* what) {
  if (held) return;
  fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
  exit(1);
}

inline bool Same(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// `operation(count)` makes so many operations.
template <typename Operation>
int Serve(Operation operation) {
  int64_t count;
  while (scanf("%" SCNd64, &count) == 1) {
    int64_t start = Now();
    operation(count);
    int64_t elapsed = Now() - start;
    printf("%.1f\n", static_cast<double>(elapsed) / static_cast<double>(count));
    fflush(stdout);
  }
  return 0;
}
