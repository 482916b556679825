// Whom a base belongs to, and what may stand in the parent's place.
#include "../posix/parent.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/un.h>
#include <unistd.h>

#include "../posix/steady.h"
#include "../posix/user.h"
#include "support.h"

namespace boxsockets::test {
namespace {

Status Open(const World& world, Access access = Access::kCreate, Parent* out = nullptr) {
  Parent parent;
  return Parent::Open(world.paths(), world.uid, access, out == nullptr ? &parent : out);
}

TEST_CASE("a parent is created with mode 0700, whatever the umask") {
  for (mode_t mask : {0, 0022, 0277, 0777}) {
    World world;
    Umask umask(mask);
    CAPTURE(mask);
    CHECK(Open(world).ok());
    CHECK(ModeOf(world.parent) == 0700);
  }
}

TEST_CASE("a user that permission bits hold for creates a parent under any umask") {
  AsUser user(AsUser::Ordinary());
  for (mode_t mask : {0, 0277, 0777}) {
    World world;
    Umask umask(mask);
    CAPTURE(mask);
    CHECK(Open(world).ok());
    CHECK(ModeOf(world.parent) == 0700);
  }
}

TEST_CASE("a parent of any other mode is repaired") {
  for (mode_t mode : {0755, 0711, 0000, 02700, 01777, 04700, 0600, 0300}) {
    World world;
    world.MakeParent(mode);
    CAPTURE(mode);
    CHECK(Open(world).ok());
    CHECK(ModeOf(world.parent) == 0700);
  }
}

TEST_CASE("a parent that its own user cannot read is repaired by who may make one") {
  AsUser user(AsUser::Ordinary());
  for (mode_t mode : {0000, 0300, 0100, 0055}) {
    World world;
    world.MakeParent(mode);
    CAPTURE(mode);
    Parent parent;
    CHECK(HasFailed(Open(world, Access::kExisting), EACCES));
    CHECK(ModeOf(world.parent) == mode);
    CHECK(Open(world, Access::kCreate, &parent).ok());
    CHECK(parent.fd() >= 0);
    CHECK(ModeOf(world.parent) == 0700);
  }
}

TEST_CASE("looking at a parent changes nothing") {
  for (mode_t mode : {0755, 0711, 02700}) {
    World world;
    world.MakeParent(mode);
    CHECK(Open(world, Access::kExisting).ok());
    CHECK(ModeOf(world.parent) == mode);
  }
  AsUser user(AsUser::Ordinary());
  World world;
  world.MakeParent(0000);
  CHECK(HasFailed(Open(world, Access::kExisting), EACCES));
  CHECK(ModeOf(world.parent) == 0000);
}

TEST_CASE("a missing parent is made only by who wants it made") {
  World world;
  CHECK(IsRefused(Open(world, Access::kExisting), Refusal::kParentAbsent));
  CHECK_FALSE(Exists(world.parent));
  CHECK(Open(world, Access::kCreate).ok());
  CHECK(Exists(world.parent));
}

TEST_CASE("a parent that is no directory is refused and left as it is") {
  World world;
  std::string elsewhere = world.MakeDirectory("elsewhere");
  auto refuses = [&] {
    for (Access access : {Access::kCreate, Access::kExisting}) {
      ino_t before = StatOf(world.parent).st_ino;
      Status status = Open(world, access);
      CHECK(IsRefused(status, Refusal::kParentNotDirectory));
      CHECK(status.subject == Subject::kParent);
      CHECK(StatOf(world.parent).st_ino == before);
    }
    REQUIRE(unlink(world.parent.c_str()) == 0);
  };
  MakeLink(elsewhere, world.parent);
  refuses();
  MakeLink("dangling", world.parent);
  refuses();
  MakeLink(world.parent, world.parent);
  refuses();
  MakeFile(world.parent);
  refuses();
  MakeFifo(world.parent);
  refuses();
  MakeDeadSocket(world.parent);
  refuses();
  CHECK(EntriesOf(elsewhere).empty());
}

TEST_CASE("a parent of another user is refused, with both uids") {
  SKIP_UNLESS(IsRoot(), "needs root, to give a directory to another user");
  constexpr uid_t kStranger = 4711;
  for (mode_t mode : {0700, 0755, 0777}) {
    World world;
    world.MakeParent(mode);
    REQUIRE(chown(world.parent.c_str(), kStranger, kStranger) == 0);
    Status status = Open(world);
    CHECK(IsRefused(status, Refusal::kParentForeign));
    CHECK(status.owner == kStranger);
    CHECK(status.expected == 0);
    CHECK(ModeOf(world.parent) == mode);
  }
}

TEST_CASE("a parent of another user that cannot be opened is refused in the same way") {
  SKIP_UNLESS(IsRoot(), "needs root, to act as two users");
  TempDirectory home;
  REQUIRE(chmod(home.path().c_str(), 01777) == 0);
  std::string parent = home / "bl";
  MakeDirectory(parent, 0700);
  AsUser user(AsUser::Ordinary());
  std::string binding = parent + "/box";
  Paths paths = {home.path().c_str(), parent.c_str(), binding.c_str(), nullptr};
  Parent out;
  Status status = Parent::Open(paths, geteuid(), Access::kCreate, &out);
  CHECK(IsRefused(status, Refusal::kParentForeign));
  CHECK(status.owner == 0);
  CHECK(status.expected == geteuid());
}

TEST_CASE("an untrusted base is refused on every access, and no parent is made in it") {
  World world;
  REQUIRE(chmod(world.base.c_str(), 0777) == 0);
  for (Access access : {Access::kCreate, Access::kExisting}) {
    Status status = Open(world, access);
    CHECK(IsRefused(status, Refusal::kBaseUntrusted));
    CHECK(status.mode == 0777);
  }
  CHECK_FALSE(Exists(world.parent));
}

TEST_CASE("a base through a symlink is fine") {
  World world;
  std::string link = world.home / "link";
  MakeLink(world.base, link);
  std::string parent = link + "/bl", binding = parent + "/box-1";
  Paths paths = {link.c_str(), parent.c_str(), binding.c_str(), world.real_dir.c_str()};
  Parent out;
  CHECK(Parent::Open(paths, world.uid, Access::kCreate, &out).ok());
  CHECK(Exists(world.parent));
}

TEST_CASE(
    "a base that does not exist or is no directory is refused, unless nothing is asked of it") {
  World world;
  REQUIRE(rmdir(world.base.c_str()) == 0);
  Status status = Open(world);
  CHECK(IsRefused(status, Refusal::kBaseUntrusted));
  CHECK(status.errnum == ENOENT);
  CHECK(IsRefused(Open(world, Access::kExisting), Refusal::kParentAbsent));
  MakeFile(world.base);
  status = Open(world, Access::kExisting);
  CHECK(IsRefused(status, Refusal::kBaseUntrusted));
  CHECK(status.errnum == ENOTDIR);
  REQUIRE(unlink(world.base.c_str()) == 0);
  MakeLink(world.base, world.base);
  status = Open(world);
  CHECK(IsRefused(status, Refusal::kBaseUntrusted));
  CHECK(status.errnum == ELOOP);
}

TEST_CASE("a base that cannot be reached keeps the kernel's own word") {
  AsUser user(AsUser::Ordinary());
  World world;
  REQUIRE(chmod(world.home.path().c_str(), 0000) == 0);
  Status status = Open(world);
  CHECK(HasFailed(status, EACCES));
  CHECK(status.subject == Subject::kBase);
}

TEST_CASE("a base that cannot be written to keeps the kernel's own word") {
  AsUser user(AsUser::Ordinary());
  World world;
  REQUIRE(chmod(world.base.c_str(), 0500) == 0);
  Status status = Open(world);
  CHECK(HasFailed(status, EACCES));
  CHECK(strcmp(status.syscall, "mkdir") == 0);
}

#if defined(__linux__)

TEST_CASE(
    "a parent on another file system than its base is foreign, whatever it says of its owner") {
  SKIP_UNLESS(IsRoot(), "needs root, to mount");
  World world;
  world.MakeParent();
  bool mounted = mount("none", world.parent.c_str(), "tmpfs", 0, "mode=0700") == 0;
  SKIP_UNLESS(mounted, "nothing can be mounted here");
  MakeLink(world.real_dir, world.binding);
  CHECK_FALSE(IsSteady(world));
  for (Access access : {Access::kCreate, Access::kExisting}) {
    Status status = Open(world, access);
    CHECK(IsRefused(status, Refusal::kParentMounted));
    CHECK(status.subject == Subject::kParent);
  }
  REQUIRE(umount(world.parent.c_str()) == 0);
}

#endif

TEST_CASE("a parent knows when its path leads elsewhere") {
  World world;
  Parent parent;
  REQUIRE(Open(world, Access::kCreate, &parent).ok());
  CHECK(parent.IsStillAt(world.parent.c_str()));
  std::string away = world.base + "/away";
  REQUIRE(rename(world.parent.c_str(), away.c_str()) == 0);
  CHECK_FALSE(parent.IsStillAt(world.parent.c_str()));
  MakeLink(away, world.parent);
  CHECK_FALSE(parent.IsStillAt(world.parent.c_str()));
  REQUIRE(unlink(world.parent.c_str()) == 0);
  world.MakeParent();
  CHECK_FALSE(parent.IsStillAt(world.parent.c_str()));
}

TEST_CASE("the steady check holds only where everything is as ensure leaves it") {
  World world;
  Look look;
  auto steady = [&] { return IsSteady(world); };
  CHECK_FALSE(steady());
  world.MakeParent();
  CHECK_FALSE(steady());
  MakeLink(world.real_dir, world.binding);
  CHECK(steady());

  REQUIRE(chmod(world.parent.c_str(), 0711) == 0);
  CHECK_FALSE(steady());
  REQUIRE(chmod(world.parent.c_str(), 0700) == 0);
  CHECK_FALSE(IsSteady(world.paths(), world.uid + 1, &look));
  REQUIRE(chmod(world.base.c_str(), 0777) == 0);
  CHECK_FALSE(steady());
  REQUIRE(chmod(world.base.c_str(), 0700) == 0);
  CHECK(steady());

  std::string other = world.MakeDirectory("other");
  REQUIRE(unlink(world.binding.c_str()) == 0);
  MakeLink(other, world.binding);
  CHECK_FALSE(steady());
  REQUIRE(unlink(world.binding.c_str()) == 0);
  MakeLink(world.home / "missing", world.binding);
  CHECK_FALSE(steady());
  REQUIRE(unlink(world.binding.c_str()) == 0);
  // Another spelling of the same directory is the same binding.
  MakeLink(world.home / "base/../real/.", world.binding);
  CHECK(steady());
  REQUIRE(rmdir(world.real_dir.c_str()) == 0);
  CHECK_FALSE(steady());
  MakeFile(world.real_dir);
  REQUIRE(unlink(world.binding.c_str()) == 0);
  MakeLink(world.real_dir, world.binding);
  CHECK_FALSE(steady());  // a file is no real directory
}

TEST_CASE("a parent that is a link to a parent of ours is not steady") {
  World world;
  std::string elsewhere = world.MakeDirectory("elsewhere");
  MakeLink(world.real_dir, elsewhere + "/box-1");
  MakeLink(elsewhere, world.parent);
  CHECK_FALSE(IsSteady(world));
}

TEST_CASE("the overflow uid must prove that a parent is its own") {
  SKIP_UNLESS(IsRoot(), "needs root, to act as the overflow uid");
  AsUser user(OverflowUid());
  World world;
  world.MakeParent();
  MakeLink(world.real_dir, world.binding);
  CHECK_FALSE(IsSteady(world));
  CHECK(Open(world).ok());
  REQUIRE(chmod(world.parent.c_str(), 0755) == 0);
  CHECK(Open(world, Access::kExisting).ok());
  CHECK(ModeOf(world.parent) == 0755);
}

}  // namespace
}  // namespace boxsockets::test
