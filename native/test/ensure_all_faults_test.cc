// Many bindings ensured together: what each of them is told, whoever comes between.
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../posix/binding.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

// Three boxes of one parent: one without a binding, one whose binding leads nowhere, and one whose
// binding is right.
struct Many : World {
  Many() {
    MakeParent();
    for (const char* id : {"box-1", "box-2", "box-3"}) {
      boxes.push_back(Sibling(id, MakeDirectory(std::string("home-") + id)));
    }
    MakeLink("dangling", boxes[1].binding);
    MakeLink(boxes[2].real_dir, boxes[2].binding);
    for (const Box& box : boxes) {
      BatchItem item = {};
      item.paths = box.paths();
      item.result = EnsureResult::kReplaced;  // of another call's
      items.push_back(item);
    }
  }
  void Ensure(const EnsureOptions& options = {}) { EnsureAll(items.data(), items.size(), options); }
  bool Is(size_t index, EnsureResult result) const {
    const Box& box = boxes[index];
    return items[index].status.ok() && items[index].result == result &&
           IsSameDirectory(box.binding, box.real_dir);
  }

  std::vector<Box> boxes;
  std::vector<BatchItem> items;
};

TEST_CASE("of many, each is told what became of it, and its parent is put right") {
  for (mode_t mode : {0700, 0755}) {
    Many world;
    REQUIRE(chmod(world.parent.c_str(), mode) == 0);
    world.Ensure();
    CHECK(world.Is(0, EnsureResult::kCreated));
    CHECK(world.Is(1, EnsureResult::kReplaced));
    CHECK(world.Is(2, EnsureResult::kUnchanged));
    REQUIRE(chmod(world.parent.c_str(), mode) == 0);
    world.Ensure();
    for (size_t i = 0; i < 3; i++) CHECK(world.Is(i, EnsureResult::kUnchanged));
    CHECK(ModeOf(world.parent) == 0700);
  }
}

TEST_CASE("of many, nothing is asked for an answer unless that may be waited for") {
  for (bool may_wait : {false, true}) {
    Many world;
    world.Ensure();
    EnsureOptions options;
    options.may_wait = may_wait;
    Intercept intercept("openat2", [](int, const char*) { return 0; });
    world.Ensure(options);
    CAPTURE(may_wait);
    CHECK((intercept.calls() == 0) == !may_wait);
  }
}

TEST_CASE(
    "of many, what is missing is made though the lock is held, and what is there waits for it") {
  Many world;
  Fd lock(open(world.InParent(".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  REQUIRE(flock(lock.get(), LOCK_EX | LOCK_NB) == 0);
  EnsureOptions options;
  options.lock_timeout_ms = 0;
  world.Ensure(options);
  CHECK(world.Is(0, EnsureResult::kCreated));
  CHECK(IsRefused(world.items[1].status, Refusal::kLockTimeout));
  CHECK(TargetOf(world.boxes[1].binding) == "dangling");
  CHECK(world.Is(2, EnsureResult::kUnchanged));
}

TEST_CASE("of many, all are bound in the parent that took the place of the one they began in") {
  for (int number : {1, 2, 3, 4}) {
    Many world;
    Intercept intercept("symlinkat", number, [&] {
      REQUIRE(rename(world.parent.c_str(), (world.base + "/away").c_str()) == 0);
      world.MakeParent();
      return 0;
    });
    world.Ensure();
    CAPTURE(number);
    CHECK(intercept.calls() >= number);
    // Who was bound before the parent went need not be looked at again.
    for (size_t i = number == 1 ? 0 : 1; i < 2; i++) {
      CHECK(world.items[i].status.ok());
      CHECK(IsSameDirectory(world.boxes[i].binding, world.boxes[i].real_dir));
    }
  }
}

TEST_CASE("of many, one whose new link cannot be made under the lock is told why") {
  Many world;
  // Made at once: the first, and a try at the second; under the lock another, and the link aside,
  // where one lies, and once more.
  MakeLink("left", world.InParent(".box-2.new"));
  Intercept intercept("symlinkat", 5, [] { return EEXIST; });
  world.Ensure();
  CHECK(intercept.calls() == 5);
  CHECK(world.Is(0, EnsureResult::kCreated));
  CHECK(HasFailed(world.items[1].status, EEXIST));
  CHECK(TargetOf(world.boxes[1].binding) == "dangling");
}

TEST_CASE("of many, none is made by two uids, nor one whose real directory is missing") {
  Many world;
  REQUIRE(rmdir(world.boxes[0].real_dir.c_str()) == 0);
  world.Ensure();
  CHECK(IsRefused(world.items[0].status, Refusal::kRealDir));
  CHECK_FALSE(IsLink(world.boxes[0].binding));
  CHECK(world.Is(1, EnsureResult::kReplaced));
  SKIP_UNLESS(IsRoot(), kNeedsTwoUids);
  for (bool may_wait : {false, true}) {
    Many other;
    EnsureOptions options;
    options.may_wait = may_wait;
    WithTwoUids([&] { other.Ensure(options); });
    for (const BatchItem& item : other.items) CHECK(IsRefused(item.status, Refusal::kUidMismatch));
    CHECK_FALSE(IsLink(other.boxes[0].binding));
    CHECK(TargetOf(other.boxes[1].binding) == "dangling");
  }
}

}  // namespace
}  // namespace boxsockets::test
