// What an ensure answers, and what it looks at once more, where it cannot go the short way.
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../posix/binding.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

struct Ensured {
  explicit Ensured(const World& world) { status = Ensure(world.paths(), {}, &result); }

  Status status;
  EnsureResult result = EnsureResult::kReplaced;  // of another call's
};

TEST_CASE("an ensure that finds all right says so, whatever the one before it said") {
  BoundWorld world;
  Ensured ensured(world);
  CHECK(ensured.status.ok());
  CHECK(ensured.result == EnsureResult::kUnchanged);
}

TEST_CASE("a base that others may write to by now is not trusted for what it was a moment ago") {
  World world;
  world.MakeParent();
  std::string away = world.base + "/away";
  Intercept intercept("symlinkat", 1, [&] {
    REQUIRE(rename(world.parent.c_str(), away.c_str()) == 0);
    REQUIRE(chmod(world.base.c_str(), 0777) == 0);
    return 0;
  });
  CHECK(IsRefused(Ensured(world).status, Refusal::kBaseUntrusted));
  CHECK(intercept.calls() == 1);
  CHECK_FALSE(Exists(world.parent));
  CHECK(EntriesOf(away).empty());
}

#if defined(__linux__)

TEST_CASE("a real directory mounted in its binding's place stays there, and its parent is closed") {
  World world;
  world.MakeParent();
  MakeDirectory(world.binding);
  Child child([&] {
    if (!MountOver(world.real_dir, world.binding)) return 77;
    if (chmod(world.parent.c_str(), 0755) != 0) return 1;
    Ensured ensured(world);
    if (!ensured.status.ok() || ensured.result != EnsureResult::kUnchanged) return 2;
    return ModeOf(world.parent) == 0700 ? 0 : 3;
  });
  int exited = child.Wait();
  SKIP_UNLESS(exited != 77, "no mounts here");
  CHECK(exited == 0);
}

#endif

}  // namespace
}  // namespace boxsockets::test
