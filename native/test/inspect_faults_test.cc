// What an inspection tells where a call fails, or where somebody comes between two of them.
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../posix/inspect.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

// Runs `hook` before the parent is opened, which is after the look at it.
Inspection Inspected(const World& world, const std::function<int()>& hook, int* times) {
  Inspection inspection;
  bool looked = false;
  Intercept intercept("*", [&](int, const char* name) {
    looked = looked || strcmp(name, "lstat") == 0;
    bool opens = looked && strcmp(name, "open") == 0;
    return opens && (*times)++ == 0 ? hook() : 0;
  });
  Inspect(world.paths(), false, &inspection);
  return inspection;
}

TEST_CASE("of a parent that cannot be looked at nothing is told, not even that it is closed") {
  AsUser user(AsUser::Ordinary());
  World world;
  world.MakeParent();
  REQUIRE(chmod(world.base.c_str(), 0600) == 0);
  Inspection inspection;
  Inspect(world.paths(), false, &inspection);
  CHECK(inspection.base.verdict.ok());
  CHECK_FALSE(inspection.parent.exists);
  CHECK(inspection.parent.verdict.ok());
  REQUIRE(chmod(world.base.c_str(), 0700) == 0);
}

TEST_CASE("a parent that cannot be opened, though it is right, is told with the reason") {
  World world;
  world.MakeParent();
  int times = 0;
  Inspection inspection = Inspected(
      world, [] { return EMFILE; }, &times);
  CHECK(times == 1);
  CHECK(inspection.parent.exists);
  CHECK(HasFailed(inspection.parent.verdict, EMFILE));
}

TEST_CASE("a parent that was a file when it was looked at is not called one that ensure opens") {
  World world;
  MakeFile(world.parent);
  int times = 0;
  auto replace = [&] {
    REQUIRE(unlink(world.parent.c_str()) == 0);
    world.MakeParent(0);
    return EACCES;
  };
  Inspection inspection = Inspected(world, replace, &times);
  CHECK(times == 1);
  CHECK(HasFailed(inspection.parent.verdict, EACCES));
}

TEST_CASE("a parent that goes after it was looked at is fine: ensure makes it") {
  World world;
  world.MakeParent();
  int times = 0;
  Inspection inspection = Inspected(
      world, [&] { return rmdir(world.parent.c_str()); }, &times);
  CHECK(times == 1);
  CHECK(inspection.parent.exists);
  CHECK(inspection.parent.verdict.ok());
}

}  // namespace
}  // namespace boxsockets::test
