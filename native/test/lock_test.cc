// The lock that serializes cooperating processes: what it is made of, and what replaces it.
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "../posix/lock_owner.h"
#include "../posix/parent.h"
#include "support.h"

namespace boxsockets::test {
namespace {

constexpr int64_t kLong = 60'000;

// The parent of a world, opened and locked.
struct Locked {
  Locked(const World& world, int64_t timeout_ms) {
    int64_t deadline = DeadlineInMs(timeout_ms);
    status = BeginAgain([&] {
      Status opened = Parent::Open(world.paths(), world.uid, Access::kCreate, &parent);
      return opened.ok() ? LockParent(world.paths(), &parent, world.uid, deadline, &lock) : opened;
    });
  }

  Parent parent;
  Fd lock;
  Status status;
};

Status TryLock(const World& world) { return Locked(world, 0).status; }

// Waits until the process has the lock file open, so that it is about to wait for the lock.
void AwaitOpened(pid_t pid, const std::string& lock_file) {
  std::string fds = "/proc/" + std::to_string(pid) + "/fd";
  SleepNs(1'000'000);
  for (;;) {
    for (const std::string& name : EntriesOf(fds)) {
      if (TargetOf(JoinedPath(fds.c_str(), name.c_str()).c_str()) == lock_file) return;
    }
    if (EntriesOf(fds).empty()) return;  // no /proc here, or it has ended
    SleepNs(1'000'000);
  }
}

TEST_CASE("the lock is a regular file of mode 0600, closed on exec and held by one") {
  World world;
  Locked locked(world, 0);
  REQUIRE(locked.status.ok());
  CHECK((fcntl(locked.lock.get(), F_GETFD) & FD_CLOEXEC) != 0);
  struct stat st = StatOf(world.InParent(".lock"));
  CHECK(st.st_mode == (S_IFREG | 0600));
  CHECK(st.st_size == 0);
  CHECK(IsRefused(TryLock(world), Refusal::kLockTimeout));
  locked.lock.Reset();
  CHECK(TryLock(world).ok());
}

TEST_CASE("a refused lock names the process that holds it") {
  World world;
  Signal taken, release;
  Child holder([&] {
    Locked locked(world, 0);
    taken.Send();
    release.Await();
    return locked.status.ok() ? 0 : 1;
  });
  taken.Await();
  Status status = TryLock(world);
  bool told = LockOwner(StatOf(world.InParent(".lock"))) != -1;
  release.Send();
  CHECK(holder.Wait() == 0);
  CHECK(IsRefused(status, Refusal::kLockTimeout));
  CHECK(status.subject == Subject::kLock);
  SKIP_UNLESS(told, "this system does not tell who holds a lock");
  CHECK(status.owner != -1);
  CHECK(TryLock(world).ok());
}

TEST_CASE("a lock is waited for, and is there when its holder ends, however that ends") {
  for (bool killed : {false, true}) {
    World world;
    Signal taken, release;
    Child holder([&] {
      Locked locked(world, 0);
      taken.Send();
      release.Await();
      if (killed) raise(SIGKILL);
      return 0;
    });
    taken.Await();
    Child waiter([&] { return Locked(world, kLong).status.ok() ? 0 : 1; });
    AwaitOpened(waiter.pid(), world.InParent(".lock"));
    release.Send();
    CHECK(holder.Wait() == (killed ? -1 : 0));
    CHECK(waiter.Wait() == 0);
  }
}

TEST_CASE("whoever waited for a lock file that was replaced locks the new one") {
  World world;
  std::string file = world.InParent(".lock");
  Signal taken, release;
  Child holder([&] {
    Locked locked(world, 0);
    taken.Send();
    release.Await();
    return 0;
  });
  taken.Await();
  Child waiter([&] {
    Locked locked(world, kLong);
    struct stat mine;
    bool right = locked.status.ok() && fstat(locked.lock.get(), &mine) == 0 &&
                 mine.st_ino == StatOf(file).st_ino;
    return right ? 0 : 1;
  });
  AwaitOpened(waiter.pid(), file);
  REQUIRE(rename(file.c_str(), world.InParent("old").c_str()) == 0);
  MakeFile(file);
  release.Send();
  CHECK(holder.Wait() == 0);
  CHECK(waiter.Wait() == 0);
}

TEST_CASE("whoever waited for a lock file that was removed makes a new one") {
  World world;
  std::string file = world.InParent(".lock");
  Signal taken, release;
  Child holder([&] {
    Locked locked(world, 0);
    taken.Send();
    release.Await();
    return 0;
  });
  taken.Await();
  Child waiter([&] { return Locked(world, kLong).status.ok() && Exists(file) ? 0 : 1; });
  AwaitOpened(waiter.pid(), file);
  REQUIRE(unlink(file.c_str()) == 0);
  release.Send();
  CHECK(holder.Wait() == 0);
  CHECK(waiter.Wait() == 0);
}

TEST_CASE("whoever waited in a parent that was replaced starts over in the new one") {
  World world;
  Signal taken, release;
  Child holder([&] {
    Locked locked(world, 0);
    taken.Send();
    release.Await();
    return 0;
  });
  taken.Await();
  Child waiter([&] {
    auto in_new_parent = [&](const Parent& parent) {
      struct stat st;
      bool right = fstat(parent.fd(), &st) == 0 && st.st_ino == StatOf(world.parent).st_ino;
      return right ? Status::Ok() : Status::Failed(EINVAL, "test", Subject::kNone);
    };
    return WithLockedParent(world.paths(), world.uid, Access::kCreate, kLong, in_new_parent).ok()
               ? 0
               : 1;
  });
  AwaitOpened(waiter.pid(), world.InParent(".lock"));
  REQUIRE(rename(world.parent.c_str(), (world.base + "/away").c_str()) == 0);
  world.MakeParent();
  release.Send();
  CHECK(holder.Wait() == 0);
  CHECK(waiter.Wait() == 0);
}

TEST_CASE(
    "whoever waits in a parent that was replaced does not wait for what nobody will release") {
  for (bool lock_alone : {false, true}) {
    World world;
    Signal taken, release;
    Child holder([&] {
      Locked locked(world, 0);
      taken.Send();
      release.Await();
      return 0;
    });
    taken.Await();
    Child waiter([&] {
      auto nothing = [](const Parent&) { return Status::Ok(); };
      return WithLockedParent(world.paths(), world.uid, Access::kCreate, kLong, nothing).ok() ? 0
                                                                                              : 1;
    });
    AwaitOpened(waiter.pid(), world.InParent(".lock"));
    if (lock_alone) {
      REQUIRE(unlink(world.InParent(".lock").c_str()) == 0);
    } else {
      REQUIRE(rename(world.parent.c_str(), (world.base + "/away").c_str()) == 0);
    }
    CHECK(waiter.Wait() == 0);
    release.Send();
    CHECK(holder.Wait() == 0);
  }
}

TEST_CASE("starting over is bounded") {
  World world;
  int runs = 0;
  Status status =
      WithLockedParent(world.paths(), world.uid, Access::kCreate, 0, [&](const Parent&) {
        runs++;
        return Status::Retry(Refusal::kParentUnstable, Subject::kParent);
      });
  CHECK(IsRefused(status, Refusal::kParentUnstable));
  CHECK(runs == 100);
}

TEST_CASE("what is no lock of ours is refused, not waited for, and left as it is") {
  World world;
  world.MakeParent();
  std::string lock = world.InParent(".lock");
  auto refuses = [&](mode_t type) {
    struct stat before = StatOf(lock);
    Status status = TryLock(world);
    CHECK(IsRefused(status, Refusal::kLockUntrusted));
    CHECK(status.subject == Subject::kLock);
    CHECK((status.mode & S_IFMT) == type);
    CHECK(StatOf(lock).st_ino == before.st_ino);
    CHECK(StatOf(lock).st_mode == before.st_mode);
  };
  auto refuses_and_goes = [&](mode_t type) {
    refuses(type);
    REQUIRE(unlink(lock.c_str()) == 0);
  };
  MakeFifo(lock);
  refuses_and_goes(S_IFIFO);
  MakeLink(world.InParent("target"), lock);
  refuses_and_goes(S_IFLNK);
  CHECK_FALSE(Exists(world.InParent("target")));
  MakeFile(world.InParent("target"));
  MakeLink(world.InParent("target"), lock);
  refuses_and_goes(S_IFLNK);
  MakeDeadSocket(lock);
  refuses_and_goes(S_IFSOCK);
  Fd held = MakeSocket(lock, SocketType::kStream);
  refuses_and_goes(S_IFSOCK);
  REQUIRE(link(world.InParent("target").c_str(), lock.c_str()) == 0);
  refuses_and_goes(S_IFREG);
  MakeDirectory(lock);
  refuses(S_IFDIR);
  REQUIRE(rmdir(lock.c_str()) == 0);
  if (IsRoot() && mknod(lock.c_str(), S_IFCHR | 0600, makedev(1, 3)) == 0) {
    refuses_and_goes(S_IFCHR);
  }
  CHECK(TryLock(world).ok());
}

TEST_CASE("a lock of another user is refused, with both uids") {
  SKIP_UNLESS(IsRoot(), "needs root, to give a file to another user");
  constexpr uid_t kStranger = 4711;
  World world;
  world.MakeParent();
  std::string lock = world.InParent(".lock");
  MakeFile(lock);
  REQUIRE(chown(lock.c_str(), kStranger, kStranger) == 0);
  Status status = TryLock(world);
  CHECK(IsRefused(status, Refusal::kLockUntrusted));
  CHECK(status.owner == kStranger);
  CHECK(status.expected == 0);
}

TEST_CASE("a lock of another user that cannot be opened is refused in the same way") {
  SKIP_UNLESS(IsRoot(), "needs root, to act as two users");
  World world;
  world.MakeParent();
  MakeFile(world.InParent(".lock"));
  for (const std::string& path : {world.home.path(), world.base, world.parent}) {
    REQUIRE(chown(path.c_str(), AsUser::Ordinary(), AsUser::Ordinary()) == 0);
  }
  AsUser user(AsUser::Ordinary());
  world.uid = geteuid();
  Status status = TryLock(world);
  CHECK(IsRefused(status, Refusal::kLockUntrusted));
  CHECK(status.owner == 0);
  CHECK(status.expected == geteuid());
}

TEST_CASE("a lock that its own user cannot open is repaired") {
  AsUser user(AsUser::Ordinary());
  for (mode_t mode : {0000, 0400, 0200}) {
    World world;
    world.MakeParent();
    MakeFile(world.InParent(".lock"));
    REQUIRE(chmod(world.InParent(".lock").c_str(), mode) == 0);
    CHECK(TryLock(world).ok());
    CHECK(ModeOf(world.InParent(".lock")) == 0600);
  }
}

TEST_CASE("a lock is made and taken again under any umask") {
  AsUser user(AsUser::Ordinary());
  for (mode_t mask : {0, 0277, 0777}) {
    World world;
    Umask umask(mask);
    CAPTURE(mask);
    CHECK(TryLock(world).ok());
    CHECK(TryLock(world).ok());
    CHECK((ModeOf(world.InParent(".lock")) & 0077) == 0);
  }
}

#if defined(__linux__)

// What LockOwnerIn says of a text, asked about inode 131075 of device fe:00.
int64_t OwnerIn(const std::string& text) {
  struct stat lock = {};
  lock.st_dev = makedev(0xfe, 0x00);
  lock.st_ino = 131075;
  TempDirectory directory;
  MakeFile(directory / "locks", text);
  Fd fd(open((directory / "locks").c_str(), O_RDONLY | O_CLOEXEC));
  return LockOwnerIn(fd.get(), lock);
}

const std::string kMine = "1: FLOCK  ADVISORY  WRITE 4711 fe:00:131075 0 EOF\n";
const std::string kOther = "2: FLOCK  ADVISORY  WRITE 1 fe:00:99 0 EOF\n";

TEST_CASE("the owner of a lock is read from the line of its own inode") {
  CHECK(OwnerIn(kMine) == 4711);
  CHECK(OwnerIn(kOther + kMine) == 4711);
  CHECK(OwnerIn("17: FLOCK  MSNFS     READ  42 fe:00:131075 0 EOF\n") == 42);
}

TEST_CASE("who waits for a lock, or holds one of another kind or file, is no owner") {
  CHECK(OwnerIn("") == -1);
  CHECK(OwnerIn(kOther) == -1);
  CHECK(OwnerIn("1: -> FLOCK  ADVISORY  WRITE 4711 fe:00:131075 0 EOF\n") == -1);
  CHECK(OwnerIn("1: POSIX  ADVISORY  WRITE 4711 fe:00:131075 0 EOF\n") == -1);
  CHECK(OwnerIn("1: OFDLCK ADVISORY  WRITE -1 fe:00:131075 0 EOF\n") == -1);
  CHECK(OwnerIn("1: FLOCK  ADVISORY  WRITE 4711 fd:00:131075 0 EOF\n") == -1);
  CHECK(OwnerIn("1: FLOCK  ADVISORY  WRITE 4711 fe:01:131075 0 EOF\n") == -1);
  CHECK(OwnerIn("1: FLOCK  ADVISORY  WRITE 4711 fe:00:1310750 0 EOF\n") == -1);
}

TEST_CASE("a line that is cut or damaged names nobody") {
  CHECK(OwnerIn("1: FLOCK  ADVISORY  WRITE 4711 fe:00:131075 0 EOF") == -1);  // no line yet
  for (size_t size = 0; size < kMine.size() - strlen("131075 0 EOF\n") + 5; size++) {
    CAPTURE(size);
    CHECK(OwnerIn(kMine.substr(0, size) + "\n") == -1);
  }
  CHECK(OwnerIn("1: FLOCK  ADVISORY  WRITE -4711 fe:00:131075 0 EOF\n") == -1);
  CHECK(OwnerIn("1: FLOCK  ADVISORY  WRITE 0 fe:00:131075 0 EOF\n") == -1);
  CHECK(OwnerIn("1: FLOCK  ADVISORY  WRITE pid fe:00:131075 0 EOF\n") == -1);
  CHECK(OwnerIn("1: FLOCK  ADVISORY  WRITE 4711 fe:131075 0 EOF\n") == -1);
  CHECK(OwnerIn("1: FLOCK  ADVISORY  WRITE 4711 fe:00:131075x 0 EOF\n") == -1);
  CHECK(OwnerIn(std::string("\0\0\n", 3) + kOther) == -1);
}

TEST_CASE("an owner is found however many lines come before") {
  std::string many;
  for (int i = 0; i < 1000; i++) many += kOther;
  CHECK(OwnerIn(many + kMine) == 4711);
}

TEST_CASE("of a line longer than any of the kernel's, the beginning is left out") {
  CHECK(OwnerIn(std::string(8190, 'x') + "\n" + kMine) == 4711);
  CHECK(OwnerIn(std::string(8191, 'x') + "\n" + kMine) == 4711);
  CHECK(OwnerIn(std::string(8191 - kMine.size(), ' ') + kMine) == 4711);
  CHECK(OwnerIn(std::string(8192 - kMine.size(), ' ') + kMine) == -1);
  CHECK(OwnerIn(std::string(100'000, ' ')) == -1);
}

TEST_CASE("a descriptor that cannot be read names nobody") {
  struct stat lock = {};
  CHECK(LockOwnerIn(-1, lock) == -1);
}

#endif

}  // namespace
}  // namespace boxsockets::test
