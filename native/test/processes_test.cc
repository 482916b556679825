// Many processes over one parent.
#include <errno.h>
#include <unistd.h>

#include <memory>

#include "../posix/binding.h"
#include "../posix/clock.h"
#include "../posix/sweep.h"
#include "support.h"

namespace boxsockets::test {
namespace {

constexpr int kProcesses = 16;
constexpr int kRounds = 100;

// Runs `work(number)` in as many processes at once, and counts those that did not return 0.
int CountFailures(const std::function<int(int)>& work) {
  std::vector<std::unique_ptr<Child>> children;
  children.reserve(kProcesses);
  for (int i = 0; i < kProcesses; i++) {
    children.push_back(std::make_unique<Child>([&work, i] { return work(i); }));
  }
  int failures = 0;
  for (auto& child : children) {
    if (child->Wait() != 0) failures++;
  }
  return failures;
}

constexpr EnsureOptions kPatient = {false, 100'000};

TEST_CASE("sixteen processes that ensure one binding all find it right, and one of them made it") {
  World world;
  Signal created;
  int failures = CountFailures([&](int) {
    for (int i = 0; i < kRounds; i++) {
      EnsureResult result;
      if (!Ensure(world.paths(), kPatient, &result).ok()) return 1;
      if (!IsSameDirectory(world.binding, world.real_dir)) return 2;
      if (result == EnsureResult::kReplaced) return 3;
      if (result == EnsureResult::kCreated) created.Send();
    }
    return 0;
  });
  CHECK(failures == 0);
  CHECK(created.Pending() == 1);
  // A lock is there only where one was needed.
  unlink(world.InParent(".lock").c_str());
  CHECK(EntriesOf(world.parent) == std::vector<std::string>{"box-1"});
}

TEST_CASE("processes that ensure boxes of their own do not disturb each other") {
  World world;
  int failures = CountFailures([&](int number) {
    Box mine = world.Sibling("box-" + std::to_string(number), world.real_dir);
    for (int i = 0; i < kRounds; i++) {
      EnsureResult made;
      RemoveResult removed;
      if (!Ensure(mine.paths(), kPatient, &made).ok() || made != EnsureResult::kCreated) return 1;
      if (!IsSameDirectory(mine.binding, mine.real_dir)) return 2;
      if (!Remove(mine.paths(), kPatient.lock_timeout_ms, &removed).ok()) return 3;
      if (removed != RemoveResult::kRemoved) return 4;
    }
    return 0;
  });
  CHECK(failures == 0);
  CHECK(EntriesOf(world.parent) == std::vector<std::string>{".lock"});
}

TEST_CASE("a dialer never sees ENOENT while the binding is replaced") {
  World world;
  Box second = world.Sibling("box-1", world.MakeDirectory("other"));
  EnsureResult result;
  REQUIRE(Ensure(world.paths(), kPatient, &result).ok());
  Signal stop;
  Child replacer([&] {
    for (int i = 0; i < 2000; i++) {
      if (!Ensure(i % 2 == 0 ? second.paths() : world.paths(), kPatient, &result).ok()) return 1;
      if (result != EnsureResult::kReplaced) return 2;
    }
    stop.Send();
    return 0;
  });
  int misses = 0, lookups = 0;
  while (stop.Pending() == 0 && replacer.IsRunning()) {
    struct stat st;
    if (stat(world.binding.c_str(), &st) != 0) misses++;
    lookups++;
  }
  CHECK(replacer.Wait() == 0);
  CHECK(misses == 0);
  CHECK(lookups > 0);
}

TEST_CASE("creates without the lock hold against takeovers of another home, and a cleaner") {
  World world;
  std::string other = world.MakeDirectory("other");
  Box theirs = world.Sibling("box-1", other);
  int failures = CountFailures([&](int number) {
    for (int i = 0; i < kRounds; i++) {
      EnsureOptions options = kPatient;
      options.takeover = true;
      EnsureResult made;
      SweepResult swept;
      Status status;
      switch (number % 4) {
        case 0:
          unlink(world.binding.c_str());
          status = SweepStale(world.parent_paths(), {false, kPatient.lock_timeout_ms}, &swept);
          if (swept.removed.size() != 0) return 1;
          break;
        case 1:
          status = Ensure(theirs.paths(), options, &made);
          break;
        default:
          status = Ensure(world.paths(), options, &made);
          break;
      }
      if (!status.ok() && status.refusal != Refusal::kParentUnstable) return 2;
    }
    return 0;
  });
  CHECK(failures == 0);
  EnsureOptions last = kPatient;
  last.takeover = true;
  EnsureResult result;
  CHECK(Ensure(world.paths(), last, &result).ok());
  CHECK(IsSameDirectory(world.binding, world.real_dir));
  unlink(world.InParent(".lock").c_str());
  CHECK(EntriesOf(world.parent) == std::vector<std::string>{"box-1"});
}

TEST_CASE("ensure holds against sweeps, removals and somebody who deletes the parent") {
  World world;
  int failures = CountFailures([&](int number) {
    for (int i = 0; i < kRounds; i++) {
      EnsureResult made;
      RemoveResult removed;
      SweepResult swept;
      Status status;
      switch (number % 4) {
        case 0:
          status = SweepStale(world.parent_paths(), {false, kPatient.lock_timeout_ms}, &swept);
          if (swept.removed.size() != 0) return 1;
          break;
        case 1:
          status = Remove(world.paths(), kPatient.lock_timeout_ms, &removed);
          if (status.ok() && removed == RemoveResult::kForeign) return 2;
          break;
        case 2:
          unlink(world.binding.c_str());
          unlink(world.InParent(".lock").c_str());
          rmdir(world.parent.c_str());
          break;
        default:
          status = Ensure(world.paths(), kPatient, &made);
          break;
      }
      if (!status.ok() && status.refusal != Refusal::kParentUnstable) {
        fprintf(stderr, "%d: %s\n", number, toString(status).c_str());
        return 3;
      }
    }
    return 0;
  });
  CHECK(failures == 0);
  EnsureResult result;
  CHECK(Ensure(world.paths(), kPatient, &result).ok());
  CHECK(IsSameDirectory(world.binding, world.real_dir));
  // A lock is there only where one was needed.
  unlink(world.InParent(".lock").c_str());
  CHECK(EntriesOf(world.parent) == std::vector<std::string>{"box-1"});
}

TEST_CASE(
    "a process that is killed at any moment leaves a parent that the next ensure puts right") {
  World world;
  Box second = world.Sibling("box-1", world.MakeDirectory("other"));
  for (int round = 0; round < 50; round++) {
    Child victim([&] {
      for (int i = 0;; i++) {
        EnsureResult result;
        Ensure(i % 2 == 0 ? world.paths() : second.paths(), kPatient, &result);
      }
      return 0;
    });
    SleepNs(int64_t{1 + round % 7} * 500'000);
    victim.Kill();
    victim.Wait();  // what it was in the middle of is done by then
    EnsureResult result;
    REQUIRE(Ensure(world.paths(), kPatient, &result).ok());
    REQUIRE(IsSameDirectory(world.binding, world.real_dir));
  }
  SweepResult swept;
  CHECK(SweepStale(world.parent_paths(), {false, 0}, &swept).ok());
  // A lock is there only where one was needed.
  unlink(world.InParent(".lock").c_str());
  CHECK(EntriesOf(world.parent) == std::vector<std::string>{"box-1"});
}

}  // namespace
}  // namespace boxsockets::test
