// Every operation in every order, over a parent that holds anything, between programs that do
// anything to it.
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#if defined(__linux__)
#include <grp.h>
#endif

#include "check.h"
#include "interpreter.h"

// To root no directory is closed: then another user explores.
extern "C" int LLVMFuzzerInitialize(int*, char***) {
  constexpr uid_t kUser = 12345;
  if (geteuid() != 0) return 0;
  FUZZ_CHECK(setgroups(0, nullptr) == 0);
  FUZZ_CHECK(setgid(kUser) == 0);
  FUZZ_CHECK(setuid(kUser) == 0);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  boxsockets::fuzz::Interpreter(data, size).Run();
  return 0;
}
