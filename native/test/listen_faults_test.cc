// What a listener does where a call fails, or where somebody comes between two of its calls.
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <memory>

#include "../posix/listen.h"
#include "../posix/user.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

struct Bound : BoundWorld {
  std::string other = MakeDirectory("other");

  Status Listen(Listener* out) const { return boxsockets::Listen(paths(), "box.sock", {}, out); }
  Status UnlinkOwn(const FileIdentity& identity) const {
    return boxsockets::UnlinkOwn(paths(), "box.sock", identity, 0);
  }
};

// Runs `hook` before the first call of `name` once the socket is bound, and fails it with what that
// returns.
Intercept::Hook OnceBound(const Bound& world, const char* name, const std::function<int()>& hook) {
  auto done = std::make_shared<bool>(false);
  return [=, &world](int, const char* called) {
    if (*done || strcmp(called, name) != 0 || !Exists(world.path)) return 0;
    *done = true;
    return hook();
  };
}

TEST_CASE("a socket that was bound and cannot be kept goes while it is still held, and unasked") {
  Bound world;
  Listener listener;
  int asked = 0, removed = 0, looked_after = 0;
  bool held = false;
  Intercept intercept("*", [&](int, const char* name) {
    if (strcmp(name, "openat") == 0 && Exists(world.path)) return EMFILE;
    if (strcmp(name, "openat") == 0 && removed > 0) looked_after++;
    if (strcmp(name, "connect") == 0) asked++;
    if (strcmp(name, "unlinkat") == 0 && Exists(world.path)) {
      removed++;
      held = SocketIsHeld(world.path.c_str());
    }
    return 0;
  });
  CHECK(HasFailed(world.Listen(&listener), EMFILE));
  CHECK(removed == 1);
  CHECK(held);
  CHECK(asked + looked_after == 0);
  CHECK_FALSE(Exists(world.path));
}

TEST_CASE("what took the place of the bound socket is no listener, whatever it is, and stays") {
  for (bool directory : {false, true}) {
    Bound world;
    Listener listener;
    {
      Intercept intercept("*", OnceBound(world, "openat", [&] {
                            REQUIRE(unlink(world.path.c_str()) == 0);
                            directory ? test::MakeDirectory(world.path)
                                      : MakeFile(world.path, "kept");
                            return 0;
                          }));
      CHECK(HasFailed(world.Listen(&listener), EADDRINUSE));
    }
    CAPTURE(directory);
    CHECK(S_ISDIR(StatOf(world.path).st_mode) == directory);
    CHECK((directory || (S_ISREG(StatOf(world.path).st_mode) && StatOf(world.path).st_size == 4)));
  }
}

TEST_CASE("another's socket that took the place of the bound one is not taken for our own") {
  Bound world;
  Listener listener;
  Fd successor;
  {
    // Between the descriptor of what was bound and the look through it.
    Intercept intercept(
        "*", OnceBound(world, "fstat", [&] {
          REQUIRE(rename(world.path.c_str(), (world.other + "/aside").c_str()) == 0);
          successor = MakeSocket(world.path, SocketType::kStream);
          return 0;
        }));
    CHECK(HasFailed(world.Listen(&listener), EADDRINUSE));
  }
  CHECK(successor.valid());
  CHECK(SocketIsHeld(world.path.c_str()));
}

TEST_CASE("what is bound where it should be goes although the binding leads elsewhere by then") {
  Bound world;
  Listener listener;
  Status status;
  bool moved = false;
  {
    Intercept intercept("*", OnceBound(world, "openat", [&] {
                          REQUIRE(unlink(world.binding.c_str()) == 0);
                          MakeLink(world.other, world.binding);
                          moved = true;
                          return 0;
                        }));
    CHECK_FALSE(ListenAtFreeName(world.paths(), "box.sock", {}, &listener, &status));
  }
  CHECK(moved);
  CHECK_FALSE(Exists(world.path));
  CHECK(EntriesOf(world.other).empty());
}

TEST_CASE("each call by which the way is cleared says why it failed") {
  struct Call {
    const char* name;
    int times;
  };
  for (const Call& call : {Call{"fstatat", 1}, Call{"lstat", 2}, Call{"unlinkat", 1}}) {
    int told = 0, calls = 1;
    for (int failing = 1; failing <= calls; failing++) {
      Bound world;
      MakeDeadSocket(world.path);
      Intercept intercept(call.name, failing, [] { return EIO; });
      Status status = Claim(world.paths(), "box.sock", {});
      calls = intercept.calls() + 1;
      bool here = status.subject == Subject::kSocket && HasFailed(status, EIO);
      if (here && strcmp(status.syscall, call.name) == 0) told++;
      if (failing > intercept.calls()) break;
    }
    CAPTURE(call.name);
    CHECK(told == call.times);
  }
}

TEST_CASE("a signal between the bind and the look at it changes nothing") {
  Bound world;
  Listener listener;
  int interrupted = 0;
  Intercept intercept("*", OnceBound(world, "openat", [&] {
                        interrupted++;
                        return EINTR;
                      }));
  CHECK(world.Listen(&listener).ok());
  CHECK(interrupted == 1);
}

TEST_CASE("a binding that goes away around the bind is made again") {
  for (const char* moment : {"bind", "openat"}) {
    Bound world;
    Listener listener;
    int times = 0;
    {
      Intercept intercept("*", [&](int, const char* name) {
        bool bound = strcmp(moment, "bind") == 0 || Exists(world.path);
        if (strcmp(name, moment) == 0 && bound && times++ == 0) unlink(world.binding.c_str());
        return 0;
      });
      CHECK(world.Listen(&listener).ok());
    }
    CAPTURE(moment);
    CHECK(times > 0);
    CHECK(IsSameDirectory(world.binding, world.real_dir));
    CHECK(SocketIsHeld(world.path.c_str()));
  }
}

TEST_CASE("a dead socket that is away while it is asked is in use: what came back was not judged") {
  Bound world;
  std::string aside = world.other + "/aside";
  MakeDeadSocket(world.path);
  Listener listener;
  int moved = 0;
  {
    Intercept intercept("*", [&](int, const char* name) {
      // The question's own, made after the path was found to lead there.
      if (strcmp(name, "socket") == 0 && moved == 0) {
        moved = rename(world.path.c_str(), aside.c_str()) == 0 ? 1 : -1;
      } else if (strcmp(name, "lstat") == 0 && moved == 1) {
        moved = rename(aside.c_str(), world.path.c_str()) == 0 ? 2 : -1;
      }
      return 0;
    });
    CHECK(HasFailed(world.Listen(&listener), EADDRINUSE));
  }
  CHECK(moved == 2);
  CHECK(Exists(world.path));
}

TEST_CASE("what is no socket is not asked") {
  for (bool claims : {false, true}) {
    Bound world;
    MakeFile(world.path);
    Listener listener;
    Intercept intercept("connect", [](int, const char*) { return 0; });
    Status status = claims ? Claim(world.paths(), "box.sock", {}) : world.Listen(&listener);
    CHECK(HasFailed(status, EADDRINUSE));
    CHECK(intercept.calls() == 0);
  }
}

// Fails the opening of the real directory, by which its entries are addressed.
Intercept::Hook NoRealDirectory(int errnum) {
  return [errnum](int, const char*) { return errnum; };
}

TEST_CASE("a real directory that cannot be opened is told by that call") {
  Bound world;
  Listener listener;
  REQUIRE(world.Listen(&listener).ok());
  FileIdentity identity = listener.identity;
  Status status;
  auto expect = [](const Status& told) {
    CHECK(HasFailed(told, EMFILE));
    CHECK(told.subject == Subject::kRealDir);
  };
  auto fail_last = [&](const std::function<Status()>& operation) {
    int calls = 0;
    {
      Intercept count("open", [&](int number, const char*) {
        calls = number;
        return 0;
      });
      operation();
    }
    Intercept intercept("open", calls, [] { return EMFILE; });
    return operation();
  };
  expect(fail_last([&] {
    Listener again;
    return world.Listen(&again);
  }));
  expect(fail_last([&] { return Claim(world.paths(), "free", {}); }));
  {
    Intercept intercept("open", NoRealDirectory(EMFILE));
    expect(world.UnlinkOwn(identity));
    Listener free;
    CHECK_FALSE(ListenAtFreeName(world.paths(), "free", {}, &free, &status));
  }
  CHECK(SocketIsHeld(world.path.c_str()));
}

TEST_CASE(
    "a free name is bound however its binding is spelled, at less cost where it is the same") {
  int looks[2] = {};
  for (bool same : {true, false}) {
    Bound world;
    if (!same) {
      REQUIRE(unlink(world.binding.c_str()) == 0);
      MakeLink(world.real_dir + "/.", world.binding);
    }
    Listener listener;
    Status status;
    Intercept intercept("stat", [](int, const char*) { return 0; });
    CAPTURE(same);
    CHECK(ListenAtFreeName(world.paths(), "box.sock", {}, &listener, &status));
    CHECK(status.ok());
    looks[same ? 0 : 1] = intercept.calls();
    // And can be unlinked in the directory that it was bound in.
    CHECK(UnlinkHeld(listener.real_dir.get(), "box.sock", listener.identity).ok());
    CHECK_FALSE(Exists(world.path));
  }
  CHECK(looks[0] < looks[1]);
}

TEST_CASE("a free name is not even bound where the binding is not right, or leads elsewhere") {
  Bound world;
  Listener listener;
  Status status;
  auto binds = [&] {
    Intercept intercept("bind", [](int, const char*) { return 0; });
    CHECK_FALSE(ListenAtFreeName(world.paths(), "box.sock", {}, &listener, &status));
    return intercept.calls();
  };
  REQUIRE(chmod(world.parent.c_str(), 0777) == 0);
  CHECK(binds() == 0);
  REQUIRE(chmod(world.parent.c_str(), 0700) == 0);
  REQUIRE(unlink(world.binding.c_str()) == 0);
  MakeLink(world.other, world.binding);
  CHECK(binds() == 0);
}

TEST_CASE("a free name whose bind lands elsewhere is left to the lock") {
  Bound world;
  Listener listener;
  Status status;
  int binds = 0;
  {
    Intercept intercept("bind", 1, [&] {
      REQUIRE(unlink(world.binding.c_str()) == 0);
      MakeLink(world.other, world.binding);
      return 0;
    });
    CHECK_FALSE(ListenAtFreeName(world.paths(), "box.sock", {}, &listener, &status));
    binds = intercept.calls();
  }
  CHECK(binds == 1);
  CHECK(EntriesOf(world.other).empty());
}

TEST_CASE("a free name is not bound by whoever has two uids") {
  SKIP_UNLESS(IsRoot(), "two uids take root");
  uid_t root = geteuid();
  AsUser user(AsUser::Ordinary());
  Bound world;
  Listener listener;
  Status status;
  REQUIRE(ListenAtFreeName(world.paths(), "first", {}, &listener, &status));
  REQUIRE(status.ok());
  REQUIRE(setresuid(root, static_cast<uid_t>(-1), static_cast<uid_t>(-1)) == 0);
  bool bound = ListenAtFreeName(world.paths(), "box.sock", {}, &listener, &status);
  REQUIRE(setresuid(AsUser::Ordinary(), static_cast<uid_t>(-1), static_cast<uid_t>(-1)) == 0);
  CHECK_FALSE(bound);
  CHECK_FALSE(Exists(world.path));
}

TEST_CASE("what is unlinked is the socket itself, by each part of its identity") {
  Bound world;
  Listener listener;
  REQUIRE(world.Listen(&listener).ok());
  FileIdentity own = listener.identity;
  for (uint64_t FileIdentity::*part :
       {&FileIdentity::device, &FileIdentity::inode, &FileIdentity::birth_ns}) {
    FileIdentity another = own;
    another.*part += 1;
    CHECK(world.UnlinkOwn(another).ok());
    CHECK(SocketIsHeld(world.path.c_str()));
  }
  {
    INFO("a link that leads to it is another's");
    std::string aside = world.other + "/aside";
    REQUIRE(rename(world.path.c_str(), aside.c_str()) == 0);
    MakeLink(aside, world.path);
    CHECK(world.UnlinkOwn(own).ok());
    CHECK(IsLink(world.path));
    REQUIRE(rename(aside.c_str(), world.path.c_str()) == 0);
  }
  {
    INFO("a file that came to its number is no socket");
    REQUIRE(unlink(world.path.c_str()) == 0);
    MakeFile(world.path);
    struct stat st = StatOf(world.path);
    CHECK(world.UnlinkOwn({st.st_dev, st.st_ino, 0}).ok());
    CHECK(Exists(world.path));
  }
}

TEST_CASE("a closing server whose socket went while it waited unlinks nothing") {
  Bound world;
  Listener own;
  REQUIRE(world.Listen(&own).ok());
  int waits = 0, unlinks = 0;
  {
    Intercept intercept("*", [&](int, const char* name) {
      if (strcmp(name, "flock") == 0 && waits++ == 0) unlink(world.path.c_str());
      if (strcmp(name, "unlinkat") == 0) unlinks++;
      return 0;
    });
    CHECK(world.UnlinkOwn(own.identity).ok());
  }
  CHECK(waits > 0);
  CHECK(unlinks == 0);
}

}  // namespace
}  // namespace boxsockets::test
