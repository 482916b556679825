// Links that are renamed with and without renameat2(2), where something has their place, or comes
// meanwhile.
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../posix/link.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

struct Links : TempDirectory {
  Links() { MakeLink("there", *this / "name"); }
  std::string operator/(const std::string& name) const { return path() + "/" + name; }

  int Rename() const { return RenameExclusively(parent.get(), "name", "other"); }
  Status Aside(const char* text = "there") const {
    LinkText expected;
    expected.Set(text);
    return MoveAside(parent.get(), "name", ".name.old", expected);
  }
  bool Has(const std::vector<std::string>& names) const { return EntriesOf(path()) == names; }

  Fd parent{open(path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
};

// Runs it with renameat2, and with every kernel, runtime and file system that does not know it.
void EitherWay(const std::function<void()>& work) {
  for (int errnum : {0, ENOSYS, EPERM, EINVAL}) {
    CAPTURE(errnum);
    Intercept intercept("syscall", [=](int, const char*) { return errnum; });
    work();
  }
}

TEST_CASE("a hidden name is that of a valid id with an ending, whole") {
  for (const char* name : {".b.old", ".a@b.old", ".0_-.old", ".a.b.old", ".a+b:c=d.old"}) {
    CAPTURE(name);
    CHECK(HiddenName::Is(name, ".old"));
  }
  for (const char* name : {"xb.old", "b.old", ".old", "..old", ".b.new", ".-b.oldx", ".a b.old",
                           ".a/b.old", ".@.old", "..b.old", ".=b.old", ".b.ol", ".b~.old", ""}) {
    CAPTURE(name);
    CHECK_FALSE(HiddenName::Is(name, ".old"));
  }
  std::string longest(kLongestId, 'x');
  CHECK(HiddenName::Is(("." + longest + ".old").c_str(), ".old"));
  CHECK_FALSE(HiddenName::Is(("." + longest + "x.old").c_str(), ".old"));
  CHECK(HiddenName::Is(HiddenName("b", ".new").c_str(), ".new"));
  // An ending that no name has among its own characters.
  CHECK(HiddenName::Is(".b~", "~"));
}

TEST_CASE("what bears a name gets another one, unless that is taken, whatever the kernel knows") {
  EitherWay([] {
    Links links;
    CHECK(links.Rename() == 0);
    CHECK(links.Has({"other"}));
    CHECK(TargetOf(links / "other") == "there");
    REQUIRE(unlink((links / "other").c_str()) == 0);
    CHECK(links.Rename() == ENOENT);
  });
  for (const char* target : {"elsewhere", "."}) {
    EitherWay([=] {
      Links links;
      MakeLink(target, links / "other");
      CHECK(links.Rename() == EEXIST);
      CHECK(links.Has({"name", "other"}));
      CHECK(TargetOf(links / "other") == target);
    });
  }
}

TEST_CASE("what is no link gets another name, too, unless that is taken") {
  EitherWay([] {
    Links links;
    REQUIRE(unlink((links / "name").c_str()) == 0);
    MakeFile(links / "name", "text");
    MakeLink("nowhere", links / "other");
    CHECK(links.Rename() == EEXIST);
    CHECK(links.Has({"name", "other"}));
    REQUIRE(unlink((links / "other").c_str()) == 0);
    CHECK(links.Rename() == 0);
    CHECK(links.Has({"other"}));
  });
}

TEST_CASE("without that rename a second link is made, and what cannot be made or undone is told") {
  Links links;
  auto failing = [](const char* call, int errnum) {
    return [=](int, const char* name) {
      if (strcmp(name, "syscall") == 0) return ENOSYS;
      return strcmp(name, call) == 0 ? errnum : 0;
    };
  };
  {
    Intercept intercept("*", failing("unlinkat", EIO));
    CHECK(links.Rename() == EIO);
  }
  CHECK(links.Has({"name", "other"}));
  REQUIRE(unlink((links / "other").c_str()) == 0);
  {
    // Where it can be told at once that the name is taken, nobody looks.
    Intercept intercept("*", failing("symlinkat", EEXIST));
    CHECK(links.Rename() == EEXIST);
  }
  CHECK(links.Has({"name"}));
  {
    // No room for a second link: it is renamed.
    Intercept intercept("*", failing("symlinkat", ENOSPC));
    CHECK(links.Rename() == 0);
  }
  CHECK(links.Has({"other"}));
  REQUIRE(rename((links / "other").c_str(), (links / "name").c_str()) == 0);
  int renames = 0;
  Intercept intercept("*", [&](int, const char* name) {
    if (strcmp(name, "syscall") == 0) return ENOSYS;
    renames += strcmp(name, "renameat") == 0 ? 1 : 0;
    return strcmp(name, "symlinkat") == 0 ? ENOSPC : strcmp(name, "renameat") == 0 ? EIO : 0;
  });
  CHECK(links.Rename() == EIO);
  CHECK(renames == 1);
}

TEST_CASE("a failure that is not for want of the call is told, and nothing is tried") {
  Links links;
  for (int errnum : {EIO, EACCES, EROFS, ENOENT}) {
    int calls = 0;
    Intercept intercept("*", [&](int, const char*) {
      calls++;
      return errnum;
    });
    CAPTURE(errnum);
    CHECK(links.Rename() == errnum);
    CHECK(HasFailed(links.Aside(), errnum));
    CHECK(calls == 2);
  }
  CHECK(links.Has({"name"}));
}

TEST_CASE("a link is moved aside over one that a crash left, and over nothing else") {
  EitherWay([] {
    Links links;
    CHECK(links.Aside().ok());
    CHECK(links.Has({".name.old"}));
    CHECK(HasFailed(links.Aside(), ENOENT));
  });
  // One that leads nowhere, or to a file or a directory, is a link all the same.
  for (const char* left : {"nowhere", ".", "file"}) {
    EitherWay([=] {
      Links links;
      MakeFile(links / "file");
      MakeLink(left, links / ".name.old");
      CHECK(links.Aside().ok());
      CHECK(links.Has({".name.old", "file"}));
      CHECK(TargetOf(links / ".name.old") == "there");
    });
  }
  EitherWay([] {
    Links links;
    MakeFile(links / ".name.old", "text");
    CHECK(HasFailed(links.Aside(), EEXIST));
    CHECK(links.Has({".name.old", "name"}));
    CHECK(TargetOf(links / "name") == "there");
  });
}

TEST_CASE("what has come into the link's place meanwhile has its name again") {
  EitherWay([] {
    Links links;
    CHECK(HasFailed(links.Aside("elsewhere"), ESTALE));
    CHECK(links.Has({"name"}));
    REQUIRE(unlink((links / "name").c_str()) == 0);
    MakeFile(links / "name");
    CHECK(HasFailed(links.Aside(), ESTALE));
    CHECK(links.Has({"name"}));
  });
  Links links;
  {
    Intercept intercept("readlinkat", 1, [] { return EIO; });
    CHECK(HasFailed(links.Aside(""), EIO));
  }
  CHECK(links.Has({"name"}));
  {
    // It cannot be put back: that is told, and it is where it was moved to.
    int calls = 0;
    Intercept intercept("syscall", [&](int, const char*) { return ++calls == 2 ? EROFS : 0; });
    CHECK(HasFailed(links.Aside("elsewhere"), EROFS));
  }
  CHECK(links.Has({".name.old"}));
}

TEST_CASE("a link gets its name back, unless another one has it: then that one stays alone") {
  EitherWay([] {
    Links links;
    CHECK(PutBack(links.parent.get(), "again", "name") == 0);
    CHECK(links.Has({"again"}));
    MakeLink("another", links / "name");
    CHECK(PutBack(links.parent.get(), "again", "name") == 0);
    CHECK(links.Has({"again"}));
    CHECK(TargetOf(links / "again") == "there");
    MakeFile(links / "name");
    CHECK(PutBack(links.parent.get(), "again", "name") == EEXIST);
    CHECK(links.Has({"again", "name"}));
    REQUIRE(unlink((links / "again").c_str()) == 0);
    CHECK(PutBack(links.parent.get(), "again", "missing") == ENOENT);
  });
  Links links;
  MakeLink("another", links / "old");
  Intercept intercept("unlinkat", 1, [] { return EIO; });
  CHECK(PutBack(links.parent.get(), "name", "old") == EIO);
}

}  // namespace
}  // namespace boxsockets::test
