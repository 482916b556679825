// Keeping bindings alive.
#include "../posix/hold.h"

#include <errno.h>
#include <sys/file.h>
#include <unistd.h>

#include "../posix/binding.h"
#include "support.h"

namespace boxsockets::test {
namespace {

using Bound = BoundWorld;

constexpr EnsureOptions kNoWait = {false, 0};

bool CanLock(const std::string& directory, int operation) {
  Fd fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return flock(fd.get(), operation | LOCK_NB) == 0;
}

TEST_CASE("a held parent is locked against cleaners, and shared with other holders") {
  Bound world;
  HeldDirectories first, second;
  REQUIRE(HoldBinding(world.paths(), kNoWait, &first).ok());
  CHECK((fcntl(first.parent.get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK_FALSE(CanLock(world.parent, LOCK_EX));
  CHECK(HoldBinding(world.paths(), kNoWait, &second).ok());
  first = {};
  CHECK_FALSE(CanLock(world.parent, LOCK_EX));
  second = {};
  CHECK(CanLock(world.parent, LOCK_EX));
}

TEST_CASE("a held parent does not stop anybody who ensures") {
  Bound world;
  HeldDirectories held;
  REQUIRE(HoldBinding(world.paths(), kNoWait, &held).ok());
  REQUIRE(unlink(world.binding.c_str()) == 0);
  EnsureResult result;
  CHECK(Ensure(world.paths(), {false, 0}, &result).ok());
}

TEST_CASE("a cleaner at work is waited for no longer than it was told") {
  Bound world;
  Fd cleaner(open(world.parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  HeldDirectories held;
  REQUIRE(flock(cleaner.get(), LOCK_EX | LOCK_NB) == 0);
  Status status = HoldBinding(world.paths(), kNoWait, &held);
  CHECK(IsRefused(status, Refusal::kLockTimeout));
  CHECK(status.subject == Subject::kParent);
  CHECK_FALSE(held.parent.valid());
}

TEST_CASE("a hold makes what is missing, and repairs what is not right") {
  World world;
  HeldDirectories held;
  CHECK(HoldBinding(world.paths(), kNoWait, &held).ok());
  CHECK(IsSteady(world));
  held = {};
  REQUIRE(chmod(world.parent.c_str(), 0755) == 0);
  CHECK(HoldBinding(world.paths(), kNoWait, &held).ok());
  CHECK(IsSteady(world));
}

TEST_CASE("a refresh gives the link itself fresh timestamps, and not what it leads to") {
  Bound world;
  HeldDirectories held;
  REQUIRE(HoldBinding(world.paths(), kNoWait, &held).ok());
  const struct timespec old[2] = {{1000, 0}, {1000, 0}};
  REQUIRE(utimensat(AT_FDCWD, world.binding.c_str(), old, AT_SYMLINK_NOFOLLOW) == 0);
  REQUIRE(utimensat(AT_FDCWD, world.real_dir.c_str(), old, 0) == 0);
  CHECK(RefreshBinding(held.parent.get(), world.paths()).ok());
  CHECK(StatOf(world.binding).st_mtime > 1000);
  CHECK(StatOf(world.binding).st_atime > 1000);
  CHECK(StatOf(world.real_dir).st_mtime == 1000);
}

TEST_CASE("a held real directory is locked as well, where it can be") {
  AsUser user(AsUser::Ordinary());
  Bound world;
  HeldDirectories held;
  REQUIRE(HoldBinding(world.paths(), kNoWait, &held).ok());
  CHECK_FALSE(CanLock(world.real_dir, LOCK_EX));
  held = {};
  Fd cleaner(open(world.real_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  REQUIRE(flock(cleaner.get(), LOCK_EX | LOCK_NB) == 0);
  Status status = HoldBinding(world.paths(), kNoWait, &held);
  CHECK(IsRefused(status, Refusal::kLockTimeout));
  CHECK(status.subject == Subject::kRealDir);
  cleaner.Reset();
  REQUIRE(chmod(world.real_dir.c_str(), 0300) == 0);
  CHECK(HoldBinding(world.paths(), kNoWait, &held).ok());
  CHECK_FALSE(held.real_dir.valid());
}

TEST_CASE("the sockets of a real directory get fresh timestamps, and nothing that they lead to") {
  Bound world;
  const struct timespec old[2] = {{1000, 0}, {1000, 0}};
  MakeDeadSocket(world.real_dir + "/box.sock");
  MakeFile(world.real_dir + "/file");
  MakeFile(world.base + "/outside");
  MakeLink(world.base + "/outside", world.real_dir + "/link");
  for (const std::string& path : {world.real_dir + "/box.sock", world.real_dir + "/file",
                                  world.base + "/outside", world.real_dir}) {
    REQUIRE(utimensat(AT_FDCWD, path.c_str(), old, AT_SYMLINK_NOFOLLOW) == 0);
  }
  CHECK(RefreshSockets(world.real_dir.c_str()).ok());
  CHECK(StatOf(world.real_dir + "/box.sock").st_mtime > 1000);
  CHECK(StatOf(world.real_dir).st_mtime > 1000);
  CHECK(StatOf(world.real_dir + "/file").st_mtime == 1000);
  CHECK(StatOf(world.base + "/outside").st_mtime == 1000);
  CHECK(HasFailed(RefreshSockets((world.real_dir + "/missing").c_str()), ENOENT));
}

TEST_CASE("a refresh says where the link or the parent is gone") {
  Bound world;
  HeldDirectories held;
  REQUIRE(HoldBinding(world.paths(), kNoWait, &held).ok());
  REQUIRE(unlink(world.binding.c_str()) == 0);
  CHECK(HasFailed(RefreshBinding(held.parent.get(), world.paths()), ENOENT));
  REQUIRE(rename(world.parent.c_str(), (world.base + "/away").c_str()) == 0);
  CHECK(IsRefused(RefreshBinding(held.parent.get(), world.paths()), Refusal::kParentUnstable));
  world.MakeParent();
  CHECK(IsRefused(RefreshBinding(held.parent.get(), world.paths()), Refusal::kParentUnstable));
  CHECK(HasFailed(RefreshBinding(-1, world.paths()), EBADF));
}

}  // namespace
}  // namespace boxsockets::test
