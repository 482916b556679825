// What happens when a call fails, or when somebody gets in between two calls who does not take our
// lock, as BoxLite does not.
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "../posix/binding.h"
#include "../posix/dial.h"
#include "../posix/files.h"
#include "../posix/hold.h"
#include "../posix/list.h"
#include "../posix/listen.h"
#include "../posix/lock.h"
#include "../posix/probe.h"
#include "../posix/process.h"
#include "../posix/remove_tree.h"
#include "../posix/sweep.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

using Names = std::vector<std::string>;

struct Ensured {
  explicit Ensured(const Box& box, bool takeover = false) {
    EnsureOptions options;
    options.takeover = takeover;
    status = Ensure(box.paths(), options, &result);
  }
  bool Is(EnsureResult expected) const { return status.ok() && result == expected; }

  Status status;
  EnsureResult result = EnsureResult::kUnchanged;
};

void Replace(const std::string& link, const std::string& target) {
  unlink(link.c_str());
  MakeLink(target, link);
}

// A scene, an operation in it, and what must hold whatever happens to it.
struct Scene {
  World world;
  std::string other = world.MakeDirectory("other");
  std::string unchanged;  // a binding's target before, where it must be this or the right one

  void Bind(const std::string& target) {
    if (!Exists(world.parent)) world.MakeParent();
    MakeLink(target, world.binding);
    unchanged = target;
  }
  bool IsAsBefore() const { return TargetOf(world.binding) == unchanged; }
  bool IsBound() const { return IsSameDirectory(world.binding, world.real_dir); }
};

using Prepare = std::function<void(Scene&)>;
using Operate = std::function<Status(Scene&)>;
using Verify = std::function<bool(Scene&, const Status&)>;

// Fails each call of the operation in turn, in a scene of its own; and then none. Of what is read
// of one process after another, the first few.
void FailEachCall(int errnum, const Prepare& prepare, const Operate& operate,
                  const Verify& verify) {
  for (int failing = 1;; failing++) {
    Scene scene;
    prepare(scene);
    std::string failed = "none";
    Status status;
    int number = 0, processes = 0;
    {
      Intercept intercept("*", [&](int, const char* name) {
        bool process = strcmp(name, "readlink") == 0 || strcmp(name, "readdir") == 0;
        if (process && ++processes > 30) return 0;
        if (++number != failing) return 0;
        failed = name;
        return errnum;
      });
      status = operate(scene);
    }
    CAPTURE(failing);
    CAPTURE(failed);
    CAPTURE(status);
    CHECK(verify(scene, status));
    REQUIRE(failing < 1000);
    if (failed != "none") continue;
    CHECK(status.ok());
    break;
  }
}

TEST_CASE("whichever call of an ensure fails, nothing is half done") {
  Prepare missing = [](Scene&) {};
  Prepare dangling = [](Scene& scene) { scene.Bind("dangling"); };
  Prepare leftover = [](Scene& scene) {
    scene.Bind("dangling");
    MakeLink("left behind", scene.world.InParent(".box-1.new"));
  };
  Prepare occupied = [](Scene& scene) {
    scene.Bind(scene.other);
    MakeDeadSocket(scene.other + "/s");
  };
  Prepare right = [](Scene& scene) {
    scene.Bind(scene.world.real_dir);
    REQUIRE(chmod(scene.world.parent.c_str(), 0755) == 0);
  };
  Operate ensure = [](Scene& scene) { return Ensured(scene.world).status; };
  Verify verify = [](Scene& scene, const Status& status) {
    std::string temporary = scene.world.InParent(".box-1.new");
    bool tidy = !Exists(temporary) || TargetOf(temporary) == "left behind";
    return tidy && (status.ok() ? scene.IsBound() : scene.IsAsBefore() || scene.IsBound());
  };
  for (const Prepare& prepare : {missing, dangling, leftover, occupied, right}) {
    for (int errnum : {EIO, EACCES, ENOENT}) FailEachCall(errnum, prepare, ensure, verify);
  }
}

TEST_CASE("whichever call of an ensure of many fails, each of them is bound or has a reason") {
  std::vector<BatchItem> items;
  std::vector<Box> boxes;
  Prepare prepare = [&](Scene& scene) {
    boxes.clear();
    items.clear();
    scene.Bind("dangling");
    boxes.push_back(scene.world);
    boxes.push_back(scene.world.Sibling("box-2", scene.other));
    boxes.push_back(scene.world.Sibling("box-3", scene.world.home / "missing"));
    for (const Box& box : boxes) {
      BatchItem item = {};
      item.paths = box.paths();
      items.push_back(item);
    }
  };
  Operate ensure = [&](Scene&) {
    EnsureAll(items.data(), items.size(), {});
    return items[0].status.ok() ? items[1].status : items[0].status;
  };
  Verify verify = [&](Scene&, const Status&) {
    for (size_t i = 0; i < 2; i++) {
      bool bound = IsSameDirectory(boxes[i].binding, boxes[i].real_dir);
      if (items[i].status.ok() != bound && items[i].status.ok()) return false;
    }
    return !items[2].status.ok() && !Exists(boxes[2].binding);
  };
  for (int errnum : {EIO, ENOENT}) FailEachCall(errnum, prepare, ensure, verify);
}

TEST_CASE(
    "whichever call of a remove fails, the binding is there or gone, and the answer is true") {
  RemoveResult result;
  Prepare prepare = [](Scene& scene) { scene.Bind(scene.world.real_dir); };
  Operate remove = [&](Scene& scene) { return Remove(scene.world.paths(), 5000, &result); };
  Verify verify = [&](Scene& scene, const Status& status) {
    if (!status.ok() || result == RemoveResult::kForeign) return scene.IsAsBefore();
    return true;
  };
  for (int errnum : {EIO, EACCES}) FailEachCall(errnum, prepare, remove, verify);
  // ENOENT is an answer.
  Verify true_to_it = [&](Scene& scene, const Status& status) {
    return status.ok() || scene.IsAsBefore();
  };
  FailEachCall(ENOENT, prepare, remove, true_to_it);
}

TEST_CASE("whichever call of a sweep fails, no live link goes, and what went is told") {
  auto result = std::make_unique<SweepResult>();
  Prepare prepare = [&](Scene& scene) {
    result = std::make_unique<SweepResult>();
    scene.Bind(scene.world.real_dir);
    MakeLink("missing", scene.world.InParent("gone-1"));
    MakeLink("missing", scene.world.InParent("gone-2"));
    MakeFile(scene.world.InParent("file"));
  };
  Operate sweep = [&](Scene& scene) {
    return SweepStale(scene.world.parent_paths(), {false, 5000}, result.get());
  };
  Verify verify = [&](Scene& scene, const Status& status) {
    if (!scene.IsBound() || !Exists(scene.world.InParent("file"))) return false;
    size_t gone = !Exists(scene.world.InParent("gone-1")) + !Exists(scene.world.InParent("gone-2"));
    return !status.ok() || result->removed.size() == gone;
  };
  for (int errnum : {EIO, EACCES, ENOMEM}) FailEachCall(errnum, prepare, sweep, verify);
}

TEST_CASE("whichever call of a list fails, nothing changes") {
  Names before;
  Prepare prepare = [&](Scene& scene) {
    scene.Bind(scene.world.real_dir);
    MakeDeadSocket(scene.world.real_dir + "/s");
    MakeLink("missing", scene.world.InParent("gone"));
    before = EntriesOf(scene.world.parent);
  };
  Operate list = [](Scene& scene) {
    Listing listing;
    return List(scene.world.parent_paths(), 2000, &listing);
  };
  Verify verify = [&](Scene& scene, const Status&) {
    return EntriesOf(scene.world.parent) == before;
  };
  for (int errnum : {EIO, EACCES, ENOENT, ENOMEM}) FailEachCall(errnum, prepare, list, verify);
}

TEST_CASE(
    "whichever call of a probe fails, nothing stays behind that the next probe does not take") {
  for (SocketType type : {SocketType::kStream, SocketType::kDatagram}) {
    Prepare prepare = [](Scene& scene) { scene.Bind(scene.world.real_dir); };
    Operate probe = [&](Scene& scene) {
      std::string path = scene.world.binding + "/.~standin";
      return Probe({path.c_str(), ".~standin", scene.world.real_dir.c_str(), type});
    };
    Verify verify = [](Scene& scene, const Status& status) {
      Names entries = EntriesOf(scene.world.real_dir);
      bool unlinking = status.syscall != nullptr && strncmp(status.syscall, "unlink", 6) == 0;
      if (!entries.empty() && !unlinking) return false;
      Status swept = RemoveLeftovers(scene.world.real_dir.c_str(), scene.world.binding.c_str());
      return swept.ok() && EntriesOf(scene.world.real_dir).empty();
    };
    for (int errnum : {EIO, EACCES}) FailEachCall(errnum, prepare, probe, verify);
  }
}

TEST_CASE("whichever call of a listen fails, no socket stays behind, and a live one is spared") {
  Listener listener;
  Fd neighbour;
  Prepare prepare = [&](Scene& scene) {
    listener = Listener();
    scene.Bind("dangling");
    MakeDeadSocket(scene.world.real_dir + "/box.sock");
    neighbour = MakeSocket(scene.world.real_dir + "/net.sock", SocketType::kStream);
  };
  Operate operate = [&](Scene& scene) {
    return Listen(scene.world.paths(), "box.sock", {}, &listener);
  };
  Verify verify = [&](Scene& scene, const Status& status) {
    std::string path = scene.world.real_dir + "/box.sock";
    bool held = Exists(path) && SocketIsHeld(path.c_str()) && status.ok();
    bool dead = !Exists(path) || !SocketIsHeld(path.c_str());
    listener = Listener();
    bool spared = SocketIsHeld((scene.world.real_dir + "/net.sock").c_str());
    neighbour.Reset();
    return spared && (status.ok() ? held : dead || !SocketIsHeld(path.c_str()));
  };
  for (int errnum : {EIO, EACCES}) FailEachCall(errnum, prepare, operate, verify);
}

TEST_CASE("whichever call of a dial fails, it is told") {
  Fd client, listener;
  BoundPath bound;
  Prepare prepare = [&](Scene& scene) {
    listener = MakeSocket(scene.world.real_dir + "/s", SocketType::kStream);
  };
  Operate dial = [&](Scene& scene) {
    std::string path = scene.world.real_dir + "/s";
    return Dial(path.c_str(), path.c_str(), {true, geteuid()}, &client, &bound);
  };
  Verify verify = [&](Scene&, const Status& status) {
    bool told = status.ok() || HasFailed(status, EIO);
    client.Reset();
    listener.Reset();
    return told;
  };
  FailEachCall(EIO, prepare, dial, verify);
}

TEST_CASE("whichever call of a hold fails, nothing is held") {
  HeldDirectories held;
  Prepare prepare = [](Scene& scene) { scene.Bind(scene.world.real_dir); };
  Operate hold = [&](Scene& scene) {
    Status status = HoldBinding(scene.world.paths(), {false, 0}, &held);
    return status.ok() ? RefreshBinding(held.parent.get(), scene.world.paths()) : status;
  };
  Verify verify = [&](Scene& scene, const Status&) {
    held = {};
    return scene.IsAsBefore();
  };
  for (int errnum : {EIO, ENOENT}) FailEachCall(errnum, prepare, hold, verify);
}

TEST_CASE("whichever call of a home's lock fails, it is told, and nothing is locked") {
  Fd lock;
  Prepare prepare = [](Scene&) {};
  Operate take = [&](Scene& scene) {
    return LockHome((scene.world.home / ".lock").c_str(), &lock);
  };
  Verify verify = [&](Scene& scene, const Status& status) {
    bool told = status.ok() == lock.valid();
    lock.Reset();
    Status again = LockHome((scene.world.home / ".lock").c_str(), &lock);
    lock.Reset();
    return told && again.ok();
  };
  for (int errnum : {EIO, EACCES}) FailEachCall(errnum, prepare, take, verify);
}

TEST_CASE("a home's lock that is replaced again and again is given up") {
  Scene scene;
  Fd lock;
  std::string path = scene.world.home / ".lock";
  Intercept intercept("flock", [&](int, const char*) {
    REQUIRE(unlink(path.c_str()) == 0);
    return 0;
  });
  CHECK(IsRefused(LockHome(path.c_str(), &lock), Refusal::kParentUnstable));
  CHECK_FALSE(lock.valid());
}

TEST_CASE("whichever call of a measurement fails, no socket stays behind") {
  Prepare prepare = [](Scene&) {};
  Operate measure = [](Scene& scene) { return BindAnyLength((scene.other + "/s").c_str()); };
  Verify verify = [](Scene& scene, const Status& status) {
    bool unlinking = status.syscall != nullptr && strcmp(status.syscall, "unlink") == 0;
    return EntriesOf(scene.other).empty() || unlinking;
  };
  for (int errnum : {EIO, EACCES}) FailEachCall(errnum, prepare, measure, verify);
}

TEST_CASE("without process descriptors a signal goes by number, to the right process alone") {
  for (int errnum : {ENOSYS, EPERM}) {
    Signal end;
    Child child([&] {
      end.Await();
      return 0;
    });
    int64_t start_time;
    REQUIRE(StartTime(child.pid(), &start_time).ok());
    bool sent = true;
    Intercept intercept("syscall", [errnum](int, const char*) { return errnum; });
    CHECK(SignalProcess(child.pid(), start_time + 1, SIGKILL, &sent).ok());
    CHECK_FALSE(sent);
    CHECK(SignalProcess(child.pid(), start_time, SIGKILL, &sent).ok());
    CHECK(sent);
    CHECK(child.Wait() == -1);
  }
}

TEST_CASE("a process that /proc hides is not taken for one that has ended") {
  int64_t start_time;
  {
    Intercept intercept("open", [](int, const char*) { return ENOENT; });
    CHECK(HasFailed(StartTime(getpid(), &start_time), EACCES));
  }
  {
    // It was only slow to appear.
    Intercept intercept("open", 1, [] { return ENOENT; });
    CHECK(StartTime(getpid(), &start_time).ok());
    CHECK(start_time != kNotRunning);
  }
  {
    Intercept intercept("read", 1, [] { return ESRCH; });
    CHECK(StartTime(getpid(), &start_time).ok());
    CHECK(start_time == kNotRunning);
  }
}

TEST_CASE("a kernel that does not know openat2 keeps what it promises all the same") {
  TempDirectory directory;
  std::string tree = directory / "tree", outside = directory / "outside";
  for (const std::string& path : {tree, tree + "/a", tree + "/a/mounted", outside}) {
    MakeDirectory(path);
  }
  MakeFile(outside + "/precious");
  MakeLink(outside, tree + "/link");
  for (int errnum : {ENOSYS, EPERM}) {
    Intercept unknown("openat2", [&](int, const char*) { return errnum; });
    FileAt through_link = {tree.c_str(), "link/precious"};
    Vec<char> bytes;
    int64_t size;
    CHECK(HasFailed(ReadFile(through_link, 9, false, &bytes, &size), ENOTDIR));
    CHECK(HasFailed(ReadFile({tree.c_str(), "a/../../outside/precious"}, 9, false, &bytes, &size),
                    EXDEV));
    CHECK(ReadFile({directory.path().c_str(), "outside//precious"}, 9, false, &bytes, &size).ok());
  }
  Child child([&] {
    if (!MountOver(outside, tree + "/a/mounted")) return 77;
    Intercept unknown("openat2", [](int, const char*) { return ENOSYS; });
    TreeEntry failed;
    Status status = RemoveTree(directory.path().c_str(), "tree", "", &failed);
    return HasFailed(status, EXDEV) && std::string(failed.path) == "tree/a/mounted" ? 0 : 1;
  });
  int exited = child.Wait();
  SKIP_UNLESS(exited != 77, "no mounts here");
  CHECK(exited == 0);
  CHECK(Exists(outside + "/precious"));
  Intercept unknown("openat2", [](int, const char*) { return ENOSYS; });
  TreeEntry failed;
  CHECK(RemoveTree(directory.path().c_str(), "tree", "", &failed).ok());
  CHECK_FALSE(Exists(tree));
  CHECK(Exists(outside + "/precious"));
}

TEST_CASE("a call that a signal interrupts is repeated") {
  const Names names = {"open", "openat", "flock", "connect", "accept4", "send", "recv", "read"};
  auto interrupt_each = [&](const Operate& operate) {
    for (const std::string& name : names) {
      for (int number = 1; number <= 3; number++) {
        Scene scene;
        scene.Bind(scene.other);
        MakeDeadSocket(scene.other + "/s");
        Intercept intercept(name, number, [] { return EINTR; });
        CAPTURE(name);
        CAPTURE(number);
        CHECK(operate(scene).ok());
      }
    }
  };
  interrupt_each([](Scene& scene) { return Ensured(scene.world).status; });
  interrupt_each([](Scene& scene) {
    std::string path = scene.other + "/.standin";
    return Probe({path.c_str(), ".standin", scene.other.c_str(), SocketType::kStream});
  });
  interrupt_each([](Scene& scene) {
    Listing listing;
    return List(scene.world.parent_paths(), 2000, &listing);
  });
  interrupt_each([](Scene& scene) {
    Listener listener;
    return Listen(scene.world.paths(), "box.sock", {}, &listener);
  });
}

TEST_CASE("whoever makes the binding between our look and our link is found out") {
  Scene scene;
  {
    Intercept intercept("symlinkat", 1, [&] {
      MakeLink(scene.world.real_dir, scene.world.binding);
      return 0;
    });
    CHECK(Ensured(scene.world).Is(EnsureResult::kUnchanged));
  }
  REQUIRE(unlink(scene.world.binding.c_str()) == 0);
  Fd held = MakeSocket(scene.other + "/s", SocketType::kStream);
  Intercept intercept("symlinkat", 1, [&] {
    MakeLink(scene.other, scene.world.binding);
    return 0;
  });
  CHECK(IsRefused(Ensured(scene.world).status, Refusal::kBindingInUse));
  CHECK(TargetOf(scene.world.binding) == scene.other);
}

TEST_CASE("whoever replaces our fresh link keeps his own") {
  Scene scene;
  Fd held = MakeSocket(scene.other + "/s", SocketType::kStream);
  {
    // The first stat after the link is the one that verifies it.
    bool linked = false;
    Intercept verification("*", [&](int, const char* name) {
      if (strcmp(name, "symlinkat") == 0) linked = true;
      if (!linked || strcmp(name, "stat") != 0) return 0;
      linked = false;
      Replace(scene.world.binding, scene.other);
      return 0;
    });
    CHECK(IsRefused(Ensured(scene.world).status, Refusal::kBindingInUse));
  }
  CHECK(TargetOf(scene.world.binding) == scene.other);
}

// As a file system that ignores case shows it: found by both names, and listed by one of them.
TEST_CASE("a name that the file system takes for another binding's is refused, that one kept") {
  for (bool takeover : {false, true}) {
    Scene scene;
    scene.Bind("dangling");
    std::string other = scene.world.InParent("BOX-1");
    REQUIRE(link(scene.world.binding.c_str(), other.c_str()) == 0);
    // The first openat opens the lock, the second the parent, to read how the name is spelled.
    Intercept intercept("openat", 2, [&] {
      REQUIRE(unlink(scene.world.binding.c_str()) == 0);
      return 0;
    });
    Status status = Ensured(scene.world, takeover).status;
    CHECK(IsRefused(status, Refusal::kIdTaken));
    CHECK(status.subject == Subject::kBinding);
    CHECK(TargetOf(other) == "dangling");
    CHECK_FALSE(Exists(scene.world.binding));
  }
}

TEST_CASE("two bindings whose names differ by case are two where the file system says so") {
  Scene scene;
  scene.Bind("dangling");
  MakeLink("dangling", scene.world.InParent("BOX-1"));
  CHECK(Ensured(scene.world).Is(EnsureResult::kReplaced));
  REQUIRE(unlink(scene.world.InParent("BOX-1").c_str()) == 0);
  // One link of two names is not one name.
  Replace(scene.world.binding, "dangling");
  REQUIRE(link(scene.world.binding.c_str(), scene.world.InParent("BOX-1").c_str()) == 0);
  CHECK(Ensured(scene.world).Is(EnsureResult::kReplaced));
  CHECK(scene.IsBound());
}

TEST_CASE("a parent that is removed under us is made again") {
  Scene scene;
  Intercept intercept("symlinkat", 1, [&] {
    REQUIRE(rmdir(scene.world.parent.c_str()) == 0);
    return 0;
  });
  CHECK(Ensured(scene.world).Is(EnsureResult::kCreated));
  CHECK(scene.IsBound());
}

TEST_CASE("a parent that is swapped under us is found out, and nothing stays in the old one") {
  for (const char* call : {"symlinkat", "renameat"}) {
    Scene scene;
    if (strcmp(call, "renameat") == 0) scene.Bind("dangling");
    std::string away = scene.world.base + "/away";
    Intercept intercept(call, 1, [&] {
      REQUIRE(rename(scene.world.parent.c_str(), away.c_str()) == 0);
      scene.world.MakeParent();
      return 0;
    });
    CHECK(Ensured(scene.world).status.ok());
    CHECK(scene.IsBound());
    CHECK_FALSE(Exists(away + "/.box-1.new"));
    if (strcmp(call, "symlinkat") == 0) CHECK(EntriesOf(away).empty());
  }
}

TEST_CASE("a parent that is swapped again and again is given up") {
  Scene scene;
  int swaps = 0;
  Intercept intercept("symlinkat", [&](int, const char*) {
    std::string away = scene.world.base + "/away-" + std::to_string(swaps++);
    REQUIRE(rename(scene.world.parent.c_str(), away.c_str()) == 0);
    return 0;
  });
  Ensured ensured(scene.world);
  CHECK(IsRefused(ensured.status, Refusal::kParentUnstable));
  CHECK(swaps == 100);
}

TEST_CASE(
    "a real directory that is made anew while the lock is waited for is not taken for another") {
  Scene scene;
  scene.Bind(scene.world.real_dir);
  REQUIRE(chmod(scene.world.parent.c_str(), 0711) == 0);  // else the steady path needs no lock
  Fd held;
  Intercept intercept("flock", 1, [&] {
    REQUIRE(rename(scene.world.real_dir.c_str(), (scene.world.home / "old").c_str()) == 0);
    MakeDirectory(scene.world.real_dir);
    held = MakeSocket(scene.world.real_dir + "/box.sock", SocketType::kStream);
    return 0;
  });
  CHECK(Ensured(scene.world).Is(EnsureResult::kUnchanged));
}

TEST_CASE("a lock that is replaced again and again is given up") {
  Scene scene;
  scene.Bind("dangling");
  Intercept intercept("flock", [&](int, const char*) {
    REQUIRE(unlink(scene.world.InParent(".lock").c_str()) == 0);
    return 0;
  });
  CHECK(IsRefused(Ensured(scene.world).status, Refusal::kParentUnstable));
  CHECK(scene.IsAsBefore());
}

TEST_CASE(
    "a home that is removed while its binding is looked at is gone, and its binding replaced") {
  Scene scene;
  scene.Bind(scene.other);
  // The first openat opens the lock, the second what the binding leads to.
  Intercept intercept("openat", 2, [&] {
    REQUIRE(rmdir(scene.other.c_str()) == 0);
    return 0;
  });
  CHECK(Ensured(scene.world).Is(EnsureResult::kReplaced));
  CHECK(scene.IsBound());
}

TEST_CASE("a real directory that is removed while its link is made is refused, the old link kept") {
  Scene scene;
  scene.Bind("before");
  Intercept intercept("symlinkat", 1, [&] {
    REQUIRE(rmdir(scene.world.real_dir.c_str()) == 0);
    return 0;
  });
  CHECK(IsRefused(Ensured(scene.world).status, Refusal::kRealDir));
  CHECK(scene.IsAsBefore());
}

TEST_CASE("on a full disk remove and sweep go on without a lock, and ensure does not") {
  for (int errnum : {ENOSPC, EDQUOT}) {
    Scene scene;
    scene.Bind(scene.world.real_dir);
    MakeLink("missing", scene.world.InParent("gone"));
    auto full = [errnum] { return errnum; };
    {
      Intercept intercept("openat", 1, full);
      REQUIRE(chmod(scene.world.parent.c_str(), 0711) == 0);  // else the steady path needs no lock
      CHECK(HasFailed(Ensured(scene.world).status, errnum));
    }
    {
      // After the parent and /proc.
      Intercept intercept("openat", 3, full);
      SweepResult result;
      CHECK(SweepStale(scene.world.parent_paths(), {false, 0}, &result).ok());
      CHECK(result.removed.size() == 1);
    }
    {
      Intercept intercept("openat", 1, full);
      RemoveResult result;
      CHECK(Remove(scene.world.paths(), 0, &result).ok());
      CHECK(result == RemoveResult::kRemoved);
    }
    CHECK(EntriesOf(scene.world.parent).empty());
  }
}

TEST_CASE("entries that come and go while a parent is listed or swept are not told of") {
  for (bool dry_run : {false, true}) {
    Scene scene;
    scene.Bind(scene.world.real_dir);
    SweepResult result;
    Intercept intercept("openat2", [&](int, const char*) {
      unlink(scene.world.binding.c_str());
      return 0;
    });
    CHECK(SweepStale(scene.world.parent_paths(), {dry_run, 0}, &result).ok());
    CHECK(result.removed.size() == 0);
    CHECK(result.kept == 0);
  }
  Scene scene;
  scene.Bind(scene.world.real_dir);
  Listing listing;
  Intercept intercept("readlinkat", 1, [&] {
    unlink(scene.world.binding.c_str());
    return 0;
  });
  CHECK(List(scene.world.parent_paths(), 2000, &listing).ok());
  CHECK(listing.entries.size() == 0);
}

TEST_CASE("a binding that is removed and made again between two looks is not called stale") {
  Scene scene;
  scene.Bind(scene.world.real_dir);
  auto flicker = [&](int, const char* name) {
    if (strcmp(name, "readlinkat") == 0) Replace(scene.world.binding, scene.world.real_dir);
    if (strcmp(name, "fstatat") == 0) unlink(scene.world.binding.c_str());
    return 0;
  };
  Intercept intercept("*", flicker);
  SweepResult swept;
  CHECK(SweepStale(scene.world.parent_paths(), {true, 0}, &swept).ok());
  CHECK(swept.removed.size() == 0);
}

TEST_CASE("a binding whose home comes back while it is swept is there again") {
  Scene scene;
  scene.Bind(scene.world.home / "away");
  Intercept intercept("syscall", 1, [&] {
    MakeDirectory(scene.world.home / "away");
    return 0;
  });
  SweepResult swept;
  CHECK(SweepStale(scene.world.parent_paths(), {false, 0}, &swept).ok());
  CHECK(scene.IsAsBefore());
  CHECK(swept.removed.size() == 0);
  CHECK(swept.kept == 1);
}

TEST_CASE(
    "a binding whose home comes back while it is swept, and which cannot be put back, is told") {
  Scene scene;
  scene.Bind(scene.world.home / "away");
  SweepResult swept;
  int renames = 0;
  {
    Intercept intercept("*", [&](int, const char* name) {
      if (strcmp(name, "syscall") != 0) return 0;
      // The first moves it aside, the second would put it back.
      if (++renames > 1) return EIO;
      MakeDirectory(scene.world.home / "away");
      return 0;
    });
    CHECK(SweepStale(scene.world.parent_paths(), {false, 0}, &swept).ok());
  }
  CHECK(swept.removed.size() == 0);
  REQUIRE(swept.skipped.size() == 1);
  CHECK(swept.skipped[0].errnum == EIO);
  CHECK(strcmp(swept.names.at(swept.skipped[0].name), "box-1") == 0);
  // The next one finds it where it was put aside, and gives it its name again.
  CHECK(SweepStale(scene.world.parent_paths(), {false, 0}, &swept).ok());
  CHECK(scene.IsAsBefore());
}

TEST_CASE("a fresh link of somebody who does not take our lock survives a sweep") {
  for (const char* call : {"flock", "fstatat", "syscall", "renameat"}) {
    for (int errnum : {0, ENOSYS}) {
      CAPTURE(call);
      Scene scene;
      scene.Bind(scene.world.home / "away");
      int looks = 0;
      Intercept intercept("*", [&](int, const char* name) {
        // Not before the first look, without the lock, which asks twice.
        bool asking = strcmp(call, "fstatat") == 0;
        bool now = strcmp(name, call) == 0 && ++looks == (asking ? 3 : 1);
        if (now) Replace(scene.world.binding, scene.other);
        return strcmp(name, "syscall") == 0 ? errnum : 0;
      });
      SweepResult swept;
      CHECK(SweepStale(scene.world.parent_paths(), {false, 0}, &swept).ok());
      bool came = looks > 0;  // renameat is called by no new kernel's sweep
      CHECK(came == (errnum == ENOSYS || strcmp(call, "renameat") != 0));
      if (!came) continue;
      CHECK(TargetOf(scene.world.binding) == scene.other);
      CHECK(swept.removed.size() == 0);
      CHECK(EntriesOf(scene.world.parent) == Names{".lock", "box-1"});
    }
  }
}

TEST_CASE("a binding that is made anew while a stale one is swept keeps its place") {
  Scene scene;
  scene.Bind("dangling");
  // A cleaner takes the stale link between the look at it and its removal, and an ensure(), which
  // takes no lock where nothing is, makes a new one.
  Intercept intercept("syscall", 1, [&] {
    Replace(scene.world.binding, scene.world.real_dir);
    return 0;
  });
  SweepResult swept;
  CHECK(SweepStale(scene.world.parent_paths(), {false, 0}, &swept).ok());
  CHECK(scene.IsBound());
  CHECK(swept.removed.size() == 0);
  CHECK(swept.kept == 1);
  CHECK(EntriesOf(scene.world.parent) == Names{".lock", "box-1"});
}

TEST_CASE("a binding that is made while a stale one is aside is not overwritten") {
  Scene scene;
  scene.Bind(scene.world.home / "away");
  Intercept intercept("readlinkat", 2, [&] {
    MakeDirectory(scene.world.home / "away");
    MakeLink(scene.world.real_dir, scene.world.binding);
    return 0;
  });
  SweepResult swept;
  CHECK(SweepStale(scene.world.parent_paths(), {false, 0}, &swept).ok());
  CHECK(scene.IsBound());
  CHECK(EntriesOf(scene.world.parent) == Names{".lock", "box-1"});
}

TEST_CASE("what stands where a stale link would be moved aside is left alone") {
  Scene scene;
  scene.Bind("dangling");
  MakeFile(scene.world.InParent(".box-1.old"));
  SweepResult swept;
  CHECK(SweepStale(scene.world.parent_paths(), {false, 0}, &swept).ok());
  CHECK(scene.IsAsBefore());
  REQUIRE(swept.skipped.size() == 1);
  CHECK(swept.skipped[0].errnum == EEXIST);
  CHECK(Exists(scene.world.InParent(".box-1.old")));
}

TEST_CASE("a parent that cannot be opened is told of by the call that says why") {
  struct Case {
    const char* call;
    int errnum;
    Refusal refusal;
  };
  for (const Case& failing :
       {Case{"lstat", EIO, Refusal::kNone}, Case{"chmod", EIO, Refusal::kNone},
        Case{"chmod", EPERM, Refusal::kParentForeign}}) {
    Scene scene;
    scene.world.MakeParent();
    Intercept intercept("*", [&](int, const char* name) {
      if (strcmp(name, "open") == 0) return EACCES;
      return strcmp(name, failing.call) == 0 ? failing.errnum : 0;
    });
    Parent parent;
    Status status = Parent::Open(scene.world.paths(), scene.world.uid, Access::kCreate, &parent);
    CAPTURE(failing.call);
    CHECK(status.refusal == failing.refusal);
    if (failing.refusal == Refusal::kNone) {
      CHECK(status.errnum == failing.errnum);
      CHECK(strcmp(status.syscall, failing.call) == 0);
    }
  }
}

TEST_CASE("a binding that is moved while it is listed is told as it was when it was read") {
  Scene scene;
  scene.Bind("dangling");
  bool moved = false;
  Intercept intercept("fstatat", [&](int, const char*) {
    // After the first look at where it leads.
    if (moved) Replace(scene.world.binding, scene.world.real_dir);
    if (!moved) unlink(scene.world.binding.c_str());
    moved = true;
    return 0;
  });
  Listing listing;
  CHECK(List(scene.world.parent_paths(), 2000, &listing).ok());
  for (const Listing::Entry& entry : listing.entries) {
    CHECK(entry.state == BindingState::kDangling);  // what it was when it was read
    CHECK(strcmp(listing.names.at(entry.target), "dangling") == 0);
  }
}

TEST_CASE("a file system that tells no types is asked for them") {
  Scene scene;
  scene.Bind(scene.other);
  MakeDeadSocket(scene.other + "/dead");
  MakeFile(scene.other + "/file");
  MakeLink("missing", scene.world.InParent("gone"));
  MakeFile(scene.world.InParent("file"));
  Fd held = MakeSocket(scene.other + "/held", SocketType::kStream);
  readdir_hides_types = true;
  Ensured ensured(scene.world);
  SweepResult swept;
  Status sweep_status = SweepStale(scene.world.parent_paths(), {false, 0}, &swept);
  Listing listing;
  Status list_status = List(scene.world.parent_paths(), 2000, &listing);
  readdir_hides_types = false;
  CHECK(IsRefused(ensured.status, Refusal::kBindingInUse));
  CHECK(sweep_status.ok());
  CHECK(swept.removed.size() == 1);
  CHECK(swept.kept == 1);
  CHECK(list_status.ok());
  CHECK(listing.entries.size() == 2);
  CHECK(listing.sockets.size() == 2);
}

TEST_CASE("a probe finds its own connection among those of somebody who connects to anything") {
  Scene scene;
  scene.Bind(scene.world.real_dir);
  std::string path = scene.world.binding + "/.standin";
  auto probe = [&] {
    return Probe({path.c_str(), ".standin", scene.world.real_dir.c_str(), SocketType::kStream});
  };
  std::vector<Fd> visitors;
  auto visit = [&](int count) {
    Address address;
    REQUIRE(Address::Make(path.c_str(), kSunPathCapacity, "connect", &address).ok());
    for (int i = 0; i < count; i++) {
      Fd visitor;
      REQUIRE(OpenSocket(SocketType::kStream, &visitor).ok());
      REQUIRE(fcntl(visitor.get(), F_SETFL, O_NONBLOCK) == 0);
      if (connect(visitor.get(), address.get(), address.size()) != 0) break;
      visitors.push_back(static_cast<Fd&&>(visitor));
    }
    return 0;
  };
  {
    Intercept intercept("connect", 1, [&] { return visit(3); });
    CHECK(probe().ok());
  }
  visitors.clear();
  {
    // As many as the backlog holds beside our own.
    Intercept intercept("connect", 1, [&] { return visit(8); });
    CHECK(probe().ok());
  }
  visitors.clear();
  {
    // A full backlog is no reason to wait.
    Intercept intercept("connect", 1, [&] { return visit(100); });
    CHECK(HasFailed(probe(), EAGAIN));
  }
  visitors.clear();
  CHECK(EntriesOf(scene.world.real_dir).empty());
}

TEST_CASE("a datagram that is not the probe's own is no proof") {
  Scene scene;
  scene.Bind(scene.world.real_dir);
  std::string path = scene.world.binding + "/.standin";
  Intercept intercept("send", 1, [&] {
    Address address;
    Fd stranger;
    REQUIRE(Address::Make(path.c_str(), kSunPathCapacity, "sendto", &address).ok());
    REQUIRE(OpenSocket(SocketType::kDatagram, &stranger).ok());
    REQUIRE(sendto(stranger.get(), "?", 1, 0, address.get(), address.size()) == 1);
    return 0;
  });
  Status status =
      Probe({path.c_str(), ".standin", scene.world.real_dir.c_str(), SocketType::kDatagram});
  CHECK(HasFailed(status, EPROTO));
  CHECK(EntriesOf(scene.world.real_dir).empty());
}

TEST_CASE("a listener whose binding is moved meanwhile never unlinks the socket of another box") {
  for (const char* call : {"bind", "lstat"}) {
    Scene scene;
    scene.Bind(scene.world.real_dir);
    Fd others = MakeSocket(scene.other + "/box.sock", SocketType::kStream);
    Listener listener;
    {
      // The parent is looked at with lstat before the socket is.
      int moves = 0;
      bool bound = false;
      Intercept intercept("*", [&](int, const char* name) {
        if (strcmp(name, "bind") == 0) bound = true;
        if (!bound || strcmp(name, call) != 0 || moves++ > 0) return 0;
        Replace(scene.world.binding, scene.other);
        return 0;
      });
      CHECK_FALSE(Listen(scene.world.paths(), "box.sock", {}, &listener).ok());
      CHECK(moves > 0);
    }
    CAPTURE(call);
    CHECK(Exists(scene.other + "/box.sock"));
    CHECK_FALSE(Exists(scene.world.real_dir + "/box.sock"));
    CHECK_FALSE(HasVisitor(others));
  }
}

TEST_CASE("a listener never takes its own live socket for dead because the binding was moved") {
  Scene scene;
  scene.Bind(scene.world.real_dir);
  MakeDeadSocket(scene.other + "/box.sock");
  Fd live = MakeSocket(scene.world.real_dir + "/box.sock", SocketType::kStream);
  Listener listener;
  {
    // Asked whether it is held through the binding, which leads to the dead one by then.
    Intercept intercept("socket", 1, [&] {
      Replace(scene.world.binding, scene.other);
      return 0;
    });
    CHECK_FALSE(Listen(scene.world.paths(), "box.sock", {}, &listener).ok());
  }
  CHECK(Exists(scene.world.real_dir + "/box.sock"));
}

TEST_CASE("a listener whose binding was moved for a moment listens in the real directory") {
  Scene scene;
  scene.Bind(scene.world.real_dir);
  Listener listener;
  {
    Intercept intercept("bind", 1, [&] {
      Replace(scene.world.binding, scene.other);
      return 0;
    });
    CHECK(Listen(scene.world.paths(), "box.sock", {}, &listener).ok());
  }
  CHECK(EntriesOf(scene.other).empty());
  CHECK(SocketIsHeld((scene.world.real_dir + "/box.sock").c_str()));
}

}  // namespace
}  // namespace boxsockets::test
