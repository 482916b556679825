// Whom a base belongs to, and who can put another one in its place.
#include "../posix/base.h"

#include <errno.h>
#include <unistd.h>

#include "../posix/binding.h"
#include "../posix/user.h"
#include "support.h"

namespace boxsockets::test {
namespace {

struct stat BaseOf(uid_t owner, mode_t mode) {
  struct stat st = {};
  st.st_uid = owner;
  st.st_mode = mode;
  return st;
}

TEST_CASE("a base is trusted where only root or the user can swap its entries") {
  constexpr uid_t kUser = 1000, kStranger = 1001;
  struct {
    uid_t owner;
    mode_t mode;
    bool trusted;
  } cases[] = {
      {0, S_IFDIR | 01777, true},  // /tmp
      {0, S_IFDIR | 0755, true},           {0, S_IFDIR | 0777, false},
      {0, S_IFDIR | 0775, false},          {0, S_IFDIR | 0757, false},
      {0, S_IFDIR | 01775, true},          {kUser, S_IFDIR | 0700, true},
      {kUser, S_IFDIR | 0755, true},       {kUser, S_IFDIR | 01777, true},
      {kUser, S_IFDIR | 0770, false},      {kUser, S_IFDIR | 0702, false},
      {kUser, S_IFDIR | 06755, true},      {kStranger, S_IFDIR | 0755, false},
      {kStranger, S_IFDIR | 01777, false}, {kStranger, S_IFDIR | 01700, false},
      {0, S_IFREG | 0600, false},          {kUser, S_IFLNK | 0700, false},
  };
  for (const auto& base : cases) {
    CAPTURE(base.owner);
    CAPTURE(base.mode);
    Status status = CheckBase(BaseOf(base.owner, base.mode), kUser);
    CHECK(status.ok() == base.trusted);
    if (status.ok()) continue;
    CHECK(IsRefused(status, Refusal::kBaseUntrusted));
    CHECK(status.subject == Subject::kBase);
    if (!S_ISDIR(base.mode)) {
      CHECK(status.errnum == ENOTDIR);
      continue;
    }
    CHECK(status.owner == base.owner);
    CHECK(status.expected == kUser);
    CHECK(status.mode == (base.mode & 07777));
  }
}

TEST_CASE("the overflow uid is no owner of a base where root is mapped") {
  SKIP_UNLESS(RootUid() == 0, "root is not mapped here");
  CHECK_FALSE(CheckBase(BaseOf(OverflowUid(), S_IFDIR | 01777), 1000).ok());
}

constexpr uid_t kStranger = 4711;

void Give(const std::string& path, uid_t owner) {
  REQUIRE(lchown(path.c_str(), owner, static_cast<gid_t>(-1)) == 0);
}

// Directories one in another, and whether they are trusted.
struct Ancestry {
  TempDirectory home;
  std::string outer = home / "outer", inner = outer + "/inner", base = inner + "/base";

  Ancestry() {
    for (const std::string& path : {outer, inner, base}) MakeDirectory(path, 0755);
  }
  Status Check(const std::string& path) const { return CheckAncestry(path.c_str(), geteuid()); }
  bool IsTrusted() const { return Check(base).ok(); }
};

TEST_CASE("a base is as trusted as everything that its path goes through") {
  Ancestry ancestry;
  CHECK(ancestry.IsTrusted());
  for (mode_t mode : {0775, 0757, 0777}) {
    REQUIRE(chmod(ancestry.outer.c_str(), mode) == 0);
    Status status = ancestry.Check(ancestry.base);
    CHECK(IsRefused(status, Refusal::kAncestryUntrusted));
    CHECK(status.subject == Subject::kBase);
    CHECK(status.mode == mode);
    // Where the sticky bit is, an entry is renamed by its owner alone.
    REQUIRE(chmod(ancestry.outer.c_str(), mode | S_ISVTX) == 0);
    CHECK(ancestry.IsTrusted());
  }
}

TEST_CASE("whoever owns a component, or an entry of a sticky one, can rename what is in it") {
  SKIP_UNLESS(IsRoot(), "needs root, to give directories to other users");
  Ancestry ancestry;
  Give(ancestry.outer, kStranger);
  Status status = ancestry.Check(ancestry.base);
  CHECK(IsRefused(status, Refusal::kAncestryUntrusted));
  CHECK(status.owner == kStranger);
  CHECK(status.expected == 0);
  Give(ancestry.outer, 0);
  CHECK(ancestry.IsTrusted());
  Give(ancestry.inner, kStranger);
  CHECK_FALSE(ancestry.IsTrusted());
  Give(ancestry.inner, 0);
  Give(ancestry.base, kStranger);
  CHECK(ancestry.IsTrusted());  // the base itself is judged on every call
  REQUIRE(chmod(ancestry.inner.c_str(), 01777) == 0);
  CHECK(ancestry.IsTrusted());
  Give(ancestry.base, 0);
  // What leads to the base, and the base itself where it is a link.
  MakeLink(ancestry.base, ancestry.inner + "/link");
  CHECK(ancestry.Check(ancestry.inner + "/link").ok());
  Give(ancestry.inner + "/link", kStranger);
  CHECK_FALSE(ancestry.Check(ancestry.inner + "/link").ok());
}

TEST_CASE("a path is judged as the kernel resolves it: links, and what they go through, too") {
  Ancestry ancestry;
  std::string open = ancestry.home / "open", link = ancestry.home / "link";
  MakeDirectory(open, 0777);
  REQUIRE(chmod(open.c_str(), 0777) == 0);
  MakeLink("outer/inner", link);
  CHECK(ancestry.Check(link + "/base").ok());
  CHECK(ancestry.Check(link + "//../inner/./base/").ok());
  // A link that anybody may replace, and one that leads through what anybody may rename.
  MakeLink(ancestry.inner, open + "/link");
  CHECK_FALSE(ancestry.Check(open + "/link/base").ok());
  MakeDirectory(open + "/base", 0700);
  MakeLink(open, ancestry.home / "way");
  CHECK_FALSE(ancestry.Check(ancestry.home / "way/base").ok());
  // What does not exist is told by who looks for it.
  MakeLink("loop", ancestry.home / "loop");
  CHECK(ancestry.Check(ancestry.home / "loop").ok());
  CHECK(ancestry.Check(ancestry.home / "missing/base").ok());
  CHECK_FALSE(ancestry.Check("/" + std::string(size_t{2} * PATH_MAX, 'd')).ok());
  CHECK(ancestry.Check("/").ok());
  CHECK(ancestry.Check("/tmp").ok());
}

TEST_CASE("the ancestry is looked at where it is asked for, and refused before anything is made") {
  World world;
  std::string open = world.home / "open";
  MakeDirectory(open);
  REQUIRE(chmod(open.c_str(), 0777) == 0);
  world.base = open + "/base";
  MakeDirectory(world.base);
  world.parent = world.base + "/bl";
  world.binding = world.parent + "/box-1";
  EnsureResult result;
  EnsureOptions options;
  options.check_ancestry = true;
  CHECK(IsRefused(Ensure(world.paths(), options, &result), Refusal::kAncestryUntrusted));
  CHECK_FALSE(Exists(world.parent));
  options.check_ancestry = false;
  CHECK(Ensure(world.paths(), options, &result).ok());
}

}  // namespace
}  // namespace boxsockets::test
