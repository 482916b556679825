// The lock of a home.
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "../posix/lock.h"
#include "support.h"

namespace boxsockets::test {
namespace {

TEST_CASE("a home is locked once, until the lock is closed") {
  TempDirectory home;
  std::string path = home / ".lock";
  Fd first, second;
  REQUIRE(LockHome(path.c_str(), &first).ok());
  CHECK((fcntl(first.get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(IsRefused(LockHome(path.c_str(), &second), Refusal::kLockTimeout));
  CHECK_FALSE(second.valid());
  first.Reset();
  CHECK(LockHome(path.c_str(), &second).ok());
}

TEST_CASE("the lock of a home ends with its holder, and names it") {
  TempDirectory home;
  std::string path = home / ".lock";
  Signal taken;
  Child holder([&] {
    Fd lock;
    bool locked = LockHome(path.c_str(), &lock).ok();
    taken.Send();
    for (;;) pause();
    return locked ? 0 : 1;
  });
  taken.Await();
  Fd lock;
  Status status = LockHome(path.c_str(), &lock);
  CHECK(IsRefused(status, Refusal::kLockTimeout));
  bool told = status.owner == holder.pid() || status.owner == -1;
  CHECK(told);
  holder.Kill();
  holder.Wait();
  CHECK(LockHome(path.c_str(), &lock).ok());
}

TEST_CASE("what is no lock file is refused and left as it is") {
  TempDirectory home;
  std::string path = home / ".lock";
  Fd lock;
  auto refuses = [&](mode_t type) {
    Status status = LockHome(path.c_str(), &lock);
    CHECK(IsRefused(status, Refusal::kLockUntrusted));
    CHECK((status.mode & S_IFMT) == type);
    CHECK((StatOf(path).st_mode & S_IFMT) == type);
    REQUIRE(remove(path.c_str()) == 0);
  };
  MakeFifo(path);
  refuses(S_IFIFO);
  MakeLink(home / "target", path);
  refuses(S_IFLNK);
  CHECK_FALSE(Exists(home / "target"));
  MakeDeadSocket(path);
  refuses(S_IFSOCK);
  MakeDirectory(path);
  refuses(S_IFDIR);
  CHECK_FALSE(lock.valid());
}

TEST_CASE("a home that is missing keeps the kernel's own word") {
  TempDirectory home;
  Fd lock;
  CHECK(HasFailed(LockHome((home / "missing/.lock").c_str(), &lock), ENOENT));
}

}  // namespace
}  // namespace boxsockets::test
