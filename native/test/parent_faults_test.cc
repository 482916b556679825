// What the opening and the locking of a parent do where a call fails, or where somebody comes
// between two of them.
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../posix/parent.h"
#include "../posix/user.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

struct Scene : World {
  Scene() { OverflowUid(); }  // which is read once in a process, by an open
};

Status Open(const World& world, Parent* out, Access access = Access::kCreate) {
  return Parent::Open(world.paths(), world.uid, access, out);
}

bool IsRetry(const Status& status) {
  return status.kind == Kind::kRetry && status.refusal == Refusal::kParentUnstable &&
         status.subject == Subject::kParent;
}

// Of the openings of the parent, those up to `last` fail; a base needs none.
Intercept::Hook FailsUpTo(int last, int errnum) {
  return [=](int number, const char*) { return number <= last ? errnum : 0; };
}

TEST_CASE("a parent that goes as soon as it was made is begun anew with, whoever removes it") {
  Scene world;
  Parent parent;
  Intercept intercept("open", 2, [&] { return rmdir(world.parent.c_str()); });
  CHECK(IsRetry(Open(world, &parent)));
  CHECK(intercept.calls() == 2);
}

TEST_CASE("a parent that is closed, and gone when it is asked why, is begun anew with") {
  Scene world;
  Parent parent;
  Intercept intercept("*", [](int, const char* name) {
    if (strcmp(name, "open") == 0) return EACCES;
    return strcmp(name, "lstat") == 0 ? ENOENT : 0;
  });
  CHECK(IsRetry(Open(world, &parent)));
}

TEST_CASE("only what is closed has its mode repaired, and only by who may make it") {
  for (Access access : {Access::kCreate, Access::kExisting}) {
    Scene world;
    world.MakeParent(0711);
    Parent parent;
    int errnum = access == Access::kCreate ? ENOTDIR : EACCES;
    Intercept intercept("open", FailsUpTo(1, errnum));
    Status status = Open(world, &parent, access);
    CHECK(HasFailed(status, errnum));
    CHECK(strcmp(status.syscall, "open") == 0);
    CHECK(intercept.calls() == 1);
    CHECK(ModeOf(world.parent) == 0711);
  }
}

TEST_CASE("a link in the parent's place is no directory, by whichever name the kernel says so") {
  for (int errnum : {ELOOP, ENOTDIR}) {
    Scene world;
    MakeLink(world.real_dir, world.parent);
    Parent parent;
    Intercept intercept("open", FailsUpTo(1, errnum));
    CHECK(IsRefused(Open(world, &parent), Refusal::kParentNotDirectory));
  }
}

TEST_CASE("a parent whose mode was repaired, and that cannot be opened all the same, says so") {
  Scene world;
  world.MakeParent();
  Parent parent;
  Intercept intercept("open",
                      [](int number, const char*) { return number == 1 ? EACCES : EMFILE; });
  Status status = Open(world, &parent);
  CHECK(HasFailed(status, EMFILE));
  CHECK(strcmp(status.syscall, "open") == 0);
  CHECK(intercept.calls() == 2);
}

TEST_CASE("the mode of a parent is set where it is not right, and then it is told if it cannot") {
  Scene world;
  world.MakeParent();
  Parent parent;
  {
    Intercept intercept("fchmod", [](int, const char*) { return EROFS; });
    CHECK(Open(world, &parent).ok());
    CHECK(intercept.calls() == 0);
  }
  REQUIRE(chmod(world.parent.c_str(), 0755) == 0);
  Intercept intercept("fchmod", [](int, const char*) { return EROFS; });
  Status status = Open(world, &parent);
  CHECK(HasFailed(status, EROFS));
  CHECK(strcmp(status.syscall, "fchmod") == 0);
}

TEST_CASE("the lock of an opened parent is its own, and not that of one that took its place") {
  for (bool removed : {false, true}) {
    Scene world;
    Parent parent;
    REQUIRE(Open(world, &parent).ok());
    if (removed) {
      REQUIRE(rmdir(world.parent.c_str()) == 0);
    } else {
      REQUIRE(rename(world.parent.c_str(), (world.base + "/away").c_str()) == 0);
    }
    world.MakeParent();
    Fd lock;
    CAPTURE(removed);
    CHECK(IsRetry(LockParent(world.paths(), &parent, world.uid, 0, &lock)));
    CHECK(EntriesOf(world.parent).empty());
  }
}

#if defined(__linux__)

TEST_CASE("a parent that was deleted, and is still mounted at its path, is not there any more") {
  Scene world;
  world.MakeParent();
  std::string other = world.MakeDirectory("other");
  Child child([&] {
    Parent parent;
    if (!MountOver(other, world.parent) || !Open(world, &parent).ok()) return 77;
    if (!parent.IsStillAt(world.parent.c_str())) return 1;
    // Some file systems count no names of a directory.
    if (rmdir(other.c_str()) != 0 || StatOf(world.parent).st_nlink != 0) return 77;
    return parent.IsStillAt(world.parent.c_str()) ? 2 : 0;
  });
  int exited = child.Wait();
  SKIP_UNLESS(exited != 77, "nothing can be mounted here, or is counted as gone");
  CHECK(exited == 0);
}

#endif

}  // namespace
}  // namespace boxsockets::test
