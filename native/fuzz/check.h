// What a fuzzer holds its subject to.
#pragma once

// Ends the fuzzer, which keeps the input, where the claim does not hold.
#define FUZZ_CHECK(claim)                                                  \
  do {                                                                     \
    if (!(claim)) boxsockets::fuzz::FailCheck(#claim, __FILE__, __LINE__); \
  } while (false)

namespace boxsockets::fuzz {

[[noreturn]] void FailCheck(const char* claim, const char* file, int line);

}  // namespace boxsockets::fuzz
