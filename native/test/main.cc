// Runs the tests. A run whose only test was skipped ends with a status of its own, which ctest
// knows (SKIP_RETURN_CODE in CMakeLists.txt); a failure weighs more.
#define DOCTEST_CONFIG_IMPLEMENT
#include "support.h"

int main(int argc, char** argv) {
  constexpr int kSkippedStatus = 77;
  boxsockets::test::alone = argc > 1;  // ctest names the test
  doctest::Context context(argc, argv);
  int status = context.run();
  return status == 0 && boxsockets::test::skipped ? kSkippedStatus : status;
}
