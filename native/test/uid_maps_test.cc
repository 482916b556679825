// Ownership under the maps that rootless containers have: many uids, 65534 among them, in one range
// or in several.
#include <sys/socket.h>
#include <unistd.h>

#include "../posix/base.h"
#include "../posix/binding.h"
#include "../posix/dial.h"
#include "../posix/user.h"
#include "support.h"

#if defined(__linux__)
#include <sched.h>

namespace boxsockets::test {
namespace {

constexpr char kUsual[] = "0 100000 65536";
// The uid that is 65534 within `kUsual`.
constexpr uid_t kInner = 65534, kOuter = 100000 + kInner, kStranger = 4711;

bool Write(const std::string& path, const std::string& text) {
  Fd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return fd.valid() &&
         write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// Runs `work` as `uid` of a user namespace with that map, which takes root outside of it to write.
int RunMapped(const std::string& map, uid_t uid, const std::function<bool()>& work) {
  Signal entered, mapped;
  Child child([&] {
    if (unshare(CLONE_NEWUSER) != 0) return 2;
    entered.Send();
    mapped.Await();
    if (setresgid(0, 0, 0) != 0 || setresuid(uid, uid, uid) != 0) return 3;
    return work() ? 0 : 1;
  });
  entered.Await();
  std::string process = "/proc/" + std::to_string(child.pid());
  REQUIRE(Write(process + "/uid_map", map));
  REQUIRE(Write(process + "/gid_map", kUsual));
  mapped.Send();
  return child.Wait();
}

// A sticky base of root's, and a box whose directories are given to whoever it is.
struct Shared : World {
  void Give(uid_t parent_owner) {
    REQUIRE(chmod(home.path().c_str(), 0755) == 0);
    REQUIRE(chmod(base.c_str(), 01777) == 0);
    REQUIRE(chmod(real_dir.c_str(), 0777) == 0);
    if (!Exists(parent)) MakeParent();
    REQUIRE(chown(parent.c_str(), parent_owner, static_cast<gid_t>(-1)) == 0);
  }
  Status Ensured() const {
    EnsureResult result;
    return Ensure(paths(), {}, &result);
  }
};

TEST_CASE(
    "under the usual map 65534 is a user of its own, and may still be anybody who is not mapped") {
  SKIP_UNLESS(IsRoot(), "needs root, to write a map of many uids");
  SKIP_UNLESS(alone, kNotAlone);
  CHECK(RunMapped(kUsual, kInner, [] {
          return geteuid() == kInner && StandsForUnmapped(kInner) &&
                 !StandsForUnmapped(kInner - 1) && OwnershipNeedsProof(kInner) &&
                 RootUid() == kInner;
        }) == 0);
}

TEST_CASE("under the usual map a peer that looks like 65534 may be anybody") {
  SKIP_UNLESS(IsRoot(), "needs root, to write a map of many uids");
  SKIP_UNLESS(alone, kNotAlone);
  for (uid_t uid : {kInner, kInner - 1}) {
    CAPTURE(uid);
    CHECK(RunMapped(kUsual, uid, [=] {
            int ends[2];
            if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return false;
            Fd one(ends[0]), other(ends[1]);
            Status status = CheckPeer(one, uid);
            return uid == kInner ? IsRefused(status, Refusal::kPeer) : status.ok();
          }) == 0);
  }
}

TEST_CASE(
    "under the usual map the parent of 65534 is its own, and what merely looks so is a "
    "stranger's") {
  SKIP_UNLESS(IsRoot(), "needs root, to write a map of many uids");
  SKIP_UNLESS(alone, kNotAlone);
  for (uid_t owner : {kOuter, kStranger}) {
    Shared world;
    world.Give(owner);
    CAPTURE(owner);
    CHECK(RunMapped(kUsual, kInner, [&] {
            struct stat st = StatOf(world.parent);
            if (st.st_uid != kInner) return false;  // both look like it
            Status status = world.Ensured();
            return owner == kOuter ? status.ok() : IsRefused(status, Refusal::kParentForeign);
          }) == 0);
    CHECK(Exists(world.binding) == (owner == kOuter));
  }
}

TEST_CASE("under the usual map another user than 65534 is told from it, and from strangers") {
  SKIP_UNLESS(IsRoot(), "needs root, to write a map of many uids");
  SKIP_UNLESS(alone, kNotAlone);
  constexpr uid_t kUser = 1000;
  for (uid_t owner : {100000 + kUser, kOuter, kStranger}) {
    Shared world;
    world.Give(owner);
    CAPTURE(owner);
    CHECK(RunMapped(kUsual, kUser, [&] {
            Status status = world.Ensured();
            bool own = owner == 100000 + kUser;
            return !OwnershipNeedsProof(kUser) &&
                   (own ? status.ok() : IsRefused(status, Refusal::kParentForeign));
          }) == 0);
  }
}

TEST_CASE(
    "under the usual map nothing is removed from a stranger's parent, which looks like 65534's") {
  SKIP_UNLESS(IsRoot(), "needs root, to write a map of many uids");
  SKIP_UNLESS(alone, kNotAlone);
  for (uid_t owner : {kOuter, kStranger}) {
    Shared world;
    world.MakeParent();
    MakeLink(world.real_dir, world.binding);
    world.Give(owner);
    REQUIRE(chmod(world.parent.c_str(), 0755) == 0);
    CAPTURE(owner);
    CHECK(RunMapped(kUsual, kInner, [&] {
            RemoveResult result;
            Status status = Remove(world.paths(), 0, &result);
            if (owner == kStranger) return IsRefused(status, Refusal::kParentForeign);
            return status.ok() && result == RemoveResult::kRemoved;
          }) == 0);
  }
}

TEST_CASE("a base of the unmapped root is trusted where it is sticky, and a stranger's never") {
  SKIP_UNLESS(IsRoot(), "needs root, to write a map of many uids");
  SKIP_UNLESS(alone, kNotAlone);
  for (bool sticky : {true, false}) {
    Shared world;
    world.Give(kOuter);
    REQUIRE(chmod(world.base.c_str(), sticky ? 01777 : 0755) == 0);
    CAPTURE(sticky);
    CHECK(RunMapped(kUsual, kInner, [&] {
            Status status = world.Ensured();
            return sticky ? status.ok() : IsRefused(status, Refusal::kBaseUntrusted);
          }) == 0);
  }
}

TEST_CASE("below directories of the unmapped root, and of the map's own, a base is trusted") {
  SKIP_UNLESS(IsRoot(), "needs root, to write a map of many uids");
  SKIP_UNLESS(alone, kNotAlone);
  constexpr uid_t kUser = 1000;
  // Who owns the home, in which the base lies.
  for (uid_t owner : {uid_t{0}, uid_t{100000}, 100000 + kUser, 100000 + kUser + 1}) {
    Shared world;
    world.Give(100000 + kUser);
    REQUIRE(chown(world.home.path().c_str(), owner, static_cast<gid_t>(-1)) == 0);
    CAPTURE(owner);
    CHECK(RunMapped(kUsual, kUser, [&] {
            Status status = CheckAncestry(world.base.c_str(), kUser);
            bool stranger = owner == 100000 + kUser + 1;
            return stranger ? IsRefused(status, Refusal::kAncestryUntrusted) : status.ok();
          }) == 0);
  }
}

TEST_CASE("of two ranges, both are mapped, and 65534 says nothing as long as they are not one") {
  SKIP_UNLESS(IsRoot(), "needs root, to write a map of many uids");
  SKIP_UNLESS(alone, kNotAlone);
  // Root is mapped to itself, and a range of others.
  CHECK(RunMapped("0 0 1\n1 100001 65535", 1000, [] {
          return RootUid() == 0 && StandsForUnmapped(65534) && !StandsForUnmapped(1000);
        }) == 0);
  // The first range ends below the caller, who is in the second.
  Shared world;
  world.Give(200000);
  CHECK(RunMapped("0 100000 1000\n1000 200000 65000", 1000, [&] {
          return StatOf(world.parent).st_uid == 1000 && world.Ensured().ok();
        }) == 0);
}

}  // namespace
}  // namespace boxsockets::test

#endif
