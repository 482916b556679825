// What is looked at once more, after a wait: each test acts in exactly that window, and shows that
// it got there.
#include <errno.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "../posix/hold.h"
#include "../posix/listen.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

struct Bound : BoundWorld {
  std::string other = MakeDirectory("other");
  std::string aside = other + "/aside";

  Status Listen(Listener* out) const { return boxsockets::Listen(paths(), "box.sock", {}, out); }
  // What bears the name is another's now; the old file is kept, for its inode not to be given
  // again.
  Fd Succeed() const {
    REQUIRE(rename(path.c_str(), aside.c_str()) == 0);
    return MakeSocket(path, SocketType::kStream);
  }
};

TEST_CASE("a closing server spares the socket that its successor bound while it waited") {
  Bound world;
  Listener own;
  REQUIRE(world.Listen(&own).ok());
  Fd successor;
  int waits = 0;
  {
    Intercept intercept("flock", 1, [&] {
      successor = world.Succeed();
      return 0;
    });
    CHECK(UnlinkOwn(world.paths(), "box.sock", own.identity, 0).ok());
    waits = intercept.calls();
  }
  CHECK(waits > 0);
  CHECK(SocketIsHeld(world.path.c_str()));
}

TEST_CASE("a closing server leaves what took the place of its socket while it waited") {
  for (bool gone : {false, true}) {
    Bound world;
    Listener own;
    REQUIRE(world.Listen(&own).ok());
    int waits = 0;
    {
      Intercept intercept("flock", 1, [&] {
        REQUIRE(unlink(world.path.c_str()) == 0);
        if (!gone) MakeFile(world.path, "kept");
        return 0;
      });
      CHECK(UnlinkOwn(world.paths(), "box.sock", own.identity, 0).ok());
      waits = intercept.calls();
    }
    CAPTURE(gone);
    CHECK(waits > 0);
    CHECK(Exists(world.path) == !gone);
  }
}

TEST_CASE("a closing server whose socket has gone already waits for nobody") {
  Bound world;
  Listener own;
  REQUIRE(world.Listen(&own).ok());
  REQUIRE(unlink(world.path.c_str()) == 0);
  Intercept intercept("flock", [](int, const char*) { return 0; });
  CHECK(UnlinkOwn(world.paths(), "box.sock", own.identity, 0).ok());
  MakeDeadSocket(world.path);
  CHECK(UnlinkOwn(world.paths(), "box.sock", own.identity, 0).ok());
  CHECK(intercept.calls() == 0);
}

TEST_CASE("a closing server says why its socket cannot be looked at, or unlinked") {
  for (int number : {1, 2}) {
    Bound world;
    Listener own;
    REQUIRE(world.Listen(&own).ok());
    Intercept intercept("fstatat", number, [] { return EIO; });
    CAPTURE(number);
    CHECK(HasFailed(UnlinkOwn(world.paths(), "box.sock", own.identity, 0), EIO));
    CHECK(Exists(world.path));
  }
  for (int errnum : {EIO, ENOENT}) {
    Bound world;
    Listener own;
    REQUIRE(world.Listen(&own).ok());
    Intercept intercept("unlinkat", 1, [&] { return errnum; });
    CAPTURE(errnum);
    Status status = UnlinkOwn(world.paths(), "box.sock", own.identity, 0);
    CHECK(intercept.calls() == 1);
    // Who removed it first has done what was asked for.
    CHECK((errnum == ENOENT ? status.ok() : HasFailed(status, EIO)));
  }
}

TEST_CASE("a bind that lands elsewhere spares the live socket that lies in the real directory") {
  Bound world;
  Fd neighbour;
  Listener listener;
  int binds = 0;
  {
    Intercept intercept("bind", 1, [&] {
      neighbour = MakeSocket(world.path, SocketType::kStream);
      REQUIRE(unlink(world.binding.c_str()) == 0);
      MakeLink(world.other, world.binding);
      return 0;
    });
    CHECK_FALSE(world.Listen(&listener).ok());
    binds = intercept.calls();
  }
  CHECK(binds == 1);
  CHECK(SocketIsHeld(world.path.c_str()));
  CHECK_FALSE(HasVisitor(neighbour));
  // Nor does its own stay where it landed.
  CHECK(EntriesOf(world.other).empty());
}

TEST_CASE("a live socket that replaces a dead one while that is asked is spared, and in use") {
  for (bool claims : {false, true}) {
    Bound world;
    MakeDeadSocket(world.path);
    Fd successor;
    Listener listener;
    int asked = 0;
    {
      Intercept intercept("connect", 1, [&] {
        successor = world.Succeed();
        return 0;
      });
      Status status = claims ? Claim(world.paths(), "box.sock", {}) : world.Listen(&listener);
      CAPTURE(claims);
      CHECK(HasFailed(status, EADDRINUSE));
      asked = intercept.calls();
    }
    CHECK(asked == 2);
    CHECK(SocketIsHeld(world.path.c_str()));
  }
}

TEST_CASE("a dead socket that somebody else removes first leaves the name free") {
  Bound world;
  MakeDeadSocket(world.path);
  Listener listener;
  {
    Intercept intercept("unlinkat", 1, [&] {
      REQUIRE(unlink(world.path.c_str()) == 0);
      return 0;
    });
    CHECK(world.Listen(&listener).ok());
    CHECK(intercept.calls() > 0);
  }
  CHECK(SocketIsHeld(world.path.c_str()));
}

TEST_CASE("a hold on a parent that was replaced while it waited holds the one that is there") {
  for (bool with_link : {false, true}) {
    Bound world;
    HeldDirectories held;
    int waits = 0;
    {
      Intercept intercept("flock", 1, [&] {
        REQUIRE(rename(world.parent.c_str(), world.aside.c_str()) == 0);
        world.MakeParent();
        if (with_link) MakeLink(world.real_dir, world.binding);
        return 0;
      });
      CHECK(HoldBinding(world.paths(), {false, 1000}, &held).ok());
      waits = intercept.calls();
    }
    CAPTURE(with_link);
    CHECK(waits > 1);
    struct stat st;
    REQUIRE(fstat(held.parent.get(), &st) == 0);
    CHECK(st.st_ino == StatOf(world.parent).st_ino);
    CHECK(IsSameDirectory(world.binding, world.real_dir));
  }
}

TEST_CASE("a hold restores the link that went while it waited") {
  Bound world;
  HeldDirectories held;
  int waits = 0;
  {
    Intercept intercept("flock", 1, [&] {
      REQUIRE(unlink(world.binding.c_str()) == 0);
      return 0;
    });
    CHECK(HoldBinding(world.paths(), {false, 1000}, &held).ok());
    waits = intercept.calls();
  }
  CHECK(waits > 1);
  CHECK(IsSameDirectory(world.binding, world.real_dir));
}

TEST_CASE(
    "a hold on a real directory that was replaced while it waited holds the one that is there") {
  Bound world;
  HeldDirectories held;
  int waits = 0;
  {
    Intercept intercept("flock", 2, [&] {
      REQUIRE(rename(world.real_dir.c_str(), world.aside.c_str()) == 0);
      test::MakeDirectory(world.real_dir);
      return 0;
    });
    CHECK(HoldBinding(world.paths(), {false, 1000}, &held).ok());
    waits = intercept.calls();
  }
  CHECK(waits > 2);
  struct stat st;
  REQUIRE(fstat(held.real_dir.get(), &st) == 0);
  CHECK(st.st_ino == StatOf(world.real_dir).st_ino);
}

TEST_CASE(
    "a free name is taken without the lock where all is right, and left to the lock where not") {
  Bound world;
  Listener listener;
  Status status;
  auto listen_at_free_name = [&](const ListenOptions& options = {}) {
    listener = Listener();
    return ListenAtFreeName(world.paths(), "box.sock", options, &listener, &status);
  };
  CHECK(listen_at_free_name());
  CHECK(status.ok());
  CHECK(UnlinkOwn(world.paths(), "box.sock", listener.identity, 0).ok());
  {
    INFO("a name that is borne: what may be dead is asked under the lock");
    MakeDeadSocket(world.path);
    CHECK_FALSE(listen_at_free_name());
    REQUIRE(unlink(world.path.c_str()) == 0);
  }
  {
    INFO("a component above the base that others can rename");
    ListenOptions options;
    options.ensure.check_ancestry = true;
    REQUIRE(chmod(world.home.path().c_str(), 0777) == 0);
    CHECK_FALSE(listen_at_free_name(options));
    CHECK(listen_at_free_name());
    CHECK(UnlinkOwn(world.paths(), "box.sock", listener.identity, 0).ok());
    REQUIRE(chmod(world.home.path().c_str(), 0700) == 0);
    CHECK(listen_at_free_name(options));
    CHECK(UnlinkOwn(world.paths(), "box.sock", listener.identity, 0).ok());
  }
  {
    INFO("a binding that leads elsewhere");
    REQUIRE(unlink(world.binding.c_str()) == 0);
    MakeLink(world.other, world.binding);
    CHECK_FALSE(listen_at_free_name());
    CHECK(EntriesOf(world.other).empty());
  }
}

}  // namespace
}  // namespace boxsockets::test
