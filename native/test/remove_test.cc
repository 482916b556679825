// remove: takes the binding only where it is ours, and never anything but a symlink.
#include <errno.h>
#include <sys/file.h>
#include <unistd.h>

#include "../posix/binding.h"
#include "support.h"

namespace boxsockets::test {
namespace {

struct Removed {
  Status status;
  RemoveResult result = RemoveResult::kForeign;

  bool Is(RemoveResult expected) const { return status.ok() && result == expected; }
};

Removed Run(const World& world) {
  Removed removed;
  removed.status = Remove(world.paths(), 0, &removed.result);
  return removed;
}

TEST_CASE("a binding that leads to the real directory is removed, and the parent stays") {
  World world;
  world.MakeParent();
  MakeFile(world.real_dir + "/content");
  for (const std::string& target : {world.real_dir, world.home / "base/../real"}) {
    MakeLink(target, world.binding);
    CHECK(Run(world).Is(RemoveResult::kRemoved));
    CHECK_FALSE(Exists(world.binding));
  }
  CHECK(Exists(world.parent));
  CHECK(Exists(world.real_dir + "/content"));
}

TEST_CASE("a binding that dangles is removed, its home was removed first") {
  World world;
  world.MakeParent();
  REQUIRE(rmdir(world.real_dir.c_str()) == 0);
  MakeFile(world.home / "file");
  for (const std::string& target :
       {world.real_dir, world.home / "elsewhere", world.home / "file/under"}) {
    MakeLink(target, world.binding);
    CHECK(Run(world).Is(RemoveResult::kRemoved));
    CHECK_FALSE(Exists(world.binding));
  }
}

TEST_CASE("removing what is not there is fine, parent or not, base or not") {
  World world;
  CHECK(Run(world).Is(RemoveResult::kAbsent));
  CHECK_FALSE(Exists(world.parent));
  world.MakeParent();
  CHECK(Run(world).Is(RemoveResult::kAbsent));
  // Nothing is made where nothing is to be removed, the lock neither.
  REQUIRE(rmdir(world.parent.c_str()) == 0);
  REQUIRE(rmdir(world.base.c_str()) == 0);
  CHECK(Run(world).Is(RemoveResult::kAbsent));
}

TEST_CASE("a binding that leads to another directory is foreign and stays") {
  World world;
  world.MakeParent();
  std::string other = world.MakeDirectory("other");
  MakeLink(other, world.binding);
  CHECK(Run(world).Is(RemoveResult::kForeign));
  REQUIRE(rmdir(world.real_dir.c_str()) == 0);
  CHECK(Run(world).Is(RemoveResult::kForeign));
  CHECK(TargetOf(world.binding) == other);
}

TEST_CASE("a binding that loops or leads to a file is foreign and stays") {
  World world;
  world.MakeParent();
  MakeFile(world.home / "file");
  for (const std::string& target : {world.binding, world.home / "file"}) {
    MakeLink(target, world.binding);
    CHECK(Run(world).Is(RemoveResult::kForeign));
    CHECK(TargetOf(world.binding) == target);
    REQUIRE(unlink(world.binding.c_str()) == 0);
  }
}

TEST_CASE("what is no symlink is foreign and stays") {
  World world;
  world.MakeParent();
  auto stays = [&] {
    ino_t before = StatOf(world.binding).st_ino;
    CHECK(Run(world).Is(RemoveResult::kForeign));
    CHECK(StatOf(world.binding).st_ino == before);
  };
  MakeFile(world.binding);
  stays();
  REQUIRE(unlink(world.binding.c_str()) == 0);
  MakeFifo(world.binding);
  stays();
  REQUIRE(unlink(world.binding.c_str()) == 0);
  MakeDeadSocket(world.binding);
  stays();
  REQUIRE(unlink(world.binding.c_str()) == 0);
  MakeDirectory(world.binding);
  stays();
  // Not even where it is the real directory itself.
  world.real_dir = world.binding;
  stays();
}

TEST_CASE("what cannot be told is an error, and nothing is removed") {
  AsUser user(AsUser::Ordinary());
  World world;
  world.MakeParent();
  std::string locked = world.MakeDirectory("locked");
  MakeDirectory(locked + "/inner");
  REQUIRE(chmod(locked.c_str(), 0000) == 0);
  MakeLink(locked + "/inner", world.binding);
  Removed removed = Run(world);
  CHECK(HasFailed(removed.status, EACCES));
  CHECK(removed.status.subject == Subject::kBinding);
  CHECK(IsLink(world.binding));

  REQUIRE(unlink(world.binding.c_str()) == 0);
  MakeLink(world.MakeDirectory("other"), world.binding);
  world.real_dir = locked + "/inner";
  removed = Run(world);
  CHECK(HasFailed(removed.status, EACCES));
  CHECK(removed.status.subject == Subject::kRealDir);
  CHECK(IsLink(world.binding));
}

TEST_CASE("nothing is removed from a parent that is a link") {
  World world;
  std::string other = world.MakeDirectory("other");
  MakeLink(world.real_dir, other + "/box-1");
  MakeLink(other, world.parent);
  CHECK(IsRefused(Run(world).status, Refusal::kParentNotDirectory));
  CHECK(IsLink(other + "/box-1"));
}

TEST_CASE("nothing is removed from a parent of another user") {
  SKIP_UNLESS(IsRoot(), "needs root, to give a directory to another user");
  World world;
  world.MakeParent();
  MakeLink(world.real_dir, world.binding);
  REQUIRE(chown(world.parent.c_str(), 4711, 4711) == 0);
  CHECK(IsRefused(Run(world).status, Refusal::kParentForeign));
  CHECK(IsLink(world.binding));
}

TEST_CASE("removing with two uids is refused") {
  SKIP_UNLESS(IsRoot(), kNeedsTwoUids);
  World world;
  world.MakeParent();
  MakeLink(world.real_dir, world.binding);
  Status status;
  WithTwoUids([&] { status = Run(world).status; });
  CHECK(IsRefused(status, Refusal::kUidMismatch));
  CHECK(IsLink(world.binding));
}

TEST_CASE("removing waits for the lock no longer than it was told") {
  World world;
  world.MakeParent();
  MakeLink(world.real_dir, world.binding);
  Signal taken, release;
  Child holder([&] {
    Fd lock(open(world.InParent(".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    bool locked = flock(lock.get(), LOCK_EX | LOCK_NB) == 0;
    taken.Send();
    release.Await();
    return locked ? 0 : 1;
  });
  taken.Await();
  CHECK(IsRefused(Run(world).status, Refusal::kLockTimeout));
  CHECK(IsLink(world.binding));
  release.Send();
  CHECK(holder.Wait() == 0);
  CHECK(Run(world).Is(RemoveResult::kRemoved));
}

}  // namespace
}  // namespace boxsockets::test
