// A path with a number in it, as those below /proc: `/proc/self/fd/7`, `/proc/4711/stat`.
#pragma once

#include <string.h>

namespace boxsockets {

class NumberedPath {
 public:
  NumberedPath(const char* before, int number, const char* after = "") {
    char digits[12];
    size_t count = 0;
    for (unsigned rest = static_cast<unsigned>(number); rest > 0 || count == 0; rest /= 10) {
      digits[count++] = static_cast<char>('0' + rest % 10);
    }
    char* end = Append(data_, before);
    while (count > 0) *end++ = digits[--count];
    *Append(end, after) = '\0';
  }
  const char* c_str() const { return data_; }

 private:
  static char* Append(char* end, const char* text) {
    size_t size = strlen(text);
    memcpy(end, text, size);  // NOLINT(bugprone-not-null-terminated-result): goes on from there
    return end + size;
  }

  char data_[48];
};

}  // namespace boxsockets
