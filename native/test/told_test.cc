// A call that fails in an operation on a listener is told, with its own reason, and nothing is
// left.
#include <errno.h>
#include <unistd.h>

#include "../posix/hold.h"
#include "../posix/listen.h"
#include "../posix/user.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

struct Bound : BoundWorld {
  Bound() { MakeDeadSocket(path); }
  Listener listener;
  HeldDirectories held;
};

using Numbers = std::vector<int>;

// Fails each call of that name in turn, in a scene of its own. Returns those that were not told:
// where there is another way, or where what failed was a look that had nothing to refuse.
Numbers NotTold(const char* call, const std::function<Status(Bound&)>& operation) {
  Numbers not_told;
  for (int number = 1;; number++) {
    Bound world;
    bool failed = false;
    Status status;
    {
      Intercept intercept(call, number, [&] {
        failed = true;
        return EIO;
      });
      status = operation(world);
    }
    INFO(std::string(call));
    CAPTURE(number);
    CAPTURE(status);
    if (!failed) {
      CHECK(status.ok());
      CHECK(number > 1);
      return not_told;
    }
    if (status.ok()) not_told.push_back(number);
    // What cannot be known of a socket is somebody's.
    CHECK((status.ok() || status.errnum == EIO || status.errnum == EADDRINUSE));
  }
}

std::string Print(const Numbers& numbers) {
  std::string text;
  for (int number : numbers) text += " " + std::to_string(number);
  return text;
}

void Expect(const char* call, const std::string& not_told,
            const std::function<Status(Bound&)>& operation) {
  INFO(std::string(call));
  CHECK(Print(NotTold(call, operation)) == not_told);
}

TEST_CASE("whatever fails in a listen that replaces a dead socket is told") {
  SKIP_UNLESS(KnowsOpenat2(), kWithoutOpenat2);
  auto listen = [](Bound& world) { return Listen(world.paths(), "box.sock", {}, &world.listener); };
  for (const char* call :
       {"socket", "bind", "listen", "openat", "lstat", "fstatat", "unlinkat", "flock"}) {
    Expect(call, "", listen);
  }
  // Of a parent whose device is not known, what a binding leads to is left to a thread.
  Expect("fstat", " 3", listen);
}

TEST_CASE("whatever fails in a listen at a free name is told") {
  auto listen = [](Bound& world) {
    Status status;
    REQUIRE(ListenAtFreeName(world.paths(), "free", {}, &world.listener, &status));
    return status;
  };
  for (const char* call : {"socket", "bind", "listen", "openat", "fstat"}) {
    Expect(call, "", listen);
  }
}

TEST_CASE("whatever fails in a claim is told") {
  SKIP_UNLESS(KnowsOpenat2(), kWithoutOpenat2);
  auto claim = [](Bound& world) { return Claim(world.paths(), "box.sock", {}); };
  for (const char* call : {"socket", "openat", "lstat", "fstatat", "unlinkat", "flock"})
    Expect(call, "", claim);
}

TEST_CASE("whatever fails in a hold is told") {
  SKIP_UNLESS(KnowsOpenat2(), kWithoutOpenat2);
  OverflowUid();  // read once in a process
  auto hold = [](Bound& world) { return HoldBinding(world.paths(), {}, &world.held); };
  Expect("open", "", hold);
  Expect("fstat", "", hold);
  // Looks that find nothing steady are followed by an ensure, and looks after the lock by another
  // try.
  Expect("stat", " 2 3 4 6 7 8", hold);
  Expect("lstat", " 1 2", hold);
  // A real directory whose file system knows no locks is known to no cleaner either.
  Expect("flock", " 2", hold);
}

}  // namespace
}  // namespace boxsockets::test
