// What the removal of a tree does where a call fails, and where somebody comes between two of its
// calls: one entry after another, each once.
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>

#include "../posix/remove_tree.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

using Names = std::vector<std::string>;

struct Wood {
  DescriptorCheck descriptors;
  TempDirectory directory;
  std::string tree = directory / "tree", outside = directory / "outside";

  Wood() {
    MakeDirectory(tree);
    MakeDirectory(outside);
    MakeFile(outside + "/precious");
  }
  ~Wood() { CHECK(EntriesOf(outside) == Names{"precious"}); }

  // The directories tree/deep, tree/deep/deep, and so on.
  std::string MakeDeep(size_t levels) const {
    std::string path = tree;
    for (size_t i = 0; i < levels; i++) MakeDirectory(path += "/deep");
    return path.substr(directory.path().size() + 1);
  }

  Status Remove(const char* last = "") {
    memset(&failed, 'x', sizeof failed);
    return RemoveTree(directory.path().c_str(), "tree", last, &failed);
  }
  bool Removes(const char* last = "") { return Remove(last).ok() && !Exists(tree); }
  // Whether it fails at this call of this entry, and all that is above stays.
  bool FailsAt(const std::string& entry, const char* call, int errnum) {
    Status status = Remove();
    CAPTURE(status);
    std::string where(failed.path, strnlen(failed.path, sizeof failed.path));
    CHECK(where == entry);
    CHECK(status.subject == Subject::kFile);
    return HasFailed(status, errnum) && strcmp(status.syscall, call) == 0 && Exists(tree);
  }

  TreeEntry failed;
};

// Each call that is made, in turn; those of one name fail, the first `failing` times.
class Calls {
 public:
  explicit Calls(const std::string& name = "", int errnum = 0, int failing = 1'000'000)
      : intercept_("*", [this, name, errnum, failing](int, const char* call) {
          all_.emplace_back(call);
          return name == call && ++count_[name] <= failing ? errnum : 0;
        }) {}

  int Of(const std::string& name) const {
    int count = 0;
    for (const std::string& call : all_) count += call == name ? 1 : 0;
    return count;
  }
  // From the first of a name on.
  Names From(const std::string& name) const {
    size_t at = 0;
    while (at < all_.size() && all_[at] != name) at++;
    Names rest(all_.begin() + static_cast<std::ptrdiff_t>(at), all_.end());
    while (!rest.empty() && rest.back() == "lstat") rest.pop_back();  // the test's own
    return rest;
  }

 private:
  Names all_;
  std::map<std::string, int> count_;
  Intercept intercept_;
};

TEST_CASE("each directory of a tree is entered once, each entry unlinked once, and no call more") {
  SKIP_UNLESS(KnowsOpenat2(), kWithoutOpenat2);
  Wood wood;
  std::string longest(NAME_MAX, 'n');
  for (const char* name : {"/a", "/a/b", "/marker"}) MakeDirectory(wood.tree + name);
  MakeDirectory(wood.tree + "/" + longest);
  MakeFile(wood.tree + "/a/file");
  MakeLink(wood.outside, wood.tree + "/marker/link");
  {
    Calls calls;
    CHECK(wood.Removes("marker"));
    CHECK(calls.Of("open") == 1);
    CHECK(calls.Of("openat2") == 5);
    CHECK(calls.Of("unlinkat") == 7);
    for (const char* none : {"renameat", "fstatat", "fchmod", "chmod"}) CHECK(calls.Of(none) == 0);
  }
  MakeDirectory(wood.tree);
  wood.MakeDeep(3 * kRemovalDepth);
  MakeDirectory(wood.tree + "/marker");
  Calls calls;
  CHECK(wood.Removes("marker"));
  CHECK(calls.Of("openat2") == 3 * kRemovalDepth + 2);
  CHECK(calls.Of("unlinkat") == 3 * kRemovalDepth + 2);
  CHECK(calls.Of("renameat") == 3);
}

TEST_CASE("what must go last is whole until it is alone, whichever entry it is") {
  Names names = {"a", "b", "c", "deep"};
  for (const char* last : {"a", "b", "c"}) {
    Wood wood;
    wood.MakeDeep(2 * kRemovalDepth);
    for (const std::string& name : names) {
      std::string path = wood.tree + "/" + name;
      if (name != "deep") MakeDirectory(path);
      path += '/';
      for (const std::string& inner : names) {
        if (!Exists(path + inner)) MakeDirectory(path + inner);
      }
    }
    bool early = false;
    Intercept intercept("unlinkat", [&](int, const char*) {
      Names left = EntriesOf(wood.tree);
      bool whole = EntriesOf(wood.tree + "/" + last) == names;
      early = early || !(whole || left == Names{last} || left.empty());
      return 0;
    });
    CAPTURE(last);
    CHECK(wood.Removes(last));
    CHECK(!early);
    CHECK(intercept.calls() > 80);
  }
}

TEST_CASE("an entry that becomes a directory before it is unlinked is emptied as one") {
  // EPERM is what POSIX has for a directory.
  for (int errnum : {0, EPERM}) {
    Wood wood;
    MakeFile(wood.tree + "/entry");
    Intercept intercept("unlinkat", 1, [&] {
      REQUIRE(unlink((wood.tree + "/entry").c_str()) == 0);
      MakeDirectory(wood.tree + "/entry");
      MakeFile(wood.tree + "/entry/file");
      return errnum;
    });
    CAPTURE(errnum);
    CHECK(wood.Removes());
    CHECK(intercept.calls() == 4);
  }
}

TEST_CASE("what says that an entry may not be removed does not say that it is a directory") {
  Wood wood;
  std::string entry = wood.tree + "/entry";
  MakeLink(wood.outside, entry);
  {
    Intercept intercept("unlinkat", 1, [] { return EPERM; });
    CHECK(wood.FailsAt("tree/entry", "unlinkat", EPERM));
  }
  for (bool seen : {true, false}) {
    REQUIRE(unlink(entry.c_str()) == 0);
    MakeFile(entry);
    Intercept intercept("*", [&](int, const char* name) {
      if (strcmp(name, "fstatat") == 0) return EIO;
      if (strcmp(name, "unlinkat") != 0) return 0;
      REQUIRE(unlink(entry.c_str()) == 0);
      MakeDirectory(entry);
      return seen ? EIO : EPERM;
    });
    CAPTURE(seen);
    CHECK(wood.FailsAt("tree/entry", "unlinkat", seen ? EIO : EPERM));
    REQUIRE(rmdir(entry.c_str()) == 0);
    MakeFile(entry);
  }
}

TEST_CASE("a directory that becomes a file or a link before it is entered is unlinked as such") {
  for (int errnum : {0, ELOOP}) {
    Wood wood;
    std::string entry = wood.tree + "/entry";
    MakeDirectory(entry);
    Intercept intercept("openat2", 2, [&] {
      REQUIRE(rmdir(entry.c_str()) == 0);
      if (errnum == 0) {
        MakeFile(entry);
      } else {
        MakeLink(wood.outside, entry);
      }
      return errnum;
    });
    CAPTURE(errnum);
    CHECK(wood.Removes());
    CHECK(intercept.calls() == 2);
  }
}

TEST_CASE("an entry that is exchanged at every look is given up after a hundred") {
  Wood wood;
  int calls = 0;
  Intercept intercept("*", [&](int, const char* name) {
    bool enters = strcmp(name, "openat2") == 0;
    if (!enters && strcmp(name, "unlinkat") != 0) return 0;
    calls++;
    return enters ? ENOTDIR : EISDIR;
  });
  CHECK(HasFailed(wood.Remove(), EISDIR));
  CHECK(std::string(wood.failed.path) == "tree");
  CHECK(calls == 100);
}

TEST_CASE("a name that is taken above is not the last one to which a deep directory is moved") {
  for (int errnum : {EEXIST, ENOTEMPTY, EISDIR, EIO}) {
    Wood wood;
    std::string deepest = wood.MakeDeep(kRemovalDepth);
    bool taken = errnum != EIO;
    {
      Calls calls("renameat", errnum);
      CHECK(HasFailed(wood.Remove(), errnum));
      CHECK(std::string(wood.failed.path) == deepest);
      CHECK(calls.Of("renameat") == (taken ? 100 : 1));
    }
    Calls calls("renameat", errnum, 1);
    CHECK(wood.Removes() == taken);
    CHECK(calls.Of("renameat") == (taken ? 2 : 1));
  }
}

TEST_CASE("permission is given once to a directory of ours, whose entry could not be removed") {
  Wood wood;
  std::string above = wood.tree + "/a";
  MakeDirectory(above, 0500);
  MakeFile(wood.outside + "/file");
  REQUIRE(rename((wood.outside + "/file").c_str(), (wood.tree + "/file").c_str()) == 0);
  {
    Calls calls("unlinkat", EACCES);
    CHECK(wood.FailsAt("tree/file", "unlinkat", EACCES));
    CHECK(calls.From("unlinkat") == Names{"unlinkat", "fstat", "fchmod", "unlinkat"});
  }
  CHECK(ModeOf(above) == 0500);
  {
    Calls calls("unlinkat", EACCES, 1);
    CHECK(wood.Removes());
    CHECK(calls.Of("fchmod") == 1);
  }
  SKIP_UNLESS(IsRoot(), "only root gives a directory away");
  MakeDirectory(wood.tree, 0500);
  MakeFile(wood.tree + "/file");
  REQUIRE(chown(wood.tree.c_str(), 4711, 4711) == 0);
  Calls calls("unlinkat", EACCES);
  CHECK(wood.FailsAt("tree/file", "unlinkat", EACCES));
  CHECK(calls.From("unlinkat") == Names{"unlinkat", "fstat"});
  CHECK(ModeOf(wood.tree) == 0500);
}

TEST_CASE("permission is given where an entry could not be removed, and not above that") {
  Wood wood;
  MakeFile(wood.directory / wood.MakeDeep(2) + "/file");
  Calls calls("unlinkat", EACCES, 1);
  CHECK(wood.Removes());
  CHECK(calls.Of("fchmod") == 1);
}

TEST_CASE("what may not be entered, accessible or not, is told, and nothing is changed above it") {
  Wood wood;
  {
    Calls calls("openat2", EACCES);
    CHECK(wood.FailsAt("tree", "openat", EACCES));
    CHECK(calls.Of("openat2") == 100);
    CHECK(calls.Of("fchmod") == 0);
  }
  Intercept intercept("*", [](int, const char* name) {
    return strcmp(name, "openat2") == 0 || strcmp(name, "chmod") == 0 ? EACCES : 0;
  });
  CHECK(wood.FailsAt("tree", "openat", EACCES));
}

TEST_CASE("for what is moved up, the first directory is made accessible, too") {
  for (bool here : {true, false}) {
    Wood wood;
    std::string deepest = wood.MakeDeep(kRemovalDepth);
    int moves = 0, repairs = 0;
    Intercept intercept("*", [&](int, const char* name) {
      if (strcmp(name, "renameat") == 0) return ++moves == 1 ? EACCES : 0;
      if (strcmp(name, "fchmod") == 0) return ++repairs == 1 && !here ? EIO : 0;
      return strcmp(name, "chmod") == 0 && !here ? EIO : 0;
    });
    CAPTURE(here);
    CHECK(wood.Removes());
    CHECK(moves == 2);
    CHECK(repairs == 2);
  }
  Wood wood;
  std::string deepest = wood.MakeDeep(kRemovalDepth);
  Calls calls("renameat", EACCES);
  CHECK(wood.FailsAt(deepest, "openat", EACCES));
  Names after = calls.From("renameat");
  after.resize(6);
  CHECK(after == Names{"renameat", "fstat", "fchmod", "fstat", "fchmod", "renameat"});
}

TEST_CASE("a deep tree of directories alone, each closed to its owner, is removed") {
  Wood wood;
  REQUIRE(chown(wood.directory.path().c_str(), AsUser::Ordinary(), 0) == 0);
  REQUIRE(chown(wood.tree.c_str(), AsUser::Ordinary(), 0) == 0);
  AsUser user(AsUser::Ordinary());
  std::string path = wood.directory / wood.MakeDeep(2 * kRemovalDepth);
  for (; path.size() >= wood.tree.size(); path.resize(path.rfind('/'))) {
    REQUIRE(chmod(path.c_str(), 0500) == 0);
  }
  CHECK(wood.Removes());
}

TEST_CASE("an emptied directory that may not be removed is, once the one above is accessible") {
  Wood wood;
  MakeDirectory(wood.tree + "/a");
  {
    // Above the tree is nothing that may be changed.
    Intercept intercept("*", [](int number, const char* name) {
      return strcmp(name, "unlinkat") == 0 && number > 0 ? EACCES : 0;
    });
    CHECK(wood.FailsAt("tree/a", "unlinkat", EACCES));
  }
  {
    int calls = 0;
    Intercept intercept("unlinkat", [&](int, const char*) { return ++calls == 1 ? EACCES : EIO; });
    CHECK(wood.FailsAt("tree/a", "unlinkat", EIO));
    CHECK(calls == 2);
  }
  {
    Calls calls("unlinkat", EACCES, 1);
    CHECK(wood.Removes());
    CHECK(calls.From("unlinkat") ==
          Names{"unlinkat", "fstat", "fchmod", "unlinkat", "readdir", "unlinkat"});
  }
  MakeDirectory(wood.tree);
  Calls calls("unlinkat", EACCES);
  CHECK(wood.FailsAt("tree", "unlinkat", EACCES));
  CHECK(calls.From("unlinkat") == Names{"unlinkat"});
}

TEST_CASE("what bears the name of an emptied directory is looked at anew") {
  enum class Does : uint8_t { kNothing, kRemoves, kExchanges, kFills };
  struct Case {
    Does does;
    int errnum;
    int unlinks;
  };
  for (const char* name : {"", "/a"}) {
    for (const Case& one : {Case{Does::kNothing, EEXIST, 2}, Case{Does::kRemoves, 0, 1},
                            Case{Does::kExchanges, 0, 2}, Case{Does::kFills, 0, 3}}) {
      Wood wood;
      std::string emptied = wood.tree + name;
      if (name[0] != '\0') MakeDirectory(emptied);
      Intercept intercept("unlinkat", 1, [&] {
        if (one.does == Does::kFills) MakeFile(emptied + "/new");
        if (one.does == Does::kRemoves || one.does == Does::kExchanges) {
          REQUIRE(rmdir(emptied.c_str()) == 0);
        }
        if (one.does == Does::kExchanges) MakeFile(emptied);
        return one.errnum;
      });
      CAPTURE(name);
      CAPTURE(static_cast<int>(one.does));
      CHECK(wood.Removes());
      CHECK(intercept.calls() == one.unlinks + (name[0] == '\0' ? 0 : 1));
    }
  }
}

TEST_CASE("a directory that is never empty is emptied ten thousand times again, and told") {
  Wood wood;
  Calls calls("unlinkat", ENOTEMPTY);
  CHECK(wood.FailsAt("tree", "unlinkat", ENOTEMPTY));
  CHECK(calls.Of("unlinkat") == 10'001);
}

TEST_CASE("a call that fails is told with the entry that it was about") {
  Wood wood;
  MakeDirectory(wood.tree + "/a");
  {
    Intercept intercept("open", 1, [] { return EIO; });
    CHECK(wood.FailsAt("", "open", EIO));
  }
  for (int number : {1, 2}) {
    std::string entry = number == 1 ? "tree" : "tree/a";
    CAPTURE(number);
    {
      Intercept intercept("openat2", number, [] { return EIO; });
      CHECK(wood.FailsAt(entry, "openat", EIO));
    }
    {
      Intercept intercept("fdopendir", number, [] { return ENOMEM; });
      CHECK(wood.FailsAt(entry, "openat", ENOMEM));
    }
  }
  int reads = 0;
  {
    Intercept intercept("*", [&](int, const char* name) {
      if (strcmp(name, "fdopendir") == 0) reads++;
      return strcmp(name, "readdir") == 0 && reads == 2 ? EIO : 0;
    });
    CHECK(wood.FailsAt("tree/a", "readdir", EIO));
  }
  {
    Intercept intercept("readdir", 1, [] { return EIO; });
    CHECK(wood.FailsAt("tree", "readdir", EIO));
  }
  Intercept intercept("open", 1, [] { return EINTR; });
  CHECK(wood.Removes());
  CHECK(intercept.calls() >= 2);
}

}  // namespace
}  // namespace boxsockets::test
