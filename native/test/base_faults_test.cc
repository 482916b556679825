// The walk along a base's path, component by component, and what proves that a base is ours.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../posix/base.h"
#include "../posix/user.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

bool FailedAt(const Status& status, const char* call, int errnum) {
  return HasFailed(status, errnum) && strcmp(status.syscall, call) == 0 &&
         status.subject == Subject::kBase;
}

// Directories of ours, and one that others may write to, with a base in it that is not trusted.
struct Ways {
  DescriptorCheck descriptors;
  TempDirectory home;
  std::string good = home / "outer/inner/base", bad = home / "open/base";

  Ways() {
    for (const char* name : {"outer", "outer/inner", "outer/inner/base", "open"}) {
      MakeDirectory(home / name);
    }
    MakeDirectory(bad);
    REQUIRE(chmod((home / "open").c_str(), 0777) == 0);
  }
  Status Check(const std::string& path) const { return CheckAncestry(path.c_str(), geteuid()); }
  bool Refuses(const std::string& path) const {
    return IsRefused(Check(path), Refusal::kAncestryUntrusted);
  }
};

TEST_CASE("each component is looked at once, and a look that fails is told, whichever it is") {
  Ways ways;
  std::string path = ways.good + "/../base/.";
  int calls = 0;
  {
    Intercept intercept("lstat", [](int, const char*) { return 0; });
    CHECK(ways.Check(path).ok());
    calls = intercept.calls();
  }
  // Of the root, /tmp, the home, three below it, and what follows them.
  CHECK(calls == 9);
  for (int number = 1; number <= calls; number++) {
    CAPTURE(number);
    {
      Intercept intercept("lstat", number, [] { return EIO; });
      CHECK(FailedAt(ways.Check(path), "lstat", EIO));
    }
    // What is not there is told by who looks for it.
    Intercept intercept("lstat", number, [] { return ENOENT; });
    CHECK(ways.Check(path).ok());
    CHECK(intercept.calls() == number);
  }
}

TEST_CASE("dots lead where the kernel takes them, and nobody renames them") {
  Ways ways;
  std::string home = ways.home.path();
  for (const char* way : {"/open/base", "/outer/../open/base", "/outer/inner/../../open/base",
                          "/outer/./../open/base", "/./open/./base",
                          "/outer/inner/./../../open/base", "/open/base/", "//open//base//"}) {
    CAPTURE(way);
    CHECK(ways.Refuses(home + way));
    CHECK(ways.Refuses("/.." + home + way));
    CHECK(ways.Refuses("/../." + home + way));
  }
  for (const char* way :
       {"/open/../outer/inner/base", "/open/./../outer/inner/base", "/missing/../open/base"}) {
    CAPTURE(way);
    CHECK(ways.Check(home + way).ok());
  }
  MakeFile(ways.home / "file");
  CHECK(ways.Check(home + "/file/../open/base").ok());
  CHECK(ways.Check(home + "/file").ok());
}

TEST_CASE("a link leads on from where it lies, or from the root, forty of them, and no more") {
  Ways ways;
  MakeLink("open", ways.home / "relative");
  MakeLink(ways.home / "open", ways.home / "absolute");
  MakeLink("../../open", ways.home / "outer/inner/up");
  for (const char* way : {"/relative/base", "/absolute/base", "/outer/inner/up/base",
                          "/outer/inner/up/../relative/base"}) {
    CAPTURE(way);
    CHECK(ways.Refuses(ways.home.path() + way));
  }
  std::string target = "open";
  for (int i = 1; i <= 41; i++) {
    std::string link = "link-" + std::to_string(i);
    MakeLink(target, ways.home / link);
    target = link;
  }
  CHECK(ways.Refuses(ways.home / "link-40/base"));
  CHECK(ways.Check(ways.home / "link-41/base").ok());
  for (int errnum : {ENOENT, EIO}) {
    Intercept intercept("readlinkat", 1, [errnum] { return errnum; });
    Status status = ways.Check(ways.home / "relative/base");
    CHECK((errnum == EIO ? FailedAt(status, "readlinkat", EIO) : status.ok()));
  }
  // What is left of a longer way is no part of one that a link begins.
  MakeLink("outer/inner", ways.home / "l");
  MakeLink("outer", ways.home / "longer-than-what-it-leads-to");
  for (const char* way : {"l/base", "longer-than-what-it-leads-to/inner/base"}) {
    Intercept intercept("lstat", [](int, const char*) { return 0; });
    CAPTURE(way);
    CHECK(ways.Check(ways.home / way).ok());
    CHECK(intercept.calls() == 7);
  }
}

TEST_CASE(
    "a path that no kernel takes is too long, to the byte, and not trusted for a part of it") {
  Ways ways;
  std::string dots = "/";
  while (dots.size() + 2 <= size_t{2} * PATH_MAX - 2) dots += "./";
  dots += '/';
  REQUIRE(dots.size() == size_t{2} * PATH_MAX - 2);
  CHECK(ways.Check(dots).ok());
  for (const char* more : {"/", "//", "/////////"}) {
    CHECK(FailedAt(ways.Check(dots + more), "lstat", ENAMETOOLONG));
  }
  for (size_t size : {PATH_MAX - 2, PATH_MAX - 1, PATH_MAX, PATH_MAX + 1, PATH_MAX + 1000}) {
    CAPTURE(size);
    CHECK(FailedAt(ways.Check("/" + std::string(size, 'x')), "lstat", ENAMETOOLONG));
  }
  // Directories whose paths end before and after the limit.
  Fd at(open(ways.home.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::string path = ways.home.path(), name(200, 'n');
  while (path.size() + 1 + name.size() < PATH_MAX) {
    REQUIRE(mkdirat(at.get(), name.c_str(), 0700) == 0);
    at = Fd(openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    path += "/" + name;
  }
  CHECK(ways.Check(path).ok());
  CHECK(FailedAt(ways.Check(path + "/" + name), "lstat", ENAMETOOLONG));
  MakeLink(std::string(PATH_MAX - 1, '/'), ways.home / "slashes");
  CHECK(ways.Check(ways.home / "slashes").ok());
  std::string rest(size_t{2} * PATH_MAX - 100, '/');
  CHECK(FailedAt(ways.Check(ways.home / "slashes/x" + rest), "lstat", ENAMETOOLONG));
}

TEST_CASE(
    "in a sticky directory an entry is its owner's and the directory's, on the way or at its end") {
  SKIP_UNLESS(IsRoot(), "needs root, to give directories to other users");
  constexpr uid_t kStranger = 4711;
  Ways ways;
  std::string open = ways.home / "open";
  REQUIRE(chmod(open.c_str(), 01777) == 0);
  MakeDirectory(open + "/base/inner");
  MakeLink("base", open + "/link");
  CHECK(ways.Check(ways.bad + "/inner").ok());
  CHECK(ways.Check(open + "/base/../link/inner").ok());
  REQUIRE(lchown((open + "/link").c_str(), kStranger, kStranger) == 0);
  Status status = ways.Check(open + "/base/../link/inner");
  CHECK(IsRefused(status, Refusal::kAncestryUntrusted));
  REQUIRE(chown(ways.bad.c_str(), kStranger, kStranger) == 0);
  CHECK(ways.Check(ways.bad).ok());
  status = ways.Check(ways.bad + "/inner");
  CHECK(IsRefused(status, Refusal::kAncestryUntrusted));
  CHECK(status.owner == 0);
  CHECK(status.mode == 01777);
  // A user's own are as good as root's.
  REQUIRE(chown(open.c_str(), kStranger, kStranger) == 0);
  CHECK(CheckAncestry((ways.bad + "/inner").c_str(), kStranger).ok());
  CHECK(!CheckAncestry((ways.bad + "/inner").c_str(), kStranger + 1).ok());
}

TEST_CASE(
    "a base that is not there is refused with why, and one that cannot be looked at is told") {
  Ways ways;
  struct stat st;
  for (int errnum : {ENOENT, ENOTDIR, ELOOP}) {
    Intercept intercept("stat", 1, [errnum] { return errnum; });
    Status status = LookAtBase(ways.good.c_str(), geteuid(), &st);
    CHECK(IsRefused(status, Refusal::kBaseUntrusted));
    CHECK(status.errnum == errnum);
    CHECK(strcmp(status.syscall, "stat") == 0);
  }
  {
    Intercept intercept("stat", 1, [] { return EACCES; });
    CHECK(FailedAt(LookAtBase(ways.good.c_str(), geteuid(), &st), "stat", EACCES));
  }
  MakeFile(ways.home / "file");
  Status status = LookAtBase((ways.home / "file").c_str(), geteuid(), &st);
  CHECK(IsRefused(status, Refusal::kBaseUntrusted));
  CHECK(status.errnum == ENOTDIR);
  CHECK(status.syscall == nullptr);
}

TEST_CASE(
    "whoever may be anybody proves that a base is theirs, by opening it as its owner alone may") {
  SKIP_UNLESS(IsRoot(), "needs root, to give directories to other users");
  Ways ways;
  uid_t anybody = OverflowUid();
  SKIP_UNLESS(RootUid() != anybody, "root is not mapped here");
  struct stat st;
  auto look = [&](uid_t uid) { return LookAtBase(ways.good.c_str(), uid, &st); };
  auto opens = [&](uid_t owner, uid_t uid) {
    REQUIRE(chown(ways.good.c_str(), owner, 0) == 0);
    Intercept intercept("open", [](int, const char*) { return 0; });
    CHECK(look(uid).ok());
    return intercept.calls();
  };
  CHECK(opens(0, anybody) == 0);
  CHECK(opens(4711, 4711) == 0);
  CHECK(opens(anybody, anybody) == 1);
  for (int errnum : {EPERM, EACCES}) {
    Intercept intercept("open", 1, [errnum] { return errnum; });
    Status status = look(anybody);
    CAPTURE(errnum);
    CHECK(IsRefused(status, Refusal::kBaseUntrusted));
    CHECK(status.owner == anybody);
    CHECK(status.expected == anybody);
    CHECK(status.mode == 0700);
  }
  {
    Intercept intercept("open", 1, [] { return EIO; });
    CHECK(FailedAt(look(anybody), "open", EIO));
  }
  {
    Intercept intercept("open", 1, [] { return EINTR; });
    CHECK(look(anybody).ok());
  }
  // Exchanged for what would be waited for.
  Intercept intercept("open", 1, [&] {
    REQUIRE(rmdir(ways.good.c_str()) == 0);
    MakeFifo(ways.good);
    return 0;
  });
  CHECK(FailedAt(look(anybody), "open", ENOTDIR));
}

}  // namespace
}  // namespace boxsockets::test
