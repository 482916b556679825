// ensure: what it makes, what it replaces, what it refuses, and that a refusal changes nothing.
#include <errno.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../posix/binding.h"
#include "support.h"

namespace boxsockets::test {
namespace {

struct Ensured {
  Status status;
  EnsureResult result = EnsureResult::kUnchanged;

  bool Is(EnsureResult expected) const { return status.ok() && result == expected; }
};

Ensured Run(const World& world, bool takeover = false) {
  Ensured ensured;
  EnsureOptions options;
  options.takeover = takeover;
  ensured.status = Ensure(world.paths(), options, &ensured.result);
  return ensured;
}

bool IsBound(const World& world) { return IsSameDirectory(world.binding, world.real_dir); }

// What a replacement leaves in a parent: the link and the lock.
const std::vector<std::string> kNothingElse = {".lock", "box-1"};

TEST_CASE("a missing binding is created, and then left as it is") {
  World world;
  CHECK(Run(world).Is(EnsureResult::kCreated));
  CHECK(TargetOf(world.binding) == world.real_dir);
  ino_t before = StatOf(world.binding).st_ino;
  CHECK(Run(world).Is(EnsureResult::kUnchanged));
  CHECK(StatOf(world.binding).st_ino == before);
  CHECK(EntriesOf(world.parent) == std::vector<std::string>{"box-1"});  // no lock was needed
  CHECK(ModeOf(world.parent) == 0700);
}

TEST_CASE("a missing binding is created while somebody holds the lock") {
  World world;
  world.MakeParent();
  MakeFile(world.InParent(".lock"));
  Fd lock(open(world.InParent(".lock").c_str(), O_RDWR | O_CLOEXEC));
  REQUIRE(flock(lock.get(), LOCK_EX | LOCK_NB) == 0);
  EnsureResult result;
  CHECK(Ensure(world.paths(), {false, 0}, &result).ok());
  CHECK(IsBound(world));
  REQUIRE(unlink(world.binding.c_str()) == 0);
  MakeLink("dangling", world.binding);
  CHECK(IsRefused(Ensure(world.paths(), {false, 0}, &result), Refusal::kLockTimeout));
}

TEST_CASE("the parent has the mode that it was told to have, and no other") {
  World world;
  Paths paths = world.paths();
  paths.parent_mode = 0711;
  EnsureResult result;
  Look look;
  REQUIRE(Ensure(paths, {}, &result).ok());
  CHECK(ModeOf(world.parent) == 0711);
  CHECK(IsSteady(paths, world.uid, &look));
  CHECK_FALSE(IsSteady(world));
  for (mode_t mode : {0700, 0755, 0710}) {
    REQUIRE(chmod(world.parent.c_str(), mode) == 0);
    CHECK(Ensure(paths, {}, &result).ok());
    CHECK(ModeOf(world.parent) == 0711);
  }
  RemoveResult removed;
  REQUIRE(chmod(world.parent.c_str(), 0755) == 0);
  CHECK(Remove(paths, 0, &removed).ok());
  CHECK(ModeOf(world.parent) == 0755);  // who only removes repairs nothing
}

TEST_CASE("the steady path touches nothing, not even the lock") {
  World world;
  REQUIRE(Run(world).Is(EnsureResult::kCreated));
  CHECK(Run(world).Is(EnsureResult::kUnchanged));
  CHECK_FALSE(Exists(world.InParent(".lock")));
}

TEST_CASE("two spellings of one directory are the same binding, and the link is left untouched") {
  World world;
  world.MakeParent();
  MakeLink(world.home.path(), world.home / "alias");
  for (const std::string& spelling :
       {world.home / "alias/real", world.home / "base/../real", world.real_dir + "//.",
        world.base + "/../alias/alias/real"}) {
    MakeLink(spelling, world.binding);
    CHECK(Run(world).Is(EnsureResult::kUnchanged));
    CHECK(TargetOf(world.binding) == spelling);
    REQUIRE(unlink(world.binding.c_str()) == 0);
  }
}

TEST_CASE("the mode of the parent is repaired although the binding is right") {
  World world;
  REQUIRE(Run(world).Is(EnsureResult::kCreated));
  REQUIRE(chmod(world.parent.c_str(), 0755) == 0);
  CHECK(Run(world).Is(EnsureResult::kUnchanged));
  CHECK(ModeOf(world.parent) == 0700);
}

TEST_CASE("a link to nothing, to a loop, through a file or to a file is replaced") {
  World world;
  world.MakeParent();
  MakeFile(world.home / "file");
  for (const std::string& target :
       {world.home / "missing", world.home / "missing/deep", world.binding,
        world.home / "file/under", world.home / "file", std::string("relative")}) {
    MakeLink(target, world.binding);
    CAPTURE(target);
    CHECK(Run(world).Is(EnsureResult::kReplaced));
    CHECK(TargetOf(world.binding) == world.real_dir);
    CHECK(EntriesOf(world.parent) == kNothingElse);
    REQUIRE(unlink(world.binding.c_str()) == 0);
  }
}

TEST_CASE("a link to another directory is replaced where nobody holds a socket in it") {
  World world;
  world.MakeParent();
  std::string other = world.MakeDirectory("other");
  MakeLink(other, world.binding);
  MakeDeadSocket(other + "/dead.sock");
  MakeDeadSocket(other + "/dead-d.sock", SocketType::kDatagram);
  MakeFile(other + "/file");
  CHECK(Run(world).Is(EnsureResult::kReplaced));
  CHECK(IsBound(world));
  CHECK(EntriesOf(other) == std::vector<std::string>{"dead-d.sock", "dead.sock", "file"});
}

TEST_CASE("a link to a directory in which a socket is held is refused, and nobody is woken") {
  for (SocketType type : {SocketType::kStream, SocketType::kDatagram}) {
    World world;
    world.MakeParent();
    std::string other = world.MakeDirectory("other");
    MakeLink(other, world.binding);
    MakeDeadSocket(other + "/a");
    Fd held = MakeSocket(other + "/ready.sock", type);
    Ensured ensured = Run(world);
    CHECK(IsRefused(ensured.status, Refusal::kBindingInUse));
    CHECK(ensured.status.subject == Subject::kBinding);
    CHECK(TargetOf(world.binding) == other);
    CHECK_FALSE(HasVisitor(held));
    CHECK(Run(world, true).Is(EnsureResult::kReplaced));
    CHECK(IsBound(world));
    CHECK_FALSE(HasVisitor(held));
    CHECK(Exists(other + "/ready.sock"));
  }
}

TEST_CASE("a socket held in the directory itself does not stop anything") {
  World world;
  Fd held = MakeSocket(world.real_dir + "/s", SocketType::kStream);
  CHECK(Run(world).Is(EnsureResult::kCreated));
  CHECK(Run(world).Is(EnsureResult::kUnchanged));
}

TEST_CASE("what is no symlink is refused and left as it is, takeover or not") {
  World world;
  world.MakeParent();
  for (bool takeover : {false, true}) {
    auto refuses = [&] {
      struct stat before = StatOf(world.binding);
      Ensured ensured = Run(world, takeover);
      CHECK(IsRefused(ensured.status, Refusal::kNotASymlink));
      CHECK(ensured.status.subject == Subject::kBinding);
      CHECK(StatOf(world.binding).st_ino == before.st_ino);
      CHECK(StatOf(world.binding).st_mode == before.st_mode);
    };
    MakeFile(world.binding);
    refuses();
    REQUIRE(unlink(world.binding.c_str()) == 0);
    MakeFifo(world.binding);
    refuses();
    REQUIRE(unlink(world.binding.c_str()) == 0);
    MakeDeadSocket(world.binding);
    refuses();
    REQUIRE(unlink(world.binding.c_str()) == 0);
    MakeDirectory(world.binding);
    MakeFile(world.binding + "/content");
    refuses();
    CHECK(Exists(world.binding + "/content"));
    REQUIRE(unlink((world.binding + "/content").c_str()) == 0);
    REQUIRE(rmdir(world.binding.c_str()) == 0);
  }
}

TEST_CASE("a link that cannot be resolved is refused with that reason, unless it is taken over") {
  AsUser user(AsUser::Ordinary());
  World world;
  world.MakeParent();
  std::string locked = world.MakeDirectory("locked");
  MakeDirectory(locked + "/inner");
  MakeLink(locked + "/inner", world.binding);
  REQUIRE(chmod(locked.c_str(), 0000) == 0);
  Ensured ensured = Run(world);
  CHECK(HasFailed(ensured.status, EACCES));
  CHECK(ensured.status.subject == Subject::kBinding);
  CHECK(TargetOf(world.binding) == locked + "/inner");
  CHECK(Run(world, true).Is(EnsureResult::kReplaced));
  CHECK(IsBound(world));
}

TEST_CASE("a link to a directory that cannot be searched for sockets is refused") {
  AsUser user(AsUser::Ordinary());
  World world;
  world.MakeParent();
  std::string locked = world.MakeDirectory("locked");
  MakeLink(locked, world.binding);
  REQUIRE(chmod(locked.c_str(), 0300) == 0);
  CHECK(HasFailed(Run(world).status, EACCES));
  CHECK(TargetOf(world.binding) == locked);
  CHECK(Run(world, true).Is(EnsureResult::kReplaced));
}

TEST_CASE("a real directory that is none is refused before anything is touched") {
  World world;
  auto refuses = [&](int errnum) {
    Ensured ensured = Run(world);
    CHECK(IsRefused(ensured.status, Refusal::kRealDir));
    CHECK(ensured.status.subject == Subject::kRealDir);
    CHECK(ensured.status.errnum == errnum);
    CHECK_FALSE(Exists(world.parent));
  };
  REQUIRE(rmdir(world.real_dir.c_str()) == 0);
  refuses(ENOENT);
  MakeFile(world.real_dir);
  refuses(ENOTDIR);
  REQUIRE(unlink(world.real_dir.c_str()) == 0);
  MakeLink(world.real_dir, world.real_dir);
  refuses(ELOOP);
  world.real_dir += "/under";
  refuses(ELOOP);
}

TEST_CASE("a real directory that cannot be reached keeps the kernel's own word") {
  AsUser user(AsUser::Ordinary());
  World world;
  std::string locked = world.MakeDirectory("locked");
  MakeDirectory(locked + "/real");
  world.real_dir = locked + "/real";
  REQUIRE(chmod(locked.c_str(), 0000) == 0);
  Status status = Run(world).status;
  CHECK(HasFailed(status, EACCES));
  CHECK(status.subject == Subject::kRealDir);
  CHECK_FALSE(Exists(world.parent));
}

// The same directory, written in exactly `length` bytes.
std::string Pad(std::string path, size_t length) {
  if ((length - path.size()) % 2 == 1) path += "/";
  while (path.size() < length) path += "/.";
  return path;
}

TEST_CASE("a real directory of the longest path there is gets its binding") {
  World world;
  world.real_dir = Pad(world.real_dir, PATH_MAX - 1);
  REQUIRE(world.real_dir.size() == PATH_MAX - 1);
  bool possible = symlink(world.real_dir.c_str(), (world.home / "try").c_str()) == 0;
  SKIP_UNLESS(possible, "this file system has no links of that length");
  CHECK(Run(world).Is(EnsureResult::kCreated));
  CHECK(IsBound(world));
  REQUIRE(unlink(world.binding.c_str()) == 0);
  MakeLink("dangling", world.binding);
  CHECK(Run(world).Is(EnsureResult::kReplaced));
  CHECK(TargetOf(world.binding) == world.real_dir);
}

TEST_CASE("a real directory of a longer path is refused, not cut") {
  World world;
  std::string real_dir = world.real_dir;
  for (size_t length : {PATH_MAX, PATH_MAX + 1, 3 * PATH_MAX}) {
    world.real_dir = Pad(real_dir, length);
    Status status = Run(world).status;
    CHECK(IsRefused(status, Refusal::kRealDir));
    CHECK(status.errnum == ENAMETOOLONG);
    CHECK_FALSE(Exists(world.parent));
  }
}

#if defined(__linux__)

TEST_CASE(
    "a real directory behind so many links that one more is too many leaves nothing half done") {
  World world;
  std::string previous = world.real_dir;
  for (int i = 0; i < 40; i++) {  // MAXSYMLINKS, path_resolution(7)
    std::string link = world.home / ("l" + std::to_string(i));
    MakeLink(previous, link);
    previous = link;
  }
  world.real_dir = previous;
  CHECK(HasFailed(Run(world).status, ELOOP));
  CHECK(EntriesOf(world.parent).empty());
  MakeLink("before", world.binding);
  CHECK(HasFailed(Run(world).status, ELOOP));
  CHECK(TargetOf(world.binding) == "before");
  CHECK(EntriesOf(world.parent) == kNothingElse);
}

#endif

TEST_CASE("a temporary link that a crash left is replaced") {
  World world;
  world.MakeParent();
  MakeLink("dangling", world.binding);
  MakeLink("left behind", world.InParent(".box-1.new"));
  CHECK(Run(world).Is(EnsureResult::kReplaced));
  CHECK(IsBound(world));
  CHECK(EntriesOf(world.parent) == kNothingElse);
}

TEST_CASE("what bears a temporary's name and is no symlink is refused and left as it is") {
  World world;
  world.MakeParent();
  MakeLink("dangling", world.binding);
  std::string temporary = world.InParent(".box-1.new");
  auto refuses = [&] {
    ino_t before = StatOf(temporary).st_ino;
    Ensured ensured = Run(world);
    CHECK(IsRefused(ensured.status, Refusal::kNotASymlink));
    CHECK(ensured.status.subject == Subject::kTemporary);
    CHECK(StatOf(temporary).st_ino == before);
    CHECK(TargetOf(world.binding) == "dangling");
  };
  MakeFile(temporary);
  refuses();
  REQUIRE(unlink(temporary.c_str()) == 0);
  MakeDirectory(temporary);
  refuses();
  // Where the binding is missing no temporary is needed.
  REQUIRE(unlink(world.binding.c_str()) == 0);
  CHECK(Run(world).Is(EnsureResult::kCreated));
  CHECK(Exists(temporary));
}

TEST_CASE("the longest id there is works, its temporary too") {
  World world(std::string(128, 'i'));
  CHECK(Run(world).Is(EnsureResult::kCreated));
  REQUIRE(unlink(world.binding.c_str()) == 0);
  MakeLink("dangling", world.binding);
  MakeLink("left behind", world.InParent("." + std::string(128, 'i') + ".new"));
  CHECK(Run(world).Is(EnsureResult::kReplaced));
  CHECK(EntriesOf(world.parent) == std::vector<std::string>{".lock", std::string(128, 'i')});
}

TEST_CASE("a binding is made under any umask") {
  AsUser user(AsUser::Ordinary());
  for (mode_t mask : {0, 0277, 0777}) {
    World world;
    Umask umask(mask);
    CAPTURE(mask);
    CHECK(Run(world).Is(EnsureResult::kCreated));
    CHECK(Run(world).Is(EnsureResult::kUnchanged));
    REQUIRE(unlink(world.binding.c_str()) == 0);
    MakeLink("dangling", world.binding);
    CHECK(Run(world).Is(EnsureResult::kReplaced));
    CHECK(ModeOf(world.parent) == 0700);
  }
}

TEST_CASE("a real and an effective uid that differ are refused before anything is touched") {
  SKIP_UNLESS(IsRoot(), kNeedsTwoUids);
  World world;
  Status status;
  WithTwoUids([&] { status = Run(world).status; });
  CHECK(IsRefused(status, Refusal::kUidMismatch));
  CHECK(status.owner == 0);
  CHECK(status.expected == 12345);
  CHECK_FALSE(Exists(world.parent));
}

TEST_CASE("two boxes share a parent") {
  World world;
  REQUIRE(Run(world).Is(EnsureResult::kCreated));
  std::string other = world.MakeDirectory("other"), binding = world.InParent("box-2");
  Paths paths = {world.base.c_str(), world.parent.c_str(), binding.c_str(), other.c_str()};
  EnsureResult result;
  REQUIRE(Ensure(paths, {}, &result).ok());
  CHECK(result == EnsureResult::kCreated);
  CHECK(IsSameDirectory(binding, other));
  CHECK(IsBound(world));
}

// Boxes of one parent, ensured at once.
struct Batch {
  explicit Batch(const World& world) : world(world) {}

  void Add(const std::string& id, const std::string& real_dir) {
    boxes.push_back(world.Sibling(id, real_dir));
  }
  void Run(int64_t lock_timeout_ms = 0) {
    items.clear();
    for (const Box& box : boxes) {
      items.emplace_back();
      items.back().paths = box.paths();
    }
    EnsureAll(items.data(), items.size(), {false, lock_timeout_ms});
  }

  const World& world;
  std::vector<Box> boxes;
  std::vector<BatchItem> items;
};

TEST_CASE("of many bindings each is made, replaced or left, and one that fails stops no other") {
  World world;
  world.MakeParent();
  std::string live = world.MakeDirectory("live"), other = world.MakeDirectory("other");
  Fd held = MakeSocket(live + "/s", SocketType::kStream);
  MakeLink(other, world.InParent("right"));
  MakeLink("dangling", world.InParent("wrong"));
  MakeLink(live, world.InParent("taken"));
  MakeFile(world.InParent("file"));
  Batch batch(world);
  batch.Add("missing", world.real_dir);
  batch.Add("no-home", world.home / "missing");
  batch.Add("right", other);
  batch.Add("taken", world.real_dir);
  batch.Add("wrong", world.real_dir);
  batch.Add("file", world.real_dir);
  batch.Run();
  auto is = [&](size_t index, EnsureResult result) {
    return batch.items[index].status.ok() && batch.items[index].result == result;
  };
  CHECK(is(0, EnsureResult::kCreated));
  CHECK(IsRefused(batch.items[1].status, Refusal::kRealDir));
  CHECK(is(2, EnsureResult::kUnchanged));
  CHECK(IsRefused(batch.items[3].status, Refusal::kBindingInUse));
  CHECK(is(4, EnsureResult::kReplaced));
  CHECK(IsRefused(batch.items[5].status, Refusal::kNotASymlink));
  CHECK(IsSameDirectory(world.InParent("missing"), world.real_dir));
  CHECK(IsSameDirectory(world.InParent("wrong"), world.real_dir));
  CHECK_FALSE(HasVisitor(held));
}

TEST_CASE("many bindings that are right need no lock, and none is nothing to do") {
  World world;
  Batch batch(world);
  EnsureAll(nullptr, 0, {});
  batch.Run();
  CHECK_FALSE(Exists(world.parent));
  batch.Add("a", world.real_dir);
  batch.Add("b", world.home.path());
  batch.Run();
  CHECK_FALSE(Exists(world.InParent(".lock")));  // nor do those that are missing
  batch.Run();
  for (const BatchItem& item : batch.items) {
    CHECK(item.status.ok());
    CHECK(item.result == EnsureResult::kUnchanged);
  }
  CHECK_FALSE(Exists(world.InParent(".lock")));
}

TEST_CASE("many bindings of an untrusted base are all refused") {
  World world;
  REQUIRE(chmod(world.base.c_str(), 0777) == 0);
  Batch batch(world);
  batch.Add("a", world.real_dir);
  batch.Add("b", world.real_dir);
  batch.Run();
  for (const BatchItem& item : batch.items) {
    CHECK(IsRefused(item.status, Refusal::kBaseUntrusted));
  }
  CHECK_FALSE(Exists(world.parent));
}

TEST_CASE("whoever runs out of descriptors is told so, and nothing is half done") {
  struct rlimit before;
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  for (const char* start : {"", "dangling", "other"}) {
    for (rlim_t room = 0; room < 8; room++) {
      World world;
      world.MakeParent();
      std::string other = world.MakeDirectory("other");
      MakeDeadSocket(other + "/s");
      std::string target = strcmp(start, "other") == 0 ? other : start;
      if (!target.empty()) MakeLink(target, world.binding);
      Fd next(dup(0));
      struct rlimit limit = {static_cast<rlim_t>(next.get()) + room, before.rlim_max};
      next.Reset();
      REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
      Ensured ensured = Run(world);
      REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
      CAPTURE(start);
      CAPTURE(room);
      if (ensured.status.ok()) {
        CHECK(IsBound(world));
        continue;
      }
      CHECK(HasFailed(ensured.status, EMFILE));
      CHECK(TargetOf(world.binding) == target);
      CHECK_FALSE(Exists(world.InParent(".box-1.new")));
      CHECK(room < 10);
    }
  }
}

}  // namespace
}  // namespace boxsockets::test
