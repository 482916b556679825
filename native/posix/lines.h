// Lines of what the kernel tells in a file of /proc.
#pragma once

#include <string.h>
#include <unistd.h>

#include "syscalls.h"

namespace boxsockets {

// Tells of each line, without the character that ends it; the beginning of one that is longer than
// any of the kernel's is left out. False, with errno, where the file could not be read to its end.
template <typename Tell>
bool ForEachLine(int fd, char ending, Tell tell) {
  char text[8192];
  size_t held = 0;
  auto more = [&] { return read(fd, text + held, sizeof text - 1 - held); };
  for (ssize_t size; (size = RetryInterrupted(more)) != 0;) {
    if (size < 0) return false;
    held += static_cast<size_t>(size);
    text[held] = '\0';
    char* line = text;
    while (char* end = static_cast<char*>(memchr(line, ending, held - (line - text)))) {
      *end = '\0';
      tell(line);
      line = end + 1;
    }
    held -= static_cast<size_t>(line - text);
    if (held == sizeof text - 1) held = 0;
    memmove(text, line, held);
  }
  return true;
}

}  // namespace boxsockets
