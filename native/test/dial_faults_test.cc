// A dial in which a call fails, or somebody acts between two of them.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../posix/dial.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

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

TEST_CASE(
    "where there is no /proc, no link is dialed, and no other file than the one that was looked "
    "at") {
  DialWithoutProc world;
  std::string elsewhere = world.MakeDirectory("elsewhere"), path = elsewhere + "/box.sock";
  Fd agent = MakeSocket(path, SocketType::kStream), client;
  MakeLink(path, world.path);
  CHECK(IsRefused(world.Dial(kNothing, kNothing, &client), Refusal::kMisplaced));
  world.Unlink();
  Fd listener = MakeSocket(world.path, SocketType::kStream);
  REQUIRE(unlink(world.binding.c_str()) == 0);
  MakeLink(elsewhere, world.binding);
  CHECK(IsRefused(world.Dial(kNothing, kNothing, &client), Refusal::kMisplaced));
  CHECK(world.connects == 1);
  CHECK_FALSE(HasVisitor(agent));
  CHECK_FALSE(HasVisitor(listener));
}

TEST_CASE("where there is no /proc, a dead socket is refused at once, and nobody asks who it is") {
  DialWithoutProc world;
  MakeDeadSocket(world.path);
  bool asked = false;
  Fd client;
  CHECK(HasFailed(world.Dial(
                      kNothing, [&] { asked = true; }, &client),
                  ECONNREFUSED));
  CHECK(world.connects == 2);
  CHECK_FALSE(asked);
}

struct Dialed : BoundWorld {
  Status Dial(const PeerRule& rule = {}) {
    BoundPath bound;
    client.Reset();
    return boxsockets::Dial((binding + "/box.sock").c_str(), path.c_str(), rule, &client, &bound);
  }
  bool FailedAt(const char* call, int errnum, const PeerRule& rule = {}) {
    Status status = Dial(rule);
    return HasFailed(status, errnum) && strcmp(status.syscall, call) == 0 && !client.valid();
  }
  Fd listener = MakeSocket(path, SocketType::kStream), client;
};

TEST_CASE("a path that cannot be gone is one that cannot be connected to, and a lack is a lack") {
  Dialed world;
  for (int errnum : {ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG}) {
    CAPTURE(errnum);
    Intercept intercept("open", 1, [=] { return errnum; });
    CHECK(world.FailedAt("connect", errnum));
  }
  for (int errnum : {EIO, EMFILE}) {
    CAPTURE(errnum);
    Intercept intercept("open", 1, [=] { return errnum; });
    CHECK(world.FailedAt("open", errnum));
  }
  Intercept intercept("open", 1, [] { return EINTR; });
  CHECK(world.Dial().ok());
  CHECK(world.client.valid());
}

TEST_CASE("what a descriptor's file answers counts, and its path is not asked for another answer") {
  Dialed world;
  for (int errnum : {EACCES, ECONNREFUSED, EAGAIN}) {
    CAPTURE(errnum);
    Intercept intercept("connect", 1, [=] { return errnum; });
    CHECK(world.FailedAt("connect", errnum));
    CHECK(intercept.calls() == 1);
  }
}

TEST_CASE("who cannot be asked for its user is nobody's peer, and that is told") {
  Dialed world;
  Intercept intercept("getsockopt", [](int, const char*) { return EIO; });
  for (uid_t uid : {0U, 4711U}) CHECK(world.FailedAt("getsockopt", EIO, {true, uid}));
}

TEST_CASE("who was bound by a relative name is dialed by a descriptor, and not without") {
  DialWithoutProc world;
  Fd here(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), client;
  REQUIRE(chdir(world.real_dir.c_str()) == 0);
  Fd listener = MakeSocket("box.sock", SocketType::kStream);
  REQUIRE(fchdir(here.get()) == 0);
  BoundPath bound;
  std::string path = world.binding + "/box.sock";
  CHECK(boxsockets::Dial(path.c_str(), world.path.c_str(), {}, &client, &bound).ok());
  CHECK(client.valid());
  client.Reset();
  CHECK(IsRefused(world.Dial(kNothing, kNothing, &client), Refusal::kMisplaced));
  CHECK_FALSE(client.valid());
}

}  // namespace
}  // namespace boxsockets::test
