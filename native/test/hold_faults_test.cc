// What a hold and a refresh do where a call fails, or where somebody comes between two of them.
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../posix/hold.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

struct Bound : BoundWorld {
  Status Hold() { return HoldBinding(paths(), {false, 0}, &held); }

  HeldDirectories held;
};

// Runs `hook` before the real directory is opened: the first open after the parent was locked.
Intercept::Hook WhenParentIsLocked(int* times, const std::function<int()>& hook) {
  auto locked = [times, hook, seen = false](int, const char* name) mutable {
    seen = seen || strcmp(name, "flock") == 0;
    bool now = seen && strcmp(name, "open") == 0 && (*times)++ == 0;
    return now ? hook() : 0;
  };
  return locked;
}

TEST_CASE("a hold whose opening of the real directory a signal interrupts opens it again") {
  Bound world;
  int times = 0;
  Intercept intercept("*", WhenParentIsLocked(&times, [] { return EINTR; }));
  CHECK(world.Hold().ok());
  CHECK(times == 2);
  CHECK(world.held.real_dir.valid());
}

TEST_CASE("a file that takes the place of the real directory while the hold waits is not held") {
  Bound world;
  int times = 0;
  Intercept intercept("*", WhenParentIsLocked(&times, [&] {
                        REQUIRE(rmdir(world.real_dir.c_str()) == 0);
                        MakeFile(world.real_dir);
                        return 0;
                      }));
  Status status = world.Hold();
  CHECK(HasFailed(status, ENOTDIR));
  CHECK(status.subject == Subject::kRealDir);
  CHECK(times == 1);
  CHECK_FALSE(world.held.parent.valid());
}

TEST_CASE("a refresh that cannot look at the parent says so, and not that it was replaced") {
  Bound world;
  REQUIRE(world.Hold().ok());
  Intercept intercept("lstat", 1, [] { return EACCES; });
  Status status = RefreshBinding(world.held.parent.get(), world.paths());
  CHECK(HasFailed(status, EACCES));
  CHECK(strcmp(status.syscall, "lstat") == 0);
}

TEST_CASE("a real directory that may not be read is refreshed no further, and that is fine") {
  Bound world;
  for (int errnum : {EACCES, EMFILE}) {
    Intercept intercept("openat", 1, [errnum] { return errnum; });
    Status status = RefreshSockets(world.real_dir.c_str());
    CHECK(intercept.calls() == 1);
    CHECK(status.errnum == (errnum == EACCES ? 0 : EMFILE));
  }
}

TEST_CASE("of a directory that is flooded, ten thousand sockets are refreshed") {
  Bound world;
  MakeDeadSocket(world.path);
  // The same inode by other names: none of them is bound.
  for (int i = 0; i < 10'001; i++) {
    REQUIRE(link(world.path.c_str(), (world.path + std::to_string(i)).c_str()) == 0);
  }
  Intercept intercept("utimensat", [](int, const char*) { return 0; });
  CHECK(RefreshSockets(world.real_dir.c_str()).ok());
  CHECK(intercept.calls() == 10'000);
}

TEST_CASE("a link that takes the place of a socket while it is refreshed is not followed") {
  Bound world;
  std::string outside = world.base + "/outside";
  MakeDeadSocket(world.path);
  MakeFile(outside);
  const struct timespec old[2] = {{1000, 0}, {1000, 0}};
  REQUIRE(utimensat(AT_FDCWD, outside.c_str(), old, 0) == 0);
  Intercept intercept("utimensat", 1, [&] {
    REQUIRE(unlink(world.path.c_str()) == 0);
    MakeLink(outside, world.path);
    return 0;
  });
  CHECK(RefreshSockets(world.real_dir.c_str()).ok());
  CHECK(intercept.calls() == 1);
  CHECK(StatOf(outside).st_mtime == 1000);
}

}  // namespace
}  // namespace boxsockets::test
