// Keeping bindings alive.
#include "../posix/hold.h"

#include <errno.h>
#include <sys/file.h>
#include <unistd.h>

#include "../posix/binding.h"
#include "support.h"

namespace boxsockets::test {
namespace {

struct Bound : World {
  Bound() {
    MakeParent();
    MakeLink(real_dir, binding);
  }
};

constexpr EnsureOptions kNoWait = {false, 0};

bool CanLock(const std::string& directory, int operation) {
  Fd fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return flock(fd.get(), operation | LOCK_NB) == 0;
}

TEST_CASE("a held parent is locked against cleaners, and shared with other holders") {
  Bound world;
  Fd first, second;
  REQUIRE(HoldBinding(world.paths(), kNoWait, &first).ok());
  CHECK((fcntl(first.get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK_FALSE(CanLock(world.parent, LOCK_EX));
  CHECK(HoldBinding(world.paths(), kNoWait, &second).ok());
  first.Reset();
  CHECK_FALSE(CanLock(world.parent, LOCK_EX));
  second.Reset();
  CHECK(CanLock(world.parent, LOCK_EX));
}

TEST_CASE("a held parent does not stop anybody who ensures") {
  Bound world;
  Fd held;
  REQUIRE(HoldBinding(world.paths(), kNoWait, &held).ok());
  REQUIRE(unlink(world.binding.c_str()) == 0);
  EnsureResult result;
  CHECK(Ensure(world.paths(), {false, 0}, &result).ok());
}

TEST_CASE("a cleaner at work is waited for no longer than it was told") {
  Bound world;
  Fd cleaner(open(world.parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)), held;
  REQUIRE(flock(cleaner.get(), LOCK_EX | LOCK_NB) == 0);
  Status status = HoldBinding(world.paths(), kNoWait, &held);
  CHECK(IsRefused(status, Refusal::kLockTimeout));
  CHECK(status.subject == Subject::kParent);
  CHECK_FALSE(held.valid());
}

TEST_CASE("a hold makes what is missing, and repairs what is not right") {
  World world;
  Fd held;
  CHECK(HoldBinding(world.paths(), kNoWait, &held).ok());
  CHECK(IsSteady(world));
  held.Reset();
  REQUIRE(chmod(world.parent.c_str(), 0755) == 0);
  CHECK(HoldBinding(world.paths(), kNoWait, &held).ok());
  CHECK(IsSteady(world));
}

TEST_CASE("a refresh gives the link itself fresh timestamps, and not what it leads to") {
  Bound world;
  Fd held;
  REQUIRE(HoldBinding(world.paths(), kNoWait, &held).ok());
  const struct timespec old[2] = {{1000, 0}, {1000, 0}};
  REQUIRE(utimensat(AT_FDCWD, world.binding.c_str(), old, AT_SYMLINK_NOFOLLOW) == 0);
  REQUIRE(utimensat(AT_FDCWD, world.real_dir.c_str(), old, 0) == 0);
  CHECK(RefreshBinding(held.get(), world.paths()).ok());
  CHECK(StatOf(world.binding).st_mtime > 1000);
  CHECK(StatOf(world.binding).st_atime > 1000);
  CHECK(StatOf(world.real_dir).st_mtime == 1000);
}

TEST_CASE("a refresh says where the link or the parent is gone") {
  Bound world;
  Fd held;
  REQUIRE(HoldBinding(world.paths(), kNoWait, &held).ok());
  REQUIRE(unlink(world.binding.c_str()) == 0);
  CHECK(HasFailed(RefreshBinding(held.get(), world.paths()), ENOENT));
  REQUIRE(rename(world.parent.c_str(), (world.base + "/away").c_str()) == 0);
  CHECK(IsRefused(RefreshBinding(held.get(), world.paths()), Refusal::kParentUnstable));
  world.MakeParent();
  CHECK(IsRefused(RefreshBinding(held.get(), world.paths()), Refusal::kParentUnstable));
  CHECK(HasFailed(RefreshBinding(-1, world.paths()), EBADF));
}

}  // namespace
}  // namespace boxsockets::test
