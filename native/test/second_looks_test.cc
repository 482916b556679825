// What is looked at once more, after a wait: each test acts in exactly that window, and shows that
// it got there.
#include <errno.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "../posix/dial.h"
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

// A dial where a socket has no descriptor to be dialed by: on a Linux without /proc, as on a Mac.
// `before` runs between the look at the name and the connect, `after` between that and the question
// who has answered, which is answered with `answer`. Of the looks at directories that follow, those
// of `fails` fail with its errno.
struct DialWithoutProc : BoundWorld {
  int connects = 0, looks = 0;
  std::function<int(int look)> fails = [](int) { return 0; };
  BoundPath bound;

  Status Dial(const std::function<void()>& before, const std::function<void()>& after, Fd* out,
              int answer = 0) {
    connects = looks = 0;
    Intercept intercept("*", [&](int, const char* name) {
      if (strcmp(name, "stat") == 0) return fails(++looks);
      bool asks = strcmp(name, "getpeername") == 0;
      if (asks) after();
      if (asks) return answer;
      if (strcmp(name, "connect") != 0) return 0;
      if (connects++ % 2 == 0) return ENOENT;  // by /proc/self/fd
      before();
      return 0;
    });
    return boxsockets::Dial((binding + "/box.sock").c_str(), path.c_str(), {}, out, &bound);
  }
  void Unlink() const { REQUIRE(unlink(path.c_str()) == 0); }
};

const auto kNothing = [] {};

TEST_CASE("who listens elsewhere is refused, if a link to him had the name for that very moment") {
  DialWithoutProc world;
  std::string elsewhere = world.MakeDirectory("elsewhere") + "/agent",
              aside = world.path + ".aside";
  Fd listener = MakeSocket(world.path, SocketType::kStream), client;
  Fd agent = MakeSocket(elsewhere, SocketType::kStream);
  auto exchange = [&] {
    REQUIRE(rename(world.path.c_str(), aside.c_str()) == 0);
    MakeLink(elsewhere, world.path);
  };
  auto back = [&] { REQUIRE(rename(aside.c_str(), world.path.c_str()) == 0); };
  CHECK(IsRefused(world.Dial(exchange, back, &client), Refusal::kMisplaced));
  CHECK(world.bound.text() == elsewhere);
  CHECK_FALSE(client.valid());
  CHECK(HasVisitor(agent));  // the moment was hit; nothing was sent
  CHECK(world.Dial(kNothing, kNothing, &client).ok());
  CHECK(HasVisitor(listener));
}

TEST_CASE(
    "who was bound through the binding is at home, and who was bound in what is gone is not") {
  DialWithoutProc world;
  Fd client;
  {
    Fd through = MakeSocket(world.binding + "/box.sock", SocketType::kStream);
    CHECK(world.Dial(kNothing, kNothing, &client).ok());
  }
  client.Reset();
  world.Unlink();
  std::string old = world.MakeDirectory("old"), path = old + "/box.sock";
  Fd moved = MakeSocket(path, SocketType::kStream);
  REQUIRE(rename(path.c_str(), world.path.c_str()) == 0);
  REQUIRE(rmdir(old.c_str()) == 0);
  CHECK(IsRefused(world.Dial(kNothing, kNothing, &client), Refusal::kMisplaced));
  CHECK(world.bound.text() == path);
  CHECK_FALSE(client.valid());
}

TEST_CASE(
    "a binding that is gone when it is asked who has answered is not there, and dialed anew") {
  DialWithoutProc world;
  Fd client, through = MakeSocket(world.binding + "/box.sock", SocketType::kStream);
  std::string aside = world.parent + ".aside";
  auto move = [](const std::string& from, const std::string& to) {
    return [=] { REQUIRE(rename(from.c_str(), to.c_str()) == 0); };
  };
  {
    INFO("the binding, or the whole parent; a real directory is not there either");
    CHECK(HasFailed(world.Dial(kNothing, move(world.parent, aside), &client), ENOENT));
    move(aside, world.parent)();
    CHECK(HasFailed(world.Dial(kNothing, move(world.binding, aside), &client), ENOENT));
    move(aside, world.binding)();
    CHECK(HasFailed(world.Dial(kNothing, move(world.real_dir, aside), &client), ENOENT));
    move(aside, world.real_dir)();
  }
  CHECK_FALSE(client.valid());
  {
    INFO("it is there again in a moment: then he is at home");
    CHECK(world.Dial(kNothing, kNothing, &client).ok());
    CHECK(HasVisitor(through));
  }
}

TEST_CASE("who was bound through a binding that is made anew between two looks is at home") {
  DialWithoutProc world;
  Fd client, through = MakeSocket(world.binding + "/box.sock", SocketType::kStream);
  // The real directory is looked at, his, and the binding where his was gone; three times in all.
  auto gone_until = [](int look, int errnum) {
    return [=](int number) { return number % 3 == 2 && number < look ? errnum : 0; };
  };
  world.fails = gone_until(5, ENOENT);
  CHECK(world.Dial(kNothing, kNothing, &client).ok());
  CHECK(world.looks == 5);
  world.fails = gone_until(8, ENOTDIR);
  CHECK(world.Dial(kNothing, kNothing, &client).ok());
  CHECK(world.looks == 8);
  client.Reset();
  world.fails = gone_until(100, ENOENT);
  CHECK(IsRefused(world.Dial(kNothing, kNothing, &client), Refusal::kMisplaced));
  CHECK(world.looks == 9);
  CHECK_FALSE(client.valid());
}

TEST_CASE("a look at who has answered that fails is told, and is no answer") {
  DialWithoutProc world;
  Fd client, through = MakeSocket(world.binding + "/box.sock", SocketType::kStream);
  auto dial = [&](int look, int errnum) {
    world.fails = [=](int number) { return number == look ? errnum : number == 2 ? ENOENT : 0; };
    return world.Dial(kNothing, kNothing, &client);
  };
  for (int look : {1, 2, 3}) {
    CHECK(HasFailed(dial(look, EIO), EIO));
    CHECK_FALSE(client.valid());
  }
  // What the host may not search is its own in two places, and where he was bound in the third.
  CHECK(HasFailed(dial(1, EACCES), EACCES));
  CHECK(IsRefused(dial(2, EACCES), Refusal::kMisplaced));
  CHECK(HasFailed(dial(3, EACCES), EACCES));
  CHECK_FALSE(client.valid());
}

TEST_CASE("who does not say where he was bound is dialed three times, and not talked to") {
  DialWithoutProc world;
  Fd listener = MakeSocket(world.path, SocketType::kStream), client;
  CHECK(HasFailed(world.Dial(kNothing, kNothing, &client, EINVAL), ECONNRESET));
  CHECK(world.connects == 6);
  CHECK_FALSE(client.valid());
}

}  // namespace
}  // namespace boxsockets::test
