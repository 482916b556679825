// What a sweep does where a call fails, where somebody comes between two of its calls, and where a
// home does not answer.
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "../posix/sweep.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

using Names = std::vector<std::string>;
using Skipped = std::vector<std::pair<std::string, int>>;

// A parent with one binding that leads nowhere.
struct Stale : World {
  Stale() {
    MakeParent();
    MakeLink(away, binding);
  }
  std::string away = home / "away";
};

struct Swept {
  explicit Swept(const World& world, bool dry_run = false, int64_t timeout_ms = 2000) {
    SweepResult result;
    SweepOptions options;
    options.dry_run = dry_run;
    options.timeout_ms = timeout_ms;
    status = SweepStale(world.parent_paths(), options, &result);
    kept = result.kept;
    for (size_t offset : result.removed) removed.emplace_back(result.names.at(offset));
    for (const auto& entry : result.skipped) {
      skipped.emplace_back(result.names.at(entry.name), entry.errnum);
    }
    std::sort(removed.begin(), removed.end());
  }
  bool ToldNothing() const {
    return status.ok() && removed.empty() && skipped.empty() && kept == 0;
  }

  Status status;
  Names removed;
  Skipped skipped;
  uint32_t kept;
};

TEST_CASE("a home that is back before its link is moved is seen, and the link not even moved") {
  Stale world;
  int moves = 0;
  Intercept intercept("*", [&](int, const char* name) {
    if (strcmp(name, "flock") == 0) test::MakeDirectory(world.away);
    if (strcmp(name, "syscall") == 0) moves++;
    return 0;
  });
  Swept swept(world);
  CHECK(swept.kept == 1);
  CHECK(moves == 0);
  CHECK(IsSameDirectory(world.binding, world.away));
}

TEST_CASE("what somebody else removes while it is swept is not told of") {
  // Before it is moved aside, and before it is unlinked there.
  for (const char* moment : {"syscall", "unlinkat"}) {
    Stale world;
    Intercept intercept(moment, 1, [&] {
      std::string name = strcmp(moment, "syscall") == 0 ? "box-1" : ".box-1.old";
      REQUIRE(unlink(world.InParent(name).c_str()) == 0);
      return 0;
    });
    CAPTURE(moment);
    CHECK(Swept(world).ToldNothing());
    CHECK(EntriesOf(world.parent) == Names{".lock"});
  }
  for (bool as_temporary : {false, true}) {
    Stale world;
    std::string name = world.InParent(as_temporary ? ".box-1.new" : ".box-1.old");
    REQUIRE(rename(world.binding.c_str(), name.c_str()) == 0);
    Intercept intercept("flock", 1, [&] {
      REQUIRE(unlink(name.c_str()) == 0);
      return 0;
    });
    CAPTURE(as_temporary);
    CHECK(Swept(world).ToldNothing());
  }
  Stale world;
  Intercept intercept("readlinkat", 1, [&] {
    REQUIRE(unlink(world.binding.c_str()) == 0);
    return 0;
  });
  CHECK(Swept(world).ToldNothing());
}

TEST_CASE("a link that cannot be read, or unlinked, is told with the reason, and in its place") {
  for (const char* call : {"readlinkat", "unlinkat"}) {
    Stale world;
    Intercept intercept(call, [](int, const char*) { return EIO; });
    CAPTURE(call);
    Swept swept(world);
    CHECK(swept.status.ok());
    CHECK(swept.removed.empty());
    CHECK(swept.skipped == Skipped{{"box-1", EIO}});
    CHECK(IsLink(world.binding));
  }
  Stale world;
  MakeLink("missing", world.InParent(".box-2.new"));
  Intercept intercept("unlinkat", [](int number, const char*) { return number == 2 ? EIO : 0; });
  Swept swept(world);
  CHECK(swept.removed == Names{"box-1"});
  CHECK(swept.skipped == Skipped{{".box-2.new", EIO}});
}

TEST_CASE("a file that took the place of a temporary link meanwhile stays, and is not told of") {
  Stale world;
  std::string name = world.InParent(".box-1.new");
  REQUIRE(rename(world.binding.c_str(), name.c_str()) == 0);
  Intercept intercept("flock", 1, [&] {
    REQUIRE(unlink(name.c_str()) == 0);
    MakeFile(name, "kept");
    return 0;
  });
  CHECK(Swept(world).ToldNothing());
  CHECK(StatOf(name).st_size == 4);
}

TEST_CASE("a socket that lives keeps its own link, and no other, by either of its paths") {
  for (bool through_link : {false, true}) {
    Stale world;
    test::MakeDirectory(world.away);
    Fd held = MakeSocket((through_link ? world.binding : world.away) + "/s", SocketType::kStream);
    REQUIRE(rename(world.away.c_str(), (world.home / "moved").c_str()) == 0);
    MakeLink("missing", world.InParent("box-2"));
    CAPTURE(through_link);
    for (bool dry_run : {true, false}) {
      Swept swept(world, dry_run);
      CHECK(swept.removed == Names{"box-2"});
      CHECK(swept.kept == 1);
      CHECK(swept.skipped.empty());
    }
    CHECK(TargetOf(world.binding) == world.away);
  }
}

TEST_CASE("the longest names go, and get their names back") {
  Stale world;
  std::string longest(255, 'n'), id(128, 'i');
  MakeLink("missing", world.InParent(longest));
  MakeLink(world.real_dir, world.InParent("." + id + ".old"));
  CHECK(Swept(world).removed == Names{"box-1", longest});
  CHECK(EntriesOf(world.parent) == Names{".lock", id});
}

TEST_CASE("a parent that cannot be read to its end is told, and nothing of it goes") {
  Stale world;
  for (int i = 0; i < 300; i++) MakeLink("missing", world.InParent("g" + std::to_string(i)));
  {
    Intercept intercept("readdir", 291, [] { return EIO; });
    CHECK(HasFailed(Swept(world).status, EIO));
  }
  CHECK(EntriesOf(world.parent).size() == 301);
}

TEST_CASE("where nothing leads nowhere, the kernel is not asked for its sockets") {
  World world;
  world.MakeParent();
  MakeLink(world.real_dir, world.binding);
  // A process reads the overflow uid at its first call.
  CHECK(Swept(world).kept == 1);
  Intercept intercept("read", [](int, const char*) { return 0; });
  CHECK(Swept(world).kept == 1);
  CHECK(intercept.calls() == 0);
}

TEST_CASE("a lack of descriptors is told, and nothing goes") {
  for (int failing : {1, 2}) {
    Stale world;
    Intercept intercept("fcntl", failing, [] { return EMFILE; });
    CAPTURE(failing);
    CHECK(HasFailed(Swept(world).status, EMFILE));
    CHECK(intercept.calls() == failing);
    CHECK(TargetOf(world.binding) == world.away);
  }
}

TEST_CASE("whichever growth of memory fails, a sweep says so, or tells all that went") {
  for (bool dry_run : {false, true}) {
    int failed = 0, growths = 1;
    // None fails at first, to know how many there are.
    for (int failing = 0; failing <= growths; failing++) {
      World world;
      world.MakeParent();
      for (int i = 0; i < 18; i++) {
        MakeLink("missing", world.InParent("gone-" + std::to_string(i)));
        MakeLink("missing", world.InParent(".left-" + std::to_string(i) + ".new"));
        MakeLink("missing", world.InParent(".aside-" + std::to_string(i) + ".old"));
      }
      size_t before = EntriesOf(world.parent).size();
      Intercept intercept("realloc", failing, [] { return ENOMEM; });
      Swept swept(world, dry_run);
      growths = std::max(growths, intercept.calls());
      CAPTURE(failing);
      CHECK((!swept.status.ok() || swept.removed.size() == before));
      if (!swept.status.ok()) failed++;
    }
    CHECK(growths > 8);
    CHECK(failed == growths);
  }
}

TEST_CASE("without memory to begin with a sweep says so, and nothing goes") {
  for (int failing : {1, 2}) {
    Stale world;
    Intercept intercept("malloc", failing, [] { return ENOMEM; });
    CAPTURE(failing);
    CHECK(HasFailed(Swept(world).status, ENOMEM));
    CHECK(intercept.calls() == failing);
    CHECK(IsLink(world.binding));
  }
}

TEST_CASE("whichever growth of memory fails, what could not be put back is told, or that is") {
  int growths = 1;
  for (int failing = 0; failing <= growths; failing++) {
    World world;
    world.MakeParent();
    for (int i = 0; i < 18; i++) {
      MakeLink(world.real_dir, world.InParent(".aside-" + std::to_string(i) + ".old"));
    }
    int calls = 0;
    Intercept intercept("*", [&](int, const char* name) {
      // By renameat2, and without it.
      if (strcmp(name, "syscall") == 0 || strcmp(name, "renameat") == 0) return EIO;
      return strcmp(name, "realloc") == 0 && ++calls == failing ? ENOMEM : 0;
    });
    Swept swept(world);
    growths = std::max(growths, calls);
    CAPTURE(failing);
    if (failing == 0) CHECK(swept.skipped.size() == 18);
    CHECK((failing == 0 ? swept.status.ok() : HasFailed(swept.status, ENOMEM)));
  }
  CHECK(growths > 4);
}

TEST_CASE("a link that a file replaces while it is read is not told of") {
  Stale world;
  Intercept intercept("readlinkat", 1, [&] {
    REQUIRE(unlink(world.binding.c_str()) == 0);
    MakeFile(world.binding);
    return 0;
  });
  CHECK(Swept(world).ToldNothing());
}

TEST_CASE("a socket speaks for its binding, whatever the kernel lists after it") {
  Stale world;
  OwnProc kernel;
  kernel.Listens({"1 /elsewhere/s", "2 " + world.away + "/s", "3 /elsewhere/t"});
  Swept swept(world);
  CHECK(swept.kept == 1);
  CHECK(swept.removed.empty());
}

// Until the threads that were given up have ended.
void AwaitThreads() {
  while (EntriesOf("/proc/self/task").size() > 1) sched_yield();
}

TEST_CASE("a link whose home does not answer stays, or is put back, and nothing changes it later") {
  AsUser user(AsUser::Ordinary());
  // Before it is moved aside; after that; and after that in a parent that lets nothing be put back.
  for (int when : {1, 2, 3}) {
    Stale world;
    Signal answer;
    bool locked = false;
    int looks = 0, later = 0;
    Intercept intercept("*", [&](int, const char* name) {
      if (strcmp(name, "flock") == 0) locked = true;
      bool changes = strcmp(name, "syscall") == 0 || strcmp(name, "unlinkat") == 0;
      if (changes && looks >= std::min(when, 2)) later++;
      if (!locked || strcmp(name, "fstatat") != 0 || ++looks != std::min(when, 2)) return 0;
      if (when == 3) chmod(world.parent.c_str(), 0500);
      answer.Await();
      return 0;
    });
    CAPTURE(when);
    Swept swept(world, false, 60);
    answer.Send();
    AwaitThreads();
    CHECK(swept.status.ok());
    CHECK(swept.removed.empty());
    CHECK(swept.kept == 0);
    CHECK(swept.skipped == Skipped{{"box-1", when == 3 ? EACCES : ETIMEDOUT}});
    CHECK(later == 0);
    REQUIRE(chmod(world.parent.c_str(), 0700) == 0);
    CHECK(TargetOf(world.InParent(when == 3 ? ".box-1.old" : "box-1")) == world.away);
  }
}

}  // namespace
}  // namespace boxsockets::test
