// What doctor is told of a base and a parent: what ensure() would say of them, and nothing that it
// would put right.
#include "../posix/inspect.h"

#include <errno.h>
#include <unistd.h>

#include "support.h"

namespace boxsockets::test {
namespace {

Inspection InspectionOf(const Box& box, bool check_ancestry = false) {
  Inspection inspection;
  Inspect(box.paths(), check_ancestry, &inspection);
  return inspection;
}

TEST_CASE("a base and a parent that are right are told with what they are") {
  World world;
  Inspection before = InspectionOf(world);
  CHECK(before.base.exists);
  CHECK(before.base.verdict.ok());
  CHECK(before.base.st.st_ino == StatOf(world.base).st_ino);
  CHECK_FALSE(before.parent.exists);
  CHECK(before.parent.verdict.ok());
  world.MakeParent();
  Inspection after = InspectionOf(world, true);
  CHECK(after.parent.exists);
  CHECK(after.parent.verdict.ok());
  CHECK(after.parent.st.st_ino == StatOf(world.parent).st_ino);
}

TEST_CASE("a base that is not there, or can be swapped, is told with what ensure says of it") {
  World world;
  Box missing = world;
  missing.base = world.home / "missing";
  missing.parent = missing.base + "/bl";
  Inspection absent = InspectionOf(missing);
  CHECK_FALSE(absent.base.exists);
  CHECK(IsRefused(absent.base.verdict, Refusal::kBaseUntrusted));
  CHECK(absent.base.verdict.errnum == ENOENT);
  REQUIRE(chmod(world.base.c_str(), 0777) == 0);
  Inspection open = InspectionOf(world);
  CHECK(open.base.exists);
  CHECK(IsRefused(open.base.verdict, Refusal::kBaseUntrusted));
  CHECK(open.base.verdict.mode == 0777);
}

TEST_CASE("what is above a base is looked at where it is asked for, and the base comes first") {
  World world;
  REQUIRE(chmod(world.home.path().c_str(), 0777) == 0);
  CHECK(InspectionOf(world, false).base.verdict.ok());
  CHECK(IsRefused(InspectionOf(world, true).base.verdict, Refusal::kAncestryUntrusted));
  REQUIRE(chmod(world.base.c_str(), 0777) == 0);
  CHECK(IsRefused(InspectionOf(world, true).base.verdict, Refusal::kBaseUntrusted));
  REQUIRE(chmod(world.base.c_str(), 0700) == 0);
  REQUIRE(chmod(world.home.path().c_str(), 0700) == 0);
  CHECK(InspectionOf(world, true).base.verdict.ok());
}

TEST_CASE("a parent that is none is told, and of what is closed only what ensure opens is fine") {
  World world;
  MakeFile(world.parent);
  Inspection file = InspectionOf(world);
  CHECK(file.parent.exists);
  CHECK(IsRefused(file.parent.verdict, Refusal::kParentNotDirectory));
  REQUIRE(unlink(world.parent.c_str()) == 0);
  MakeLink(world.real_dir, world.parent);
  CHECK(IsRefused(InspectionOf(world).parent.verdict, Refusal::kParentNotDirectory));
}

TEST_CASE("a parent of one's own that is closed is fine, a stranger's is not") {
  SKIP_UNLESS(IsRoot(), "needs root, to act as two users");
  World world;
  REQUIRE(chmod(world.home.path().c_str(), 0755) == 0);
  REQUIRE(chmod(world.base.c_str(), 01777) == 0);
  world.MakeParent();
  uid_t ordinary = AsUser::Ordinary();
  for (bool own : {true, false}) {
    REQUIRE(chmod(world.parent.c_str(), 0) == 0);
    REQUIRE(chown(world.parent.c_str(), own ? ordinary : 4711, static_cast<gid_t>(-1)) == 0);
    AsUser user(ordinary);
    Inspection inspection = InspectionOf(world);
    CAPTURE(own);
    CHECK(inspection.parent.exists);
    CHECK(inspection.parent.verdict.ok() == own);
    if (own) continue;
    CHECK(inspection.parent.verdict.owner == 4711);
  }
}

}  // namespace
}  // namespace boxsockets::test
