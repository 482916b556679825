// What is opened below a directory that a box may write to: by openat2, and where the kernel does
// not know it.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../posix/beneath.h"

#if defined(__linux__)
#include <sys/mount.h>
#endif

#include "../posix/syscalls.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

struct Tree : TempDirectory {
  Tree() {
    for (const char* name : {"dir", "dir/a", "dir/a/b", "dir/..x", "dir/x..", "outside"}) {
      MakeDirectory(*this / name);
    }
    for (const char* name : {"dir/a/b/file", "dir/..x/file", "dir/x../file", "dir/.hidden",
                             "dir/file", "dir/a/..y", "dir/.h", "dir/x.", "outside/file"}) {
      MakeFile(*this / name, name);
    }
    MakeLink(*this / "outside", *this / "dir/link");
    MakeLink("file", *this / "dir/to-file");
    top = Fd(open((*this / "dir").c_str(), kOpenDirectoryOnly));
  }
  Fd Open(const std::string& path, int flags = O_RDONLY, mode_t mode = 0) const {
    return OpenBeneath(top.get(), path.c_str(), flags, mode);
  }
  // 0, or why it cannot be opened.
  int Errno(const std::string& path) const { return Open(path).valid() ? 0 : errno; }
  bool Leads(const Fd& fd, const std::string& path) const {
    struct stat st;
    return fd.valid() && fstat(fd.get(), &st) == 0 && SameInode(st, StatOf(*this / "dir/" + path));
  }
  std::string operator/(const std::string& name) const { return path() + "/" + name; }

  Fd top;
};

// Runs it with openat2, and with a kernel, or a container, that does not know it.
void EitherWay(const std::function<void(bool known)>& work) {
  for (int errnum : {0, ENOSYS, EPERM}) {
    if (errnum == 0 && !KnowsOpenat2()) continue;
    Intercept intercept("openat2", [&](int, const char*) { return errnum; });
    CAPTURE(errnum);
    work(errnum == 0);
  }
}

TEST_CASE("what lies below a directory is opened, however its path is spelt") {
  Tree tree;
  EitherWay([&](bool) {
    for (const char* path :
         {"file", ".hidden", "a/b/file", "a//b///file", "./a/./b/file", "..x/file", "x../file",
          "a/..y", "..x", ".h", "x.", "a/b", "a/b/", "a//"}) {
      CAPTURE(path);
      CHECK(tree.Leads(tree.Open(path), path));
    }
  });
}

TEST_CASE("no path leads out of a directory, through a link neither, or is cut") {
  Tree tree;
  std::string longest(255, 'n');
  EitherWay([&](bool) {
    for (const char* path : {"/", "/file", "/a/b/file", "..", "../dir/file", "../outside/file",
                             "a/..", "a/../file", "a/b/..", "a/../../outside/file", "./.."}) {
      CAPTURE(path);
      CHECK(tree.Errno(path) == EXDEV);
    }
    for (const char* path : {"link/file", "link", "to-file"}) {
      int errnum = tree.Errno(path);
      CAPTURE(path);
      CHECK((errnum == ELOOP || errnum == ENOTDIR));
    }
    CHECK(tree.Errno("missing") == ENOENT);
    CHECK(tree.Errno("missing/file") == ENOENT);
    CHECK(tree.Errno("file/below") == ENOTDIR);
    CHECK(tree.Errno(longest + "/file") == ENOENT);
    CHECK(tree.Errno(longest + "n/file") == ENAMETOOLONG);
    CHECK(tree.Errno(std::string(4000, 'n') + "/file") == ENAMETOOLONG);
  });
}

TEST_CASE("what is opened below is not inherited, waits for nobody, and is made with its mode") {
  Tree tree;
  Umask mask(0);
  MakeFifo(tree / "dir/fifo");
  EitherWay([&](bool) {
    for (const char* path : {"file", "fifo", "a"}) {
      Fd fd = tree.Open(path);
      CAPTURE(path);
      REQUIRE(fd.valid());
      CHECK((fcntl(fd.get(), F_GETFL) & O_NONBLOCK) != 0);
      CHECK((fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
    }
    // A mode says nothing where nothing is made, nor does to wait where nothing is opened.
    CHECK(tree.Open("file", O_RDONLY, 0640).valid());
    CHECK(tree.Leads(tree.Open("a", kOpenDirectoryOnly), "a"));
    CHECK(tree.Open("a/new", O_WRONLY | O_CREAT | O_EXCL, 0640).valid());
    CHECK(ModeOf(tree / "dir/a/new") == 0640);
    REQUIRE(unlink((tree / "dir/a/new").c_str()) == 0);
  });
}

TEST_CASE(
    "without openat2, what a signal interrupts is opened all the same, and a failure is told") {
  Tree tree;
  for (int number : {1, 2, 3}) {
    int calls = 0;
    Intercept intercept("*", [&](int, const char* name) {
      if (strcmp(name, "openat2") == 0) return ENOSYS;
      return strcmp(name, "openat") == 0 && ++calls == number ? EINTR : 0;
    });
    CAPTURE(number);
    CHECK(tree.Leads(tree.Open("a/b/file"), "a/b/file"));
    CHECK(calls == 4);
  }
  Intercept intercept("openat2", 1, [] { return EINTR; });
  if (!KnowsOpenat2()) return;
  CHECK(tree.Leads(tree.Open("file"), "file"));
  CHECK(intercept.calls() == 2);
}

TEST_CASE("with openat2, one call opens it, whatever failed before") {
  SKIP_UNLESS(KnowsOpenat2(), kWithoutOpenat2);
  Tree tree;
  Intercept intercept("openat", [](int, const char*) { return 0; });
  errno = ENOSYS;
  CHECK(tree.Open("a/b/file").valid());
  errno = ENOSYS;
  CHECK(OpenSameMount(tree.top.get(), "a").valid());
  CHECK(intercept.calls() == 0);
}

TEST_CASE("a directory of ours is made accessible, and nothing else") {
  Tree tree;
  auto make = [&](const char* name) { return MakeAccessible(tree.top.get(), name); };
  for (mode_t mode : {0000, 0500, 0055, 01007}) {
    REQUIRE(chmod((tree / "dir/a").c_str(), mode) == 0);
    CHECK(make("a"));
    CHECK(ModeOf(tree / "dir/a") == (mode | 0700));
  }
  REQUIRE(chmod((tree / "outside").c_str(), 0500) == 0);
  REQUIRE(chmod((tree / "dir/file").c_str(), 0400) == 0);
  for (const char* name : {"link", "to-file", "file", "missing"}) {
    CAPTURE(name);
    CHECK_FALSE(make(name));
  }
  CHECK(ModeOf(tree / "outside") == 0500);
  CHECK(ModeOf(tree / "dir/file") == 0400);
  REQUIRE(chmod((tree / "dir/a").c_str(), 0500) == 0);
  for (const char* call : {"openat", "fstat", "chmod"}) {
    Intercept intercept(call, 1, [] { return EIO; });
    CAPTURE(call);
    CHECK_FALSE(make("a"));
    CHECK(ModeOf(tree / "dir/a") == 0500);
  }
  {
    Intercept intercept("openat", 1, [] { return EINTR; });
    CHECK(make("a"));
  }
  if (!IsRoot()) return;
  REQUIRE(chmod((tree / "dir/a").c_str(), 0500) == 0);
  REQUIRE(chown((tree / "dir/a").c_str(), 4711, 4711) == 0);
  CHECK_FALSE(make("a"));
  CHECK(ModeOf(tree / "dir/a") == 0500);
}

#if defined(__linux__)

TEST_CASE("what the kernel knows by heart is known with its device, and what has gone is nowhere") {
  SKIP_UNLESS(KnowsOpenat2(), kWithoutOpenat2);
  Tree tree;
  std::string file = tree / "dir/file";
  dev_t lies = StatOf(file).st_dev, strange = lies + 1;
  // It may have forgotten, or a mount may come between: not for ever.
  auto once = [](const std::function<bool()>& is) {
    for (int i = 0; i < 10'000; i++) {
      if (is()) return true;
    }
    return false;
  };
  dev_t found = 0;
  CHECK(once([&] { return KnowWay(AT_FDCWD, file.c_str(), nullptr) == 0; }));
  CHECK(once([&] { return KnowWay(AT_FDCWD, file.c_str(), &found) == 0; }));
  CHECK(found == lies);
  CHECK(once([&] { return LiesOn(file.c_str(), lies, strange); }));
  CHECK(once([&] { return LiesOn(file.c_str(), strange, lies); }));
  CHECK_FALSE(LiesOn(file.c_str(), strange, strange));
  for (int errnum : {ENOENT, ENOTDIR, EAGAIN, ENOSYS}) {
    Intercept intercept("openat2", [errnum](int, const char*) { return errnum; });
    CAPTURE(errnum);
    CHECK(KnowWay(AT_FDCWD, file.c_str(), nullptr) == errnum);
    CHECK(LiesOn(file.c_str(), strange, strange) == IsGone(errnum));
  }
  // What cannot be told lies nowhere that is known.
  for (const char* failing : {"openat2", "syscall"}) {
    Intercept intercept(failing, 1, [] { return EIO; });
    CHECK_FALSE(LiesOn(file.c_str(), lies, lies));
  }
}

TEST_CASE("a directory of another mount is not opened, be it of the same file system") {
  Tree tree;
  MakeDirectory(tree / "dir/bound");
  MakeDirectory(tree / "dir/other");
  Child child([&] {
    bool ready = MountOver(tree / "outside", tree / "dir/bound") &&
                 mount("none", (tree / "dir/other").c_str(), "tmpfs", 0, nullptr) == 0;
    if (!ready) return 77;
    tree.top = Fd(open((tree / "dir").c_str(), kOpenDirectoryOnly));  // of these mounts
    bool right = true;
    auto refuses = [&](const char* name) {
      bool opened = OpenSameMount(tree.top.get(), name).valid();
      return !opened && errno == EXDEV;
    };
    EitherWay([&](bool) {
      right = right && refuses("bound") && refuses("other") &&
              tree.Leads(OpenSameMount(tree.top.get(), "a"), "a");
    });
    // By its device, where nothing tells of mounts.
    {
      Intercept intercept("*", [&](int, const char* name) {
        if (strcmp(name, "openat2") == 0) return ENOSYS;
        return strcmp(name, "open") == 0 ? ENOENT : 0;
      });
      right = right && refuses("other") && tree.Leads(OpenSameMount(tree.top.get(), "a"), "a");
    }
    // Nor where one of the two cannot be told of.
    for (const char* call : {"open", "read", "fstat"}) {
      for (int failing : {1, 2}) {
        int calls = 0;
        Intercept intercept("*", [&](int, const char* name) {
          if (strcmp(name, "openat2") == 0) return ENOSYS;
          return strcmp(name, call) == 0 && ++calls == failing ? EIO : 0;
        });
        right = right && refuses("a") && calls >= failing;
      }
    }
    return right ? 0 : 1;
  });
  int exited = child.Wait();
  SKIP_UNLESS(exited != 77, "no mounts here");
  CHECK(exited == 0);
}

TEST_CASE(
    "without openat2, a directory is opened though a signal interrupts, and no file or link") {
  Tree tree;
  EitherWay([&](bool) {
    for (const char* name : {"file", "link", "missing"}) {
      CAPTURE(name);
      bool opened = OpenSameMount(tree.top.get(), name).valid();
      CHECK_FALSE(opened);
      CHECK((errno == ENOTDIR || errno == ELOOP || errno == ENOENT));
    }
    Fd fd = OpenSameMount(tree.top.get(), "a");
    REQUIRE(fd.valid());
    CHECK((fcntl(fd.get(), F_GETFL) & O_NONBLOCK) != 0);
    CHECK((fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
  });
  int calls = 0;
  Intercept intercept("*", [&](int, const char* name) {
    if (strcmp(name, "openat2") == 0) return ENOSYS;
    return strcmp(name, "openat") == 0 && ++calls == 1 ? EINTR : 0;
  });
  CHECK(tree.Leads(OpenSameMount(tree.top.get(), "a"), "a"));
}

#endif

}  // namespace
}  // namespace boxsockets::test
