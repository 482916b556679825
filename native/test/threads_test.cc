// Many threads of one process, as a host's worker threads are: for ThreadSanitizer.
#include <atomic>
#include <thread>

#include "../posix/binding.h"
#include "../posix/list.h"
#include "../posix/parent.h"
#include "../posix/probe.h"
#include "../posix/steady.h"
#include "../posix/sweep.h"
#include "../posix/user.h"
#include "support.h"

namespace boxsockets::test {
namespace {

constexpr int kThreads = 16;
constexpr int kRounds = 50;
constexpr EnsureOptions kPatient = {false, 100'000};

// Runs `work(number)` on as many threads at once, and counts those that returned false. doctest's
// assertions are for the main thread.
int CountFailures(const std::function<bool(int)>& work) {
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; i++) {
    threads.emplace_back([&, i] {
      if (!work(i)) failures++;
    });
  }
  for (std::thread& thread : threads) thread.join();
  return failures;
}

TEST_CASE("threads that ensure one binding all find it right, and one of them made it") {
  World world;
  std::atomic<int> created = 0;
  int failures = CountFailures([&](int) {
    for (int i = 0; i < kRounds; i++) {
      EnsureResult result;
      if (!Ensure(world.paths(), kPatient, &result).ok()) return false;
      if (!IsSameDirectory(world.binding, world.real_dir)) return false;
      if (result == EnsureResult::kReplaced) return false;
      if (result == EnsureResult::kCreated) created++;
    }
    return true;
  });
  CHECK(failures == 0);
  CHECK(created == 1);
}

TEST_CASE("threads read the uids of the system at once") {
  uid_t overflow = OverflowUid(), root = RootUid();
  CHECK(CountFailures([&](int) { return OverflowUid() == overflow && RootUid() == root; }) == 0);
}

TEST_CASE("every operation runs beside every other") {
  World world;
  std::vector<Box> boxes;
  for (int i = 0; i < kThreads; i++) {
    std::string id = "box-" + std::to_string(i);
    boxes.push_back(world.Sibling(id, world.MakeDirectory(id)));
  }
  int failures = CountFailures([&](int number) {
    const Box& mine = boxes[static_cast<size_t>(number)];
    for (int i = 0; i < kRounds; i++) {
      EnsureResult made;
      RemoveResult removed;
      SweepResult swept;
      Listing listing;
      if (!Ensure(mine.paths(), kPatient, &made).ok() || made != EnsureResult::kCreated) {
        return false;
      }
      if (!IsSteady(mine)) return false;
      std::string path = mine.binding + "/.standin";
      SocketType type = i % 2 == 0 ? SocketType::kStream : SocketType::kDatagram;
      if (!Probe({path.c_str(), ".standin", mine.real_dir.c_str(), type}).ok()) return false;
      if (!List(mine.parent_paths(), 2000, &listing).ok()) return false;
      for (const Listing::Entry& entry : listing.entries) {
        if (entry.target == Listing::kNone) return false;
      }
      if (!SweepStale(mine.parent_paths(), {i % 2 == 0, 100'000}, &swept).ok()) return false;
      if (swept.removed.size() != 0) return false;
      if (!Remove(mine.paths(), 100'000, &removed).ok()) return false;
      if (removed != RemoveResult::kRemoved) return false;
    }
    return true;
  });
  CHECK(failures == 0);
  CHECK(EntriesOf(world.parent) == std::vector<std::string>{".lock"});
}

}  // namespace
}  // namespace boxsockets::test
