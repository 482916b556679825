// A name that nobody can foresee, to bind at before a socket takes its own.
#pragma once

#if defined(__APPLE__)

#include <stddef.h>
#include <stdlib.h>

namespace boxsockets {

// `.~` and 16 random alphanumerics: the form of a probe's stand-in, so that whatever removes those
// that were left removes this one, too.
class UnforeseenName {
 public:
  UnforeseenName() {
    constexpr char kAlphanumerics[] =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (size_t i = 2; i < kSize; i++) {
      data_[i] = kAlphanumerics[arc4random_uniform(sizeof kAlphanumerics - 1)];
    }
    data_[kSize] = '\0';
  }
  const char* c_str() const { return data_; }

 private:
  static constexpr size_t kSize = 18;
  char data_[kSize + 1] = ".~";
};

}  // namespace boxsockets

#endif
