// The steady check that is made again and again: what it proves of a link, and when it no longer
// believes it.
#include "../posix/steady.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include <map>

#include "../posix/clock.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

// A binding that is right, and proven to be.
struct Proven {
  explicit Proven(const std::string& target = "") {
    world.MakeParent();
    MakeLink(target.empty() ? world.real_dir : target, world.binding);
    Settle();
  }

  // Until the check has found a proof, or would have.
  void Settle() {
    REQUIRE(Run());  // what it sees first, it sees before the time begins
    int64_t end = MonotonicNs() + 150'000'000;
    while (MonotonicNs() < end) {
      REQUIRE(Run());
      SleepNs(10'000'000);
    }
    // The last one may have run long ago: a busy machine lets a sleeper wait.
    REQUIRE(Run());
  }

  bool Run() { return check.Run(world.paths(), world.uid, &look); }

  // How many system calls the next run makes, by name.
  std::map<std::string, int> Count() {
    std::map<std::string, int> counts;
    Intercept intercept("*", [&](int, const char* name) {
      counts[name]++;
      return 0;
    });
    CHECK(Run());
    return counts;
  }

  World world;
  SteadyCheck check;
  Look look;
};

using Counts = std::map<std::string, int>;
const Counts kProven = {{"lstat", 1}, {"stat", 2}};
const Counts kUnproven = {{"lstat", 1}, {"stat", 3}};

TEST_CASE("a check that is made again and again needs one call less once the link is proven") {
  Proven proven;
  CHECK(proven.Count() == kProven);
  // Another box comes: everything is looked at again, and proven again.
  MakeLink(proven.world.real_dir, proven.world.InParent("box-2"));
  CHECK(proven.Count() == kUnproven);
  CHECK(proven.Count() == kUnproven);
  proven.Settle();
  CHECK(proven.Count() == kProven);
}

TEST_CASE("a proven check holds only where everything is as ensure leaves it") {
  Proven proven;
  const World& world = proven.world;
  REQUIRE(chmod(world.parent.c_str(), 0711) == 0);
  CHECK_FALSE(proven.Run());
  REQUIRE(chmod(world.parent.c_str(), 0700) == 0);
  CHECK_FALSE(proven.check.Run(world.paths(), world.uid + 1, &proven.look));
  proven.Settle();
  REQUIRE(chmod(world.base.c_str(), 0777) == 0);
  CHECK_FALSE(proven.Run());
  REQUIRE(chmod(world.base.c_str(), 0700) == 0);
  CHECK(proven.Count() == kProven);  // the parent did not change
  REQUIRE(rmdir(world.real_dir.c_str()) == 0);
  CHECK_FALSE(proven.Run());
  MakeFile(world.real_dir);
  CHECK_FALSE(proven.Run());
  REQUIRE(unlink(world.real_dir.c_str()) == 0);
  // The binding leads to whatever lies there now.
  MakeDirectory(world.real_dir);
  CHECK(proven.Count() == kProven);
  CHECK(IsSteady(world));
}

TEST_CASE("a proven link that is removed, replaced or renamed over is seen at once") {
  Proven proven;
  const World& world = proven.world;
  std::string other = world.MakeDirectory("other");
  auto put_back = [&] {
    unlink(world.binding.c_str());
    MakeLink(world.real_dir, world.binding);
    proven.Settle();
    CHECK(proven.Count() == kProven);
  };
  REQUIRE(unlink(world.binding.c_str()) == 0);
  CHECK_FALSE(proven.Run());
  put_back();
  REQUIRE(unlink(world.binding.c_str()) == 0);
  MakeLink(other, world.binding);
  CHECK_FALSE(proven.Run());
  put_back();
  MakeLink(other, world.InParent(".box-1.new"));
  proven.Settle();
  REQUIRE(rename(world.InParent(".box-1.new").c_str(), world.binding.c_str()) == 0);
  CHECK_FALSE(proven.Run());
  put_back();
  REQUIRE(unlink(world.binding.c_str()) == 0);
  MakeDirectory(world.binding);
  CHECK_FALSE(proven.Run());
  REQUIRE(rmdir(world.binding.c_str()) == 0);
}

TEST_CASE("a proven link is not taken for that of another parent") {
  Proven proven;
  const World& world = proven.world;
  std::string away = world.base + "/away";
  REQUIRE(rename(world.parent.c_str(), away.c_str()) == 0);
  CHECK_FALSE(proven.Run());
  world.MakeParent();
  CHECK_FALSE(proven.Run());
  MakeLink(world.real_dir, world.binding);
  CHECK(proven.Count() == kUnproven);
}

TEST_CASE("a link that says it otherwise is compared by inode for ever") {
  World roads;
  std::string road = roads.home / "road";
  Proven proven;
  const World& world = proven.world;
  MakeLink(world.home.path(), road);
  REQUIRE(unlink(world.binding.c_str()) == 0);
  MakeLink(road + "/real", world.binding);
  proven.Settle();
  CHECK(proven.Count() == kUnproven);
  // Nothing in the parent changes, and the binding leads elsewhere.
  REQUIRE(unlink(road.c_str()) == 0);
  MakeDirectory(road);
  MakeDirectory(road + "/real");
  CHECK_FALSE(proven.Run());
}

TEST_CASE("nothing is proven in the moment after a change, nor of a link that changes meanwhile") {
  Proven proven;
  const World& world = proven.world;
  std::string other = world.MakeDirectory("other");
  auto change = [&](const std::string& target) {
    REQUIRE(unlink(world.binding.c_str()) == 0);
    MakeLink(target, world.binding);
  };
  // As fast as can be: two changes may bear the same time.
  for (int i = 0; i < 20'000; i++) {
    change(world.real_dir);
    REQUIRE(proven.Run());
    change(other);
    REQUIRE_FALSE(proven.Run());
  }
  change(world.real_dir);
  proven.Run();
  SleepNs(150'000'000);
  // The run that would prove it finds the link right, and another one when it reads it.
  Intercept intercept("readlinkat", 1, [&] {
    change(other);
    return 0;
  });
  CHECK(proven.Run());
  CHECK(intercept.calls() == 1);
  CHECK_FALSE(proven.Run());
}

TEST_CASE("a proof is not looked for where the parent has not been seen for long") {
  World world;
  world.MakeParent();
  MakeLink(world.real_dir, world.binding);
  SleepNs(150'000'000);
  SteadyCheck check;
  Look look;
  // A pause between the look at the parent and the next call proves nothing.
  Intercept intercept("stat", 3, [] {
    SleepNs(150'000'000);
    return 0;
  });
  CHECK(check.Run(world.paths(), world.uid, &look));
  Intercept reads("readlinkat", [](int, const char*) { return 0; });
  CHECK(check.Run(world.paths(), world.uid, &look));
  CHECK(reads.calls() == 0);
}

// statfs_type and change_time, while it lives.
struct FileSystem {
  explicit FileSystem(unsigned type, int64_t time = 0) {
    statfs_type = type;
    change_time = time;
  }
  ~FileSystem() { statfs_type = change_time = 0; }
};

constexpr unsigned kTmpfs = 0x01021994, kNfs = 0x6969;
constexpr int64_t kWholeSecond = 1'000'000'000;

TEST_CASE("nothing is proven where it is not known that changes are stamped in nanoseconds") {
  {
    FileSystem nfs(kNfs);
    CHECK(Proven().Count() == kUnproven);
  }
  {
    FileSystem keeps_seconds(kTmpfs, kWholeSecond);
    CHECK(Proven().Count() == kUnproven);
  }
  {
    FileSystem keeps_nanoseconds(kTmpfs, kWholeSecond + 1);
    CHECK(Proven().Count() == kProven);
  }
  FileSystem tmpfs(kTmpfs);
  Intercept intercept("statfs", [](int, const char*) { return EIO; });
  Proven proven;
  CHECK(intercept.calls() == 1);
  CHECK(proven.Count() == kUnproven);
}

TEST_CASE("a proof is of one parent, and not of another that changed in the same moment") {
  FileSystem one_moment(kTmpfs, kWholeSecond + 1);
  Proven proven;
  const World& world = proven.world;
  REQUIRE(proven.Count() == kProven);
  REQUIRE(rename(world.parent.c_str(), (world.base + "/away").c_str()) == 0);
  world.MakeParent();
  MakeLink(world.MakeDirectory("other"), world.binding);
  CHECK_FALSE(proven.Run());
}

TEST_CASE("a file is no steady parent, though its mode and its owner are right") {
  World world;
  MakeFile(world.parent);
  REQUIRE(chmod(world.parent.c_str(), 0700) == 0);
  Look look;
  CHECK_FALSE(IsSteadyParent(world.paths(), world.uid, &look));
}

}  // namespace
}  // namespace boxsockets::test
