// What an ensure does where somebody who does not take our lock comes between two of its calls.
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../posix/binding.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

using Names = std::vector<std::string>;

struct Bound : World {
  explicit Bound(const std::string& target = "dangling", const std::string& id = "box-1")
      : World(id) {
    MakeParent();
    MakeLink(target, binding);
  }
  Status Ensure(const EnsureOptions& options = {}) {
    return boxsockets::Ensure(paths(), options, &result);
  }
  bool Is(EnsureResult expected) { return Ensure().ok() && result == expected; }
  void Replace(const std::string& by) const {
    unlink(binding.c_str());
    MakeLink(by, binding);
  }

  std::string other = MakeDirectory("other");
  EnsureResult result = EnsureResult::kUnchanged;
};

TEST_CASE("what becomes of a binding while the lock is waited for decides what is done") {
  {
    Bound world;
    Intercept intercept("flock", 1, [&] { return unlink(world.binding.c_str()); });
    CHECK(world.Is(EnsureResult::kCreated));
  }
  {
    Bound world;
    std::string spelt = world.home / "base/../real";
    Intercept intercept("flock", 1, [&] {
      world.Replace(spelt);
      return 0;
    });
    CHECK(world.Is(EnsureResult::kUnchanged));
    CHECK(TargetOf(world.binding) == spelt);
  }
  {
    Bound world;
    Intercept intercept("flock", 1, [&] {
      REQUIRE(unlink(world.binding.c_str()) == 0);
      MakeFile(world.binding, "kept");
      return 0;
    });
    CHECK(IsRefused(world.Ensure(), Refusal::kNotASymlink));
    CHECK(StatOf(world.binding).st_size == 4);
  }
}

TEST_CASE("a binding that goes while it is looked at is made anew") {
  Bound world;
  bool locked = false;
  Intercept intercept("*", [&](int, const char* name) {
    locked = locked || strcmp(name, "flock") == 0;
    if (locked && strcmp(name, "readlinkat") == 0) unlink(world.binding.c_str());
    return 0;
  });
  CHECK(world.Is(EnsureResult::kCreated));
  CHECK(IsSameDirectory(world.binding, world.real_dir));
}

TEST_CASE("a link that cannot be made, though its parent is there, is not tried again and again") {
  Bound world;
  REQUIRE(unlink(world.binding.c_str()) == 0);
  Intercept intercept("symlinkat", [](int, const char*) { return ENOENT; });
  Status status = world.Ensure();
  CHECK(HasFailed(status, ENOENT));
  CHECK(strcmp(status.syscall, "symlinkat") == 0);
  CHECK(status.subject == Subject::kRealDir);
  CHECK(status.dest == Subject::kBinding);
  CHECK(intercept.calls() == 1);
}

TEST_CASE("a real directory that goes when the new link is made is refused by what was found") {
  // After the two tries to make the binding at once, the link that is to replace it.
  for (bool as_file : {false, true}) {
    Bound world;
    Intercept intercept("symlinkat", 3, [&] {
      // Not removed: its inode would be given to the file.
      REQUIRE(rename(world.real_dir.c_str(), (world.home / "away").c_str()) == 0);
      if (as_file) MakeFile(world.real_dir);
      return 0;
    });
    Status status = world.Ensure();
    CAPTURE(as_file);
    CHECK(IsRefused(status, Refusal::kRealDir));
    REQUIRE(status.syscall != nullptr);
    CHECK(strcmp(status.syscall, "stat") == 0);
    CHECK(status.errnum == (as_file ? ENOTDIR : ENOENT));
    if (!as_file) CHECK(TargetOf(world.binding) == "dangling");
    CHECK_FALSE(IsLink(world.InParent(".box-1.new")));
  }
}

TEST_CASE("why it cannot be told where a binding leads is told by the call that failed") {
  struct Failing {
    const char *call, *told;
    int number;
  };
  for (const Failing& failing :
       {Failing{"fstatat", "fstatat", 1}, Failing{"fdopendir", "fdopendir", 1},
        Failing{"openat", "openat", 1}}) {
    Bound world;
    std::string other = world.MakeDirectory("elsewhere");
    unlink(world.binding.c_str());
    MakeLink(other, world.binding);
    bool locked = false;
    int calls = 0;
    Intercept intercept("*", [&](int, const char* name) {
      locked = locked || strcmp(name, "flock") == 0;
      return locked && strcmp(name, failing.call) == 0 && ++calls == failing.number ? EIO : 0;
    });
    Status status = world.Ensure();
    CAPTURE(failing.call);
    CAPTURE(calls);
    CHECK(HasFailed(status, EIO));
    REQUIRE(status.syscall != nullptr);
    CHECK(std::string(status.syscall) == failing.told);
    CHECK(status.subject == Subject::kBinding);
    CHECK(TargetOf(world.binding) == other);
  }
}

TEST_CASE("what lies in the place of the new link is replaced where it is a link, and told else") {
  {
    Bound world;
    MakeFile(world.InParent(".box-1.new"), "kept");
    Status status = world.Ensure();
    CHECK(IsRefused(status, Refusal::kNotASymlink));
    CHECK(status.subject == Subject::kTemporary);
    CHECK(StatOf(world.InParent(".box-1.new")).st_size == 4);
  }
  struct Failing {
    const char* call;
    int number;
  };
  // The fresh link, and the look at what lies there, its removal, and the second try.
  for (const Failing& failing : {Failing{"symlinkat", 3}, Failing{"unlinkat", 1},
                                 Failing{"symlinkat", 4}, Failing{"renameat", 1}}) {
    Bound world;
    MakeLink("left", world.InParent(".box-1.new"));
    Intercept intercept(failing.call, failing.number, [] { return EIO; });
    Status status = world.Ensure();
    CAPTURE(failing.call);
    CAPTURE(failing.number);
    CHECK(HasFailed(status, EIO));
    CHECK(strcmp(status.syscall, failing.call) == 0);
    CHECK(TargetOf(world.binding) == "dangling");
  }
}

TEST_CASE("a fresh link that turns out to lead elsewhere is taken back, and nobody else's") {
  for (bool another : {false, true}) {
    Bound world;
    REQUIRE(unlink(world.binding.c_str()) == 0);
    int looks = 0;
    // The look after the link was made fails for good.
    bool made = false;
    Intercept intercept("*", [&](int, const char* name) {
      if (made && strcmp(name, "stat") == 0) {
        if (looks++ == 0 && another) world.Replace(world.other);
        return EIO;
      }
      made = made || strcmp(name, "symlinkat") == 0;
      return 0;
    });
    CAPTURE(another);
    CHECK(HasFailed(world.Ensure(), EIO));
    CHECK(looks == 1);
    CHECK(IsLink(world.binding) == another);
  }
}

TEST_CASE("what cannot be told of a socket is no reason where the kernel's list fails, too") {
  Bound world;
  world.Replace(world.other);
  MakeDeadSocket(world.other + "/s");
  {
    Intercept intercept("*", [&](int, const char* name) {
      return strcmp(name, "connect") == 0 || strcmp(name, "read") == 0 ? EIO : 0;
    });
    CHECK(HasFailed(world.Ensure(), EIO));
  }
  CHECK(TargetOf(world.binding) == world.other);
}

// As a file system that ignores case shows it, whose directory lists one name alone.
TEST_CASE("every letter of a name, and nothing else of it, is compared without its case") {
  for (const std::string& id : {std::string("bOx_9-z0@A"), std::string(127, '1') + "z"}) {
    Bound world("dangling", id);
    std::string flipped = id;
    for (char& c : flipped) {
      if (isalpha(c) != 0) c = static_cast<char>(c ^ ' ');
    }
    REQUIRE(link(world.binding.c_str(), world.InParent(flipped).c_str()) == 0);
    Intercept intercept("openat", 2, [&] {
      REQUIRE(unlink(world.binding.c_str()) == 0);
      return 0;
    });
    CAPTURE(id);
    CHECK(IsRefused(world.Ensure(), Refusal::kIdTaken));
    CHECK(intercept.calls() == 2);
  }
}

TEST_CASE("a binding that goes while its name is compared with another one's is made anew") {
  Bound world;
  std::string other = world.InParent("BOX-1");
  MakeLink("dangling", other);
  // Two looks at where it leads, one at the other name, and then this.
  Intercept intercept("fstatat", 4, [&] { return unlink(world.binding.c_str()); });
  CHECK(world.Ensure().ok());
  CHECK(intercept.calls() >= 4);
  CHECK(IsSameDirectory(world.binding, world.real_dir));
  CHECK(TargetOf(other) == "dangling");
}

TEST_CASE("where it cannot be read how a name is spelled, that is told") {
  for (const char* call : {"fdopendir", "readdir"}) {
    Bound world;
    REQUIRE(link(world.binding.c_str(), world.InParent("BOX-1").c_str()) == 0);
    Intercept intercept(call, 1, [] { return EIO; });
    CAPTURE(call);
    CHECK(HasFailed(world.Ensure(), EIO));
    CHECK(TargetOf(world.binding) == "dangling");
  }
}

TEST_CASE("two uids are refused, whether what leads to the base is checked or not") {
  SKIP_UNLESS(IsRoot(), kNeedsTwoUids);
  for (bool ancestry : {false, true}) {
    Bound world;
    EnsureOptions options;
    options.check_ancestry = ancestry;
    Status status;
    WithTwoUids([&] { status = world.Ensure(options); });
    CHECK(IsRefused(status, Refusal::kUidMismatch));
    CHECK(TargetOf(world.binding) == "dangling");
  }
}

#if defined(__linux__)

TEST_CASE("a real directory that is mounted in its binding's place is right, another one is not") {
  Bound world;
  REQUIRE(unlink(world.binding.c_str()) == 0);
  MakeDirectory(world.binding);
  for (const std::string* mounted : {&world.real_dir, &world.other}) {
    Child child([&] {
      if (!MountOver(*mounted, world.binding)) return 77;
      if (mounted == &world.real_dir) return world.Is(EnsureResult::kUnchanged) ? 0 : 1;
      return IsRefused(world.Ensure(), Refusal::kNotASymlink) ? 0 : 1;
    });
    int exited = child.Wait();
    SKIP_UNLESS(exited != 77, "no mounts here");
    CHECK(exited == 0);
  }
}

#endif

}  // namespace
}  // namespace boxsockets::test
