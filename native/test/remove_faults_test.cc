// What a removal does where a call fails, and where somebody comes between two of its calls.
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../posix/binding.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

using Names = std::vector<std::string>;

// A binding to its real directory, by its path or by another spelling of it, or to a home that has
// gone.
enum class Kind : uint8_t { kExact, kSpelt, kGone };

struct Bound : World {
  explicit Bound(Kind kind) {
    MakeParent();
    if (kind == Kind::kGone) REQUIRE(rmdir(real_dir.c_str()) == 0);
    target = kind == Kind::kExact ? real_dir : home / "base/../real";
    MakeLink(target, binding);
  }
  Status Remove() { return boxsockets::Remove(paths(), 0, &result); }
  void Replace(const std::string& by) const {
    REQUIRE(unlink(binding.c_str()) == 0);
    MakeLink(by, binding);
  }
  bool IsAsBefore() const { return TargetOf(binding) == target && !IsLink(InParent(".box-1.old")); }

  std::string target;
  std::string other = MakeDirectory("other");
  RemoveResult result = RemoveResult::kForeign;
};

constexpr Kind kKinds[] = {Kind::kExact, Kind::kSpelt, Kind::kGone};

TEST_CASE("whichever call of a removal fails, it is told, or the binding has gone all the same") {
  for (Kind kind : kKinds) {
    for (int failing = 1;; failing++) {
      Bound world(kind);
      Status status;
      int calls = 0, reads = 0;
      {
        // Of what is read of the kernel and its processes, the first few.
        Intercept intercept("*", [&](int, const char* name) {
          bool reads_on = strncmp(name, "re", 2) == 0 && strcmp(name, "readlinkat") != 0;
          if (reads_on && ++reads > 12) return 0;
          return ++calls == failing ? EIO : 0;
        });
        status = world.Remove();
      }
      CAPTURE(static_cast<int>(kind));
      CAPTURE(failing);
      CAPTURE(status);
      if (status.ok()) {
        CHECK(world.result == RemoveResult::kRemoved);
        CHECK(EntriesOf(world.parent) == Names{".lock"});
      } else {
        // Memory says so itself.
        CHECK((HasFailed(status, EIO) || HasFailed(status, ENOMEM)));
        CHECK(world.IsAsBefore());
      }
      REQUIRE(failing < 1000);
      if (calls < failing) break;
    }
  }
}

TEST_CASE("a lack of memory is no server that does not answer") {
  Bound world(Kind::kSpelt);
  Intercept intercept("*", [](int, const char* name) {
    // What the kernel does not know by heart is asked by a thread.
    if (strcmp(name, "openat2") == 0) return EAGAIN;
    return strcmp(name, "realloc") == 0 ? ENOMEM : 0;
  });
  CHECK(HasFailed(world.Remove(), ENOMEM));
  CHECK(world.IsAsBefore());
}

TEST_CASE("of a removal the real directory has to answer, and not where a foreign link leads") {
  Bound world(Kind::kSpelt);
  int ways = 0;
  Intercept intercept("openat2", [&](int, const char*) {
    ways++;
    return 0;
  });
  CHECK(world.Remove().ok());
  CHECK(ways == 2);  // to the real directory, and by the binding
}

TEST_CASE("a failure is told by the call that failed") {
  struct Failing {
    Kind kind;
    const char* call;
    Subject subject;
  };
  for (const Failing& failing : {Failing{Kind::kExact, "readlinkat", Subject::kBinding},
                                 Failing{Kind::kExact, "unlinkat", Subject::kBinding},
                                 Failing{Kind::kExact, "lstat", Subject::kParent},
                                 Failing{Kind::kSpelt, "open", Subject::kParent}}) {
    Bound world(failing.kind);
    Intercept intercept(failing.call, 1, [] { return EIO; });
    Status status = world.Remove();
    CAPTURE(failing.call);
    CHECK(HasFailed(status, EIO));
    CHECK(strcmp(status.syscall, failing.call) == 0);
    CHECK(status.subject == failing.subject);
    CHECK(world.IsAsBefore());
  }
}

TEST_CASE(
    "a binding that goes by itself while it is removed is absent, and no file is foreign to it") {
  // While it is read, while it is looked at, and before it is moved aside.
  for (const char* moment : {"readlinkat", "open", "syscall"}) {
    for (bool file : {false, true}) {
      Bound world(Kind::kSpelt);
      Intercept intercept(moment, 1, [&] {
        REQUIRE(unlink(world.binding.c_str()) == 0);
        if (file) MakeFile(world.binding, "kept");
        return 0;
      });
      CAPTURE(moment);
      CAPTURE(file);
      CHECK(world.Remove().ok());
      CHECK(intercept.calls() > 0);
      CHECK(world.result == (file ? RemoveResult::kForeign : RemoveResult::kAbsent));
      CHECK(Exists(world.binding) == file);
    }
  }
}

TEST_CASE("a binding that changes right before it is moved aside is looked at anew, to an end") {
  for (bool another : {false, true}) {
    Bound world(Kind::kExact);
    Intercept intercept("syscall", 1, [&] {
      REQUIRE(unlink(world.binding.c_str()) == 0);
      if (another) MakeLink(world.other, world.binding);
      return 0;
    });
    CAPTURE(another);
    CHECK(world.Remove().ok());
    CHECK(intercept.calls() > 0);
    CHECK(world.result == (another ? RemoveResult::kForeign : RemoveResult::kAbsent));
    CHECK(Exists(world.binding) == another);
  }
  Bound world(Kind::kExact);
  Intercept intercept("*", [&](int, const char* name) {
    if (strcmp(name, "lstat") == 0) world.Replace(world.target);
    // What was moved aside is put back in the same way.
    if (strcmp(name, "syscall") == 0 && Exists(world.binding)) world.Replace(world.other);
    return 0;
  });
  CHECK(IsRefused(world.Remove(), Refusal::kParentUnstable));
  CHECK(TargetOf(world.binding) == world.other);
}

TEST_CASE("a signal is no reason not to open the parent") {
  Bound world(Kind::kSpelt);
  Intercept intercept("open", [](int number, const char*) { return number % 2 == 1 ? EINTR : 0; });
  CHECK(world.Remove().ok());
  CHECK(world.result == RemoveResult::kRemoved);
}

TEST_CASE("one that is moved aside and unlinked by somebody else has been removed") {
  Bound world(Kind::kExact);
  Intercept intercept("unlinkat", 1, [&] {
    REQUIRE(unlink(world.InParent(".box-1.old").c_str()) == 0);
    return 0;
  });
  CHECK(world.Remove().ok());
  CHECK(world.result == RemoveResult::kRemoved);
  CHECK(EntriesOf(world.parent) == Names{".lock"});
}

TEST_CASE("what is removed is what was looked at, however often the link changes meanwhile") {
  // Ours when it is looked at, somebody else's before and after.
  Bound world(Kind::kSpelt);
  world.Replace(world.other);
  int moves = 0;
  Intercept intercept("*", [&](int, const char* name) {
    if (strcmp(name, "open") == 0 && moves == 0) world.Replace(world.target);
    if (strcmp(name, "syscall") == 0 && moves++ == 0) world.Replace(world.other);
    return 0;
  });
  CHECK(world.Remove().ok());
  CHECK(moves > 0);
  CHECK(world.result == RemoveResult::kForeign);
  CHECK(TargetOf(world.binding) == world.other);
}

TEST_CASE("a binding to a home that has gone stays while a socket that was bound there is held") {
  Bound world(Kind::kSpelt);
  Fd held = MakeSocket(world.target + "/s", SocketType::kStream);
  REQUIRE(rename(world.real_dir.c_str(), (world.home / "moved").c_str()) == 0);
  CHECK(world.Remove().ok());
  CHECK(world.result == RemoveResult::kForeign);
  CHECK(world.IsAsBefore());
  held = Fd();
  CHECK(world.Remove().ok());
  CHECK(world.result == RemoveResult::kRemoved);
}

TEST_CASE("nothing is removed below a base that others may write to, or that cannot be looked at") {
  Bound world(Kind::kExact);
  REQUIRE(chmod(world.base.c_str(), 0777) == 0);
  CHECK(IsRefused(world.Remove(), Refusal::kBaseUntrusted));
  CHECK(world.IsAsBefore());
  REQUIRE(chmod(world.base.c_str(), 0755) == 0);
  Intercept intercept("stat", 1, [] { return EIO; });
  CHECK(HasFailed(world.Remove(), EIO));
  CHECK(world.IsAsBefore());
}

}  // namespace
}  // namespace boxsockets::test
