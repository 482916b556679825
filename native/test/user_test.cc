// Uids as a user namespace shows them.
#include "../posix/user.h"

#include <unistd.h>

#include "../posix/base.h"
#include "../posix/binding.h"
#include "../posix/steady.h"
#include "support.h"

#if defined(__linux__)
#include <sched.h>
#endif

namespace boxsockets::test {
namespace {

#if defined(__linux__)

bool Write(const char* path, const std::string& text) {
  Fd fd(open(path, O_WRONLY | O_CLOEXEC));
  return fd.valid() &&
         write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// Enters a user namespace in which only the caller is mapped, as `inner`.
bool EnterNamespace(uid_t inner) {
  std::string map = std::to_string(inner) + " " + std::to_string(geteuid()) + " 1";
  return unshare(CLONE_NEWUSER) == 0 && Write("/proc/self/uid_map", map);
}

// What a child in a user namespace found.
enum Outcome { kFine, kWrong, kNoNamespaces };

TEST_CASE("the overflow uid stands for others wherever some are not mapped, and for nobody else") {
  AsUser user(AsUser::Ordinary());
  Child child([] {
    if (!EnterNamespace(1000)) return kNoNamespaces;
    for (uid_t other : {0U, 1000U, OverflowUid() + 1}) {
      if (StandsForUnmapped(other)) return kWrong;
    }
    return StandsForUnmapped(OverflowUid()) ? kFine : kWrong;
  });
  int outcome = child.Wait();
  SKIP_UNLESS(outcome != kNoNamespaces, "needs user namespaces");
  CHECK(outcome == kFine);
}

TEST_CASE("where root is not mapped its sticky directories are trusted, and no others") {
  SKIP_UNLESS(alone, kNotAlone);
  AsUser user(AsUser::Ordinary());
  Child child([] {
    if (!EnterNamespace(1000)) return kNoNamespaces;
    if (RootUid() != OverflowUid()) return kWrong;
    struct stat tmp;
    if (stat("/tmp", &tmp) != 0 || tmp.st_uid != OverflowUid()) return kWrong;
    if (!CheckBase(tmp, geteuid()).ok()) return kWrong;
    tmp.st_mode &= ~static_cast<mode_t>(S_ISVTX);
    return CheckBase(tmp, geteuid()).ok() ? kWrong : kFine;
  });
  int outcome = child.Wait();
  SKIP_UNLESS(outcome != kNoNamespaces, "needs user namespaces");
  CHECK(outcome == kFine);
}

TEST_CASE("a box is bound in a user namespace, and the host sees the same binding as its own") {
  AsUser user(AsUser::Ordinary());
  World world;
  Child child([&] {
    if (!EnterNamespace(0)) return kNoNamespaces;
    EnsureResult result;
    if (!Ensure(world.paths(), {}, &result).ok()) return kWrong;
    return result == EnsureResult::kCreated ? kFine : kWrong;
  });
  int outcome = child.Wait();
  SKIP_UNLESS(outcome != kNoNamespaces, "needs user namespaces");
  CHECK(outcome == kFine);
  CHECK(IsSteady(world));
}

TEST_CASE("a caller that is mapped to nobody still binds in what it can prove to be its own") {
  AsUser user(AsUser::Ordinary());
  World world;
  Child child([&] {
    if (unshare(CLONE_NEWUSER) != 0) return kNoNamespaces;
    if (geteuid() != OverflowUid()) return kWrong;
    EnsureResult result;
    return Ensure(world.paths(), {}, &result).ok() ? kFine : kWrong;
  });
  int outcome = child.Wait();
  SKIP_UNLESS(outcome != kNoNamespaces, "needs user namespaces");
  CHECK(outcome == kFine);
  CHECK(IsSteady(world));
}

TEST_CASE("a caller that is mapped to nobody does not take a stranger's parent for its own") {
  SKIP_UNLESS(IsRoot(), "needs root, to act as two users");
  SKIP_UNLESS(alone, kNotAlone);
  TempDirectory home;
  REQUIRE(chmod(home.path().c_str(), 01777) == 0);
  std::string parent = home / "bl", binding = parent + "/box", real_dir = home / "real";
  MakeDirectory(real_dir, 0755);
  MakeDirectory(parent, 0755);
  REQUIRE(chown(parent.c_str(), 4711, 4711) == 0);
  AsUser user(AsUser::Ordinary());
  Child child([&] {
    if (unshare(CLONE_NEWUSER) != 0) return kNoNamespaces;
    Paths paths = {home.path().c_str(), parent.c_str(), binding.c_str(), real_dir.c_str()};
    EnsureResult result;
    Status status = Ensure(paths, {}, &result);
    return IsRefused(status, Refusal::kParentForeign) ? kFine : kWrong;
  });
  int outcome = child.Wait();
  SKIP_UNLESS(outcome != kNoNamespaces, "needs user namespaces");
  CHECK(outcome == kFine);
}

// From here on the uids are read, so that a child finds them read.

TEST_CASE("where every uid is mapped the overflow uid is a user like any other") {
  std::string map(64, '\0');
  Fd fd(open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC));
  ssize_t size = read(fd.get(), map.data(), map.size());
  SKIP_UNLESS(size > 0 && map.find("4294967295") != std::string::npos, "some uids are not mapped");
  CHECK_FALSE(StandsForUnmapped(OverflowUid()));
}

#endif

TEST_CASE("the uids are the caller's") {
  Uids uids = CurrentUids();
  CHECK(uids.real == getuid());
  CHECK(uids.effective == geteuid());
}

TEST_CASE("uids are read once and then remembered") {
  CHECK(OverflowUid() == OverflowUid());
  CHECK(RootUid() == RootUid());
  CHECK(OverflowUid() != 0);
}

}  // namespace
}  // namespace boxsockets::test
