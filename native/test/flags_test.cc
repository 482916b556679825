// Every descriptor that an operation has open at any moment, with its flags: whichever call made
// it, it is closed in a program that the host starts, and follows no link and waits for nobody
// where the box can put one.
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <set>

#include "../posix/binding.h"
#include "../posix/box_sockets.h"
#include "../posix/dial.h"
#include "../posix/files.h"
#include "../posix/hold.h"
#include "../posix/inspect.h"
#include "../posix/list.h"
#include "../posix/listen.h"
#include "../posix/lock.h"
#include "../posix/occupant.h"
#include "../posix/probe.h"
#include "../posix/process.h"
#include "../posix/remove_tree.h"
#include "../posix/sweep.h"
#include "../posix/user.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

// The descriptors of this process, but for the one that looks.
std::set<int> OpenDescriptors() {
  std::set<int> found;
  DIR* directory = opendir("/proc/self/fd");
  REQUIRE(directory != nullptr);
  while (dirent* entry = readdir(directory)) {
    int fd = static_cast<int>(strtol(entry->d_name, nullptr, 10));
    if (entry->d_name[0] != '.' && fd != dirfd(directory)) found.insert(fd);
  }
  closedir(directory);
  return found;
}

// Where a descriptor leads, below the home of the test.
std::string TargetOfDescriptor(int fd, const std::string& home) {
  std::string target = TargetOf("/proc/self/fd/" + std::to_string(fd));
  target = target.substr(0, target.find(':'));  // socket:[4711]
  if (target == home) return "home";
  if (target.rfind(home + "/", 0) == 0) target = target.substr(home.size() + 1);
  size_t process = target.find("/proc/" + std::to_string(getpid()) + "/");
  if (process == 0) target.replace(0, 6 + std::to_string(getpid()).size(), "/proc/self");
  if (target.rfind("/proc/", 0) == 0 && isdigit(target[6]) != 0) {
    target.replace(0, target.find('/', 6), "/proc/other");
  }
  size_t user = target.find("bl-" + std::to_string(geteuid()));
  if (user != std::string::npos) target.replace(user, 3 + std::to_string(geteuid()).size(), "bl");
  size_t standin = target.find(".~");
  return standin == std::string::npos ? target : target.substr(0, standin) + ".~";
}

std::string FlagsOf(int fd) {
  int flags = fcntl(fd, F_GETFL);
  std::string text = (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0 ? "" : " INHERITED";
  if ((flags & O_PATH) == O_PATH) text += " path";
  if ((flags & O_NOFOLLOW) != 0) text += " nofollow";
  if ((flags & O_NONBLOCK) != 0) text += " nonblock";
  return text;
}

// All that was open before some call of the operation, or is after it, and was not before it.
std::set<std::string> DescriptorsOf(const std::string& home,
                                    const std::function<void()>& operation) {
  std::set<int> before = OpenDescriptors();
  std::set<std::string> seen;
  auto look = [&] {
    for (int fd : OpenDescriptors()) {
      if (before.count(fd) == 0) seen.insert(TargetOfDescriptor(fd, home) + FlagsOf(fd));
    }
    // Of each further network namespace of the machine, by some process of it; and whose sockets
    // are whose.
    seen.erase("/proc/other/net/unix");
    seen.erase("/proc/other/fd nonblock");
    seen.erase("/proc/other/task nonblock");
  };
  {
    Intercept intercept("*", [&](int, const char*) {
      look();
      return 0;
    });
    operation();
  }
  look();
  return seen;
}

using Seen = std::set<std::string>;

struct Scene : World {
  Scene() {
    MakeParent();
    MakeLink(real_dir, binding);
    MakeLink("missing", InParent("gone"));
    MakeDeadSocket(real_dir + "/dead");
    held = MakeSocket(real_dir + "/held", SocketType::kStream);
  }
  Fd held;
  std::string home_path = home.path();
};

std::string Print(const Seen& seen) {
  std::string text;
  for (const std::string& one : seen) text += "\n      \"" + one + "\",";
  return text;
}

void Expect(const std::string& name, const Seen& expected,
            const std::function<void(Scene&)>& operation) {
  Scene scene;
  Seen seen = DescriptorsOf(scene.home_path, [&] { operation(scene); });
  INFO(name);
  INFO(Print(seen));
  CHECK(seen == expected);
}

TEST_CASE(
    "no operation has a descriptor that a started program gets, or whose flags are not known") {
  SKIP_UNLESS(KnowsOpenat2(), kWithoutOpenat2);
  CurrentUids();  // what is asked once in a process: /proc/sys/kernel/overflowuid
  Look look;
  IsSteady(Scene().paths(), geteuid(), &look);
  Expect("ensure",
         {"/proc nonblock", "/proc/self/net/unix", "base/bl nofollow",
          "base/bl/.lock nofollow nonblock", "real path"},
         [](Scene& scene) {
           EnsureResult result;
           REQUIRE(unlink(scene.binding.c_str()) == 0);
           CHECK(Ensure(scene.paths(), {}, &result).ok());
           REQUIRE(unlink(scene.binding.c_str()) == 0);
           MakeLink("dangling", scene.binding);
           CHECK(Ensure(scene.paths(), {}, &result).ok());
         });
  Expect("remove", {"base/bl/.lock nofollow nonblock"}, [](Scene& scene) {
    RemoveResult result;
    CHECK(Remove(scene.paths(), 0, &result).ok());
  });
  Expect("sweep",
         {"/proc nonblock", "/proc/self/net/unix", "base/bl nofollow", "base/bl nonblock",
          "base/bl/.lock nofollow nonblock"},
         [](Scene& scene) {
           SweepResult result;
           CHECK(SweepStale(scene.parent_paths(), {}, &result).ok());
         });
  Expect("list",
         {"/proc nonblock", "/proc/self/net/unix", "base/bl nofollow", "base/bl nonblock",
          "real nonblock", "real/dead path nofollow", "real/held path nofollow", "socket"},
         [](Scene& scene) {
           Listing listing;
           CHECK(List(scene.parent_paths(), 2000, &listing).ok());
         });
  Expect(
      "box",
      {"/proc nonblock", "/proc/self/fd nonblock", "/proc/self/net/unix", "real nofollow nonblock",
       "real path", "real/dead path nofollow", "real/held path nofollow", "socket"},
      [](Scene& scene) {
        BoxSockets box;
        CHECK(JudgeBox({scene.binding.c_str(), scene.real_dir.c_str(), scene.base.c_str(), 5000,
                        BoxDepth::kFiles},
                       &box)
                  .ok());
      });
  Expect("listen",
         {"/proc/self/net/unix", "base/bl nofollow", "base/bl/.lock nofollow nonblock", "real path",
          "real/dead (deleted) path nofollow", "real/dead path nofollow", "real/free path nofollow",
          "socket"},
         [](Scene& scene) {
           Listener listener;
           CHECK(Listen(scene.paths(), "dead", {}, &listener).ok());
           CHECK(UnlinkOwn(scene.paths(), "dead", listener.identity, 0).ok());
           Status status;
           CHECK(ListenAtFreeName(scene.paths(), "free", {}, &listener, &status));
         });
  Expect("claim",
         {"/proc/self/net/unix", "base/bl nofollow", "base/bl/.lock nofollow nonblock", "real path",
          "real/dead path nofollow", "socket"},
         [](Scene& scene) { CHECK(Claim(scene.paths(), "dead", {}).ok()); });
  Expect("hold", {"base/bl nofollow", "real nonblock"}, [](Scene& scene) {
    HeldDirectories held;
    CHECK(HoldBinding(scene.paths(), {}, &held).ok());
    CHECK(RefreshBinding(held.parent.get(), scene.paths()).ok());
    CHECK(RefreshSockets(scene.real_dir.c_str()).ok());
  });
  Expect("dial", {"real/held path nofollow", "socket nonblock"}, [](Scene& scene) {
    Fd client;
    BoundPath bound;
    std::string path = scene.binding + "/held", entry = scene.real_dir + "/held";
    CHECK(Dial(path.c_str(), entry.c_str(), {true, geteuid()}, &client, &bound).ok());
  });
  Expect("probe",
         {"real nonblock", "real path", "real/dead path nofollow", "socket", "socket nonblock"},
         [](Scene& scene) {
           std::string path = scene.binding + "/.~standin";
           for (SocketType type : {SocketType::kStream, SocketType::kDatagram}) {
             CHECK(Probe({path.c_str(), ".~standin", scene.real_dir.c_str(), type}).ok());
           }
           Verdict verdict;
           CHECK(WhatIsAt((scene.real_dir + "/dead").c_str(), &verdict).ok());
           CHECK(BindAnyLength((scene.real_dir + "/any").c_str()).ok());
           CHECK(RemoveLeftovers(scene.real_dir.c_str(), scene.binding.c_str()).ok());
         });
  Expect("inspect", {"base/bl nofollow"}, [](Scene& scene) {
    Inspection inspection;
    Inspect(scene.paths(), true, &inspection);
    CHECK(inspection.parent.verdict.ok());
  });
  Expect("lock of a home", {".lock nofollow nonblock"}, [](Scene& scene) {
    Fd lock;
    CHECK(LockHome((scene.home / ".lock").c_str(), &lock).ok());
  });
  Expect("files",
         {".file.new nofollow nonblock", "file nofollow nonblock", "home path",
          "new nofollow nonblock"},
         [](Scene& scene) {
           FileAt file = {scene.home_path.c_str(), "file"};
           Vec<char> bytes;
           int64_t size;
           bool made;
           Fd fd;
           CHECK(ReplaceFile(file, "text", 4, 0600).ok());
           CHECK(ReadFile(file, 10, false, &bytes, &size).ok());
           for (Opening opening : {Opening::kRead, Opening::kAppend, Opening::kEmpty}) {
             CHECK(OpenFile(file, opening, 0600, &fd).ok());
             fd.Reset();
           }
           struct stat st;
           CHECK(LookAt(file, &st, &made).ok());
           CHECK(RemoveFile(file, &made).ok());
           FileAt directory = {scene.home_path.c_str(), "new"};
           CHECK(boxsockets::MakeDirectory(directory, 0700, &made).ok());
           Strings names;
           Vec<FoundEntry> entries;
           CHECK(ListDirectory(directory, 10, &names, &entries).ok());
         });
  Expect("removal of a tree",
         {"home path", "tree nofollow nonblock", "tree/inner nofollow nonblock"}, [](Scene& scene) {
           TreeEntry failed;
           test::MakeDirectory(scene.home / "tree");
           test::MakeDirectory(scene.home / "tree/inner");
           MakeLink("nowhere", scene.home / "tree/inner/link");
           CHECK(RemoveTree(scene.home_path.c_str(), "tree", "", &failed).ok());
         });
  Expect("process", {"/proc/self/stat", "anon_inode"}, [](Scene&) {
    int64_t start_time;
    bool sent;
    CHECK(StartTime(getpid(), &start_time).ok());
    CHECK(SignalProcess(getpid(), start_time, 0, &sent).ok());
  });
}

}  // namespace
}  // namespace boxsockets::test
