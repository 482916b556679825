// sweep: takes what is proven gone, and nothing else.
#include "../posix/sweep.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>

#include "support.h"

namespace boxsockets::test {
namespace {

struct Swept {
  explicit Swept(const World& world, bool dry_run = false) {
    SweepResult result;
    status = SweepStale(world.parent_paths(), {dry_run, 0}, &result);
    kept = result.kept;
    for (size_t offset : result.removed) removed.emplace_back(result.names.at(offset));
    for (const auto& entry : result.skipped) {
      skipped.emplace_back(result.names.at(entry.name), entry.errnum);
    }
    std::sort(removed.begin(), removed.end());
    std::sort(skipped.begin(), skipped.end());
  }

  Status status;
  std::vector<std::string> removed;
  std::vector<std::pair<std::string, int>> skipped;
  uint32_t kept;
};

using Names = std::vector<std::string>;

TEST_CASE("a missing parent, or base, is an empty result, and none is made") {
  World world;
  for (bool dry_run : {false, true}) {
    Swept swept(world, dry_run);
    CHECK(swept.status.ok());
    CHECK(swept.removed.empty());
    CHECK(swept.kept == 0);
    CHECK_FALSE(Exists(world.parent));
  }
  REQUIRE(rmdir(world.base.c_str()) == 0);
  CHECK(Swept(world).status.ok());
}

TEST_CASE("links that lead nowhere go, links that lead somewhere stay") {
  World world;
  world.MakeParent();
  MakeFile(world.home / "file");
  MakeLink(world.home / "missing", world.InParent("gone-1"));
  MakeLink(world.home / "file/under", world.InParent("gone-2"));
  MakeLink("relative", world.InParent("gone-3"));
  MakeLink(world.real_dir, world.InParent("live"));
  MakeLink(world.home / "file", world.InParent("to-file"));
  Swept swept(world);
  CHECK(swept.status.ok());
  CHECK(swept.removed == Names{"gone-1", "gone-2", "gone-3"});
  CHECK(swept.kept == 2);
  CHECK(swept.skipped.empty());
  CHECK(EntriesOf(world.parent) == Names{".lock", "live", "to-file"});
}

TEST_CASE("a chain of links is judged by where it ends") {
  World world;
  world.MakeParent();
  MakeLink("b", world.InParent("a"));
  MakeLink(world.real_dir, world.InParent("b"));
  CHECK(Swept(world).kept == 2);
  REQUIRE(rmdir(world.real_dir.c_str()) == 0);
  CHECK(Swept(world).removed == Names{"a", "b"});
}

TEST_CASE("a dry run says the same and changes nothing") {
  World world;
  world.MakeParent(0755);
  MakeLink("missing", world.InParent("gone"));
  MakeLink(world.real_dir, world.InParent("live"));
  MakeLink("missing", world.InParent(".box-1.new"));
  MakeLink(world.InParent("loop"), world.InParent("loop"));
  Names before = EntriesOf(world.parent);
  Swept dry(world, true);
  CHECK(dry.status.ok());
  CHECK(EntriesOf(world.parent) == before);
  CHECK(ModeOf(world.parent) == 0755);
  Swept swept(world);
  CHECK(dry.removed == swept.removed);
  CHECK(dry.kept == swept.kept);
  CHECK(dry.skipped == swept.skipped);
}

TEST_CASE("a link whose target cannot be told is kept and reported") {
  AsUser user(AsUser::Ordinary());
  World world;
  world.MakeParent();
  std::string locked = world.MakeDirectory("locked");
  REQUIRE(chmod(locked.c_str(), 0000) == 0);
  MakeLink(locked + "/inner", world.InParent("locked"));
  MakeLink(world.InParent("loop"), world.InParent("loop"));
  MakeLink(std::string(300, 'n'), world.InParent("long"));
  Swept swept(world);
  CHECK(swept.status.ok());
  CHECK(swept.removed.empty());
  CHECK(swept.kept == 0);
  std::vector<std::pair<std::string, int>> expected = {
      {"locked", EACCES}, {"long", ENAMETOOLONG}, {"loop", ELOOP}};
  CHECK(swept.skipped == expected);
  CHECK(IsLink(world.InParent("locked")));
  CHECK(IsLink(world.InParent("loop")));
}

TEST_CASE("temporary links that a crash left go, wherever they lead") {
  World world;
  world.MakeParent();
  MakeLink(world.real_dir, world.InParent(".box-1.new"));
  MakeLink("missing", world.InParent(".B_x.new"));
  MakeLink("missing", world.InParent(".web@1.2:a=b+c.new"));
  CHECK(Swept(world).removed == Names{".B_x.new", ".box-1.new", ".web@1.2:a=b+c.new"});
  CHECK(EntriesOf(world.parent) == Names{".lock"});
}

TEST_CASE(
    "a link that a crash left aside goes where its home is gone, and else gets its name back") {
  World world;
  world.MakeParent();
  MakeLink("missing", world.InParent(".gone.old"));
  MakeLink(world.real_dir, world.InParent(".live.old"));
  MakeLink(world.real_dir, world.InParent(".again.old"));
  MakeLink(world.real_dir, world.InParent("again"));
  CHECK(Swept(world, true).removed == Names{".gone.old"});
  Swept swept(world);
  CHECK(swept.status.ok());
  CHECK(swept.removed == Names{".gone.old"});
  CHECK(EntriesOf(world.parent) == Names{".lock", "again", "live"});
}

TEST_CASE("hidden links that no ensure makes stay") {
  World world;
  world.MakeParent();
  Names names = {".old",    ".box~.old",     ".new",       "..new",
                 ".@a.new", ".box~.new",     ".box.newer", ".a b.new",
                 ".x",      ".\xc3\xa4.new", "..x.new",    "." + std::string(129, 'i') + ".new"};
  for (const std::string& name : names) MakeLink("missing", world.InParent(name));
  Swept swept(world);
  CHECK(swept.status.ok());
  CHECK(swept.removed.empty());
  for (const std::string& name : names) CHECK(IsLink(world.InParent(name)));
}

TEST_CASE("what is no symlink is never touched") {
  World world;
  world.MakeParent();
  MakeFile(world.InParent("file"));
  MakeFile(world.InParent(".file.new"));
  MakeDirectory(world.InParent("directory"));
  MakeDirectory(world.InParent(".directory.new"));
  MakeFifo(world.InParent("fifo"));
  MakeDeadSocket(world.InParent("socket"));
  Names before = EntriesOf(world.parent);
  Swept swept(world);
  CHECK(swept.status.ok());
  CHECK(swept.removed.empty());
  CHECK(swept.kept == 0);
  CHECK(swept.skipped.empty());
  CHECK(EntriesOf(world.parent) == before);
}

TEST_CASE("many links go in one sweep") {
  World world;
  world.MakeParent();
  for (int i = 0; i < 2000; i++) MakeLink("missing", world.InParent("g" + std::to_string(i)));
  for (int i = 0; i < 50; i++) MakeLink(world.real_dir, world.InParent("k" + std::to_string(i)));
  Swept swept(world);
  CHECK(swept.removed.size() == 2000);
  CHECK(swept.kept == 50);
  CHECK(EntriesOf(world.parent).size() == 51);
}

TEST_CASE("nothing is swept from a parent that is a link") {
  World world;
  std::string other = world.MakeDirectory("other");
  MakeLink("missing", other + "/gone");
  MakeLink(other, world.parent);
  CHECK(IsRefused(Swept(world).status, Refusal::kParentNotDirectory));
  CHECK(IsRefused(Swept(world, true).status, Refusal::kParentNotDirectory));
  CHECK(IsLink(other + "/gone"));
}

TEST_CASE("nothing is swept from a parent of another user") {
  SKIP_UNLESS(IsRoot(), "needs root, to give a directory to another user");
  World world;
  world.MakeParent();
  MakeLink("missing", world.InParent("gone"));
  REQUIRE(chown(world.parent.c_str(), 4711, 4711) == 0);
  CHECK(IsRefused(Swept(world).status, Refusal::kParentForeign));
  CHECK(IsLink(world.InParent("gone")));
}

}  // namespace
}  // namespace boxsockets::test
