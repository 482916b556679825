// Runs the tests. A run whose only test was skipped ends with a status of its own, which ctest
// knows (SKIP_RETURN_CODE in CMakeLists.txt); a failure weighs more.
#define DOCTEST_CONFIG_IMPLEMENT
#include "support.h"

#if defined(__GLIBC__)
#include <malloc.h>
#endif

int main(int argc, char** argv) {
#if defined(__GLIBC__)
  mallopt(M_PERTURB, 0x55);  // memory that nobody has written to yet is not zero
#endif
  constexpr int kSkippedStatus = 77;
  boxsockets::test::alone = argc > 1;  // ctest names the test
  doctest::Context context(argc, argv);
  int status = context.run();
  return status == 0 && boxsockets::test::skipped ? kSkippedStatus : status;
}
