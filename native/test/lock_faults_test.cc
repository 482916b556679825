// What a lock does where a call fails, where somebody comes between two of them, and while it
// waits.
#include <errno.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "../posix/clock.h"
#include "../posix/lock.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

constexpr int64_t kLongestPauseNs = 1'000'000;

// A lock file of ours, whose mode is not the one that it is made with.
struct Home : TempDirectory {
  Home() {
    MakeFile(path);
    REQUIRE(chmod(path.c_str(), 0640) == 0);
  }
  Status Take() {
    struct stat st;
    return TakeLock({AT_FDCWD, path.c_str(), -1}, 0, &lock, &st);
  }
  // The same file once more, as somebody else has it.
  Fd Open() const { return Fd(open(path.c_str(), O_RDWR | O_CLOEXEC)); }

  std::string path = *this / ".lock";
  Fd lock;
};

TEST_CASE("what is no lock of a home is refused without an owner, for it may be anybody's") {
  TempDirectory home;
  std::string path = home / ".lock";
  MakeFifo(path);
  Fd lock;
  Status status = LockHome(path.c_str(), &lock);
  CHECK(IsRefused(status, Refusal::kLockUntrusted));
  CHECK(status.owner == -1);
  CHECK(status.expected == -1);
}

TEST_CASE("a lock that cannot be opened for another reason than its mode keeps its mode") {
  Home home;
  Intercept intercept("openat", 1, [] { return EMFILE; });
  Status status = home.Take();
  CHECK(HasFailed(status, EMFILE));
  CHECK(strcmp(status.syscall, "openat") == 0);
  CHECK(intercept.calls() == 1);
  CHECK(ModeOf(home.path) == 0640);
}

TEST_CASE("a lock whose mode was repaired and that cannot be opened all the same says why") {
  Home home;
  Intercept intercept("openat",
                      [](int number, const char*) { return number == 1 ? EACCES : ENFILE; });
  CHECK(HasFailed(home.Take(), ENFILE));
  CHECK(intercept.calls() == 2);
  CHECK(ModeOf(home.path) == 0600);
}

TEST_CASE("whoever has waited for a moment looks again whether that is the lock, and has it not") {
  Home home;
  Fd holder = home.Open(), waiter = home.Open();
  REQUIRE(flock(holder.get(), LOCK_EX | LOCK_NB) == 0);
  sleeps = 0;
  longest_sleep = 0;
  Status status = PollLock(waiter.get(), LOCK_EX, INT64_MAX, Subject::kLock);
  CHECK(status.kind == Kind::kRetry);
  CHECK(status.refusal == Refusal::kLockTimeout);
  CHECK(status.subject == Subject::kLock);
  // It sleeps between two looks, and never for long: nobody wakes it.
  CHECK(sleeps > 0);
  CHECK(longest_sleep <= kLongestPauseNs);
}

TEST_CASE("nobody sleeps past the moment until which he was told to wait") {
  constexpr int64_t kMomentNs = 40'000;  // less than the first pause
  Home home;
  Fd holder = home.Open(), waiter = home.Open();
  REQUIRE(flock(holder.get(), LOCK_EX | LOCK_NB) == 0);
  longest_sleep = 0;
  for (int i = 0; i < 20; i++) {
    Status status = PollLock(waiter.get(), LOCK_EX, MonotonicNs() + kMomentNs, Subject::kLock);
    CHECK(IsRefused(status, Refusal::kLockTimeout));
    CHECK(status.kind == Kind::kRefused);
  }
  CHECK(longest_sleep <= kMomentNs);
}

TEST_CASE("a home's lock that is replaced while it is taken is taken anew") {
  Home home;
  {
    Intercept intercept("flock", 1, [&] {
      REQUIRE(unlink(home.path.c_str()) == 0);
      MakeFile(home.path);
      return 0;
    });
    CHECK(LockHome(home.path.c_str(), &home.lock).ok());
    CHECK(intercept.calls() == 2);
  }
  Fd other = home.Open();
  CHECK(flock(other.get(), LOCK_EX | LOCK_NB) != 0);
}

}  // namespace
}  // namespace boxsockets::test
