// A tree is removed with all that is in it, and nothing else, whatever is put into it.
#include "../posix/remove_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__linux__)
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#endif

#include "support.h"

namespace boxsockets::test {
namespace {

// A tree beside a file that must survive it.
struct Grove {
  DescriptorCheck descriptors;
  TempDirectory directory;
  std::string tree = directory / "tree";
  std::string outside = directory / "outside";

  Grove() {
    MakeDirectory(tree);
    MakeDirectory(outside);
    MakeFile(outside + "/precious", "kept");
  }
  bool OutsideIsWhole() const {
    return EntriesOf(outside) == std::vector<std::string>{"precious"} &&
           StatOf(outside + "/precious").st_size == 4;
  }
};

struct Removed {
  explicit Removed(const Grove& grove, const char* last = "", const char* name = "tree") {
    TreeEntry failed;
    status = RemoveTree(grove.directory.path().c_str(), name, last, &failed);
    where = failed.path;
  }
  Status status;
  std::string where;
};

// Descends with relative paths: the whole is longer than any path may be.
void MakeDeep(const std::string& top, int levels) {
  Fd at(open(top.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int i = 0; i < levels; i++) {
    REQUIRE(mkdirat(at.get(), "deep", 0700) == 0);
    Fd file(openat(at.get(), "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    at = Fd(openat(at.get(), "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    REQUIRE(at.valid());
  }
}

#if defined(__linux__)
bool SetImmutable(const std::string& path, bool immutable) {
  Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  int flags = immutable ? FS_IMMUTABLE_FL : 0;
  return ioctl(fd.get(), FS_IOC_SETFLAGS, &flags) == 0;
}
#endif

}  // namespace

TEST_CASE("a tree goes with entries of every kind, and nothing that they lead to") {
  Grove grove;
  MakeDirectory(grove.tree + "/directory");
  MakeFile(grove.tree + "/directory/file", "text");
  MakeFifo(grove.tree + "/directory/fifo");
  MakeDeadSocket(grove.tree + "/socket");
  MakeLink(grove.outside, grove.tree + "/link");
  MakeLink("nowhere", grove.tree + "/dangling");
  REQUIRE(link((grove.outside + "/precious").c_str(), (grove.tree + "/hard").c_str()) == 0);
  CHECK(Removed(grove).status.ok());
  CHECK_FALSE(Exists(grove.tree));
  CHECK(grove.OutsideIsWhole());
}

TEST_CASE("a link in the tree's place is the link alone, a missing tree is fine") {
  Grove grove;
  MakeLink(grove.outside, grove.directory / "link");
  CHECK(Removed(grove, "", "link").status.ok());
  CHECK(Removed(grove, "", "link").status.ok());
  CHECK_FALSE(Exists(grove.directory / "link"));
  CHECK(grove.OutsideIsWhole());
}

TEST_CASE("ten thousand levels take few descriptors") {
  Grove grove;
  MakeDeep(grove.tree, 10'000);
  struct rlimit before, few;
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  few = before;
  few.rlim_cur = kRemovalDepth + 16;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
  Removed removed(grove);
  REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(removed.status.ok());
  CHECK_FALSE(Exists(grove.tree));
}

TEST_CASE("what must go last is there as long as anything else is") {
  Grove grove;
  MakeDirectory(grove.tree + "/marker");
  MakeFile(grove.tree + "/marker/file");
  MakeDirectory(grove.tree + "/a");
  SUBCASE("and goes in the end") {
    CHECK(Removed(grove, "marker").status.ok());
    CHECK_FALSE(Exists(grove.tree));
  }
  SUBCASE("and may be missing") {
    CHECK(Removed(grove, "other").status.ok());
    CHECK_FALSE(Exists(grove.tree));
  }
#if defined(__linux__)
  SUBCASE("and stays where something else cannot be removed, which is named") {
    MakeFile(grove.tree + "/a/immutable");
    SKIP_UNLESS(SetImmutable(grove.tree + "/a/immutable", true), "no immutable files here");
    Removed removed(grove, "marker");
    REQUIRE(SetImmutable(grove.tree + "/a/immutable", false));
    CHECK(HasFailed(removed.status, EPERM));
    CHECK(removed.where == "tree/a/immutable");
    CHECK(Exists(grove.tree + "/marker/file"));
  }
#endif
}

TEST_CASE("directories that are closed to their owner are opened, and no others") {
  Grove grove;
  std::string closed = grove.tree + "/closed", inner = closed + "/inner";
  auto make = [&] {
    MakeDirectory(closed);
    MakeDirectory(inner);
    MakeFile(inner + "/file");
    MakeDirectory(inner + "/empty");
  };
  {
    // The tree and what is above it must be the user's own.
    REQUIRE(chown(grove.directory.path().c_str(), AsUser::Ordinary(), 0) == 0);
    REQUIRE(chown(grove.tree.c_str(), AsUser::Ordinary(), 0) == 0);
    AsUser user(AsUser::Ordinary());
    make();
    for (mode_t mode : {0000, 0500, 0300, 0400}) {
      REQUIRE(chmod(inner.c_str(), mode) == 0);
      REQUIRE(chmod(closed.c_str(), mode) == 0);
      REQUIRE(chmod(grove.tree.c_str(), mode) == 0);
      CHECK(Removed(grove).status.ok());
      CHECK_FALSE(Exists(grove.tree));
      MakeDirectory(grove.tree);
      make();
    }
  }
  SKIP_UNLESS(IsRoot(), "needs two users");
  REQUIRE(chown(closed.c_str(), 0, 0) == 0);
  REQUIRE(chmod(closed.c_str(), 0) == 0);
  AsUser user(AsUser::Ordinary());
  Removed removed(grove);
  CHECK(HasFailed(removed.status, EACCES));
  CHECK(removed.where == "tree/closed");
}

#if defined(__linux__)

TEST_CASE("a deep tree that is closed to its owner is moved up all the same") {
  Grove grove;
  REQUIRE(chown(grove.directory.path().c_str(), AsUser::Ordinary(), 0) == 0);
  REQUIRE(chown(grove.tree.c_str(), AsUser::Ordinary(), 0) == 0);
  AsUser user(AsUser::Ordinary());
  MakeDeep(grove.tree, 80);
  std::string path = grove.tree;
  std::vector<std::string> all = {path};
  for (int i = 0; i < 80; i++) all.push_back(path += "/deep");
  for (auto it = all.rbegin(); it != all.rend(); ++it) REQUIRE(chmod(it->c_str(), 0500) == 0);
  CHECK(Removed(grove).status.ok());
  CHECK_FALSE(Exists(grove.tree));
}

TEST_CASE("what is mounted in a tree is not entered, be it of the same file system") {
  SKIP_UNLESS(IsRoot(), "only root mounts");
  Grove grove;
  std::string mounted = grove.tree + "/a/mounted";
  MakeDirectory(grove.tree + "/a");
  MakeDirectory(mounted);
  Child child([&] {
    if (!MountOver(grove.outside, mounted)) return 77;
    Removed removed(grove);
    return HasFailed(removed.status, EXDEV) && removed.where == "tree/a/mounted" ? 0 : 1;
  });
  int exited = child.Wait();
  SKIP_UNLESS(exited != 77, "no mounts here");
  CHECK(exited == 0);
  CHECK(grove.OutsideIsWhole());
}

TEST_CASE("exchanging directories with links at every moment leads nowhere") {
  Grove grove;
  // What is exchanged: a directory that is being removed, and a link to what must not be.
  std::string directory = grove.tree + "/a", twin = grove.tree + "/b";
  Child child([&] {
    for (;;) {
      mkdir(directory.c_str(), 0700);
      mkdir((directory + "/precious").c_str(), 0700);
      if (symlink(grove.outside.c_str(), twin.c_str()) != 0 && errno == ENOENT) {
        mkdir(grove.tree.c_str(), 0700);
      }
      for (int i = 0; i < 20; i++) {
        syscall(SYS_renameat2, AT_FDCWD, directory.c_str(), AT_FDCWD, twin.c_str(), 2);
      }
    }
    return 0;
  });
  int removed = 0;
  for (int i = 0; i < 3000; i++) removed += Removed(grove).status.ok() ? 1 : 0;
  child.Kill();
  child.Wait();
  CHECK(removed > 0);
  CHECK(grove.OutsideIsWhole());
  CHECK(Removed(grove).status.ok());
}

#endif

}  // namespace boxsockets::test
