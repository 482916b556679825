// What JudgeBox tells of a box: its directory, its sockets, and whose they are.
#include "../posix/box_sockets.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <set>

#include "../posix/list.h"
#include "support.h"

namespace boxsockets::test {
namespace {

struct Judged {
  // Beside the box where it answers at once; elsewhere it is looked at by a thread.
  Judged(const World& world, BoxDepth depth, bool at_once = true) {
    BoxSockets box;
    std::string beside = at_once ? world.base : "/proc";
    status = JudgeBox({world.binding.c_str(), world.real_dir.c_str(), beside.c_str(), 5000, depth},
                      &box);
    errnum = box.errnum;
    mode = box.mode;
    for (const FoundSocket& socket : box.sockets.found) {
      sockets[box.sockets.names.at(socket.name)] = socket.verdict;
    }
    found = box.sockets.found.size();
    for (const BoxSockets::Holder& holder : box.holders) {
      REQUIRE(holder.socket < found);
      holders[box.sockets.names.at(box.sockets.found[holder.socket].name)].insert(holder.pid);
    }
    held = box.holders.size();
  }

  Judgement At(const std::string& name) { return sockets.at(name).judgement; }

  Status status;
  int errnum = 0;
  mode_t mode = 0;
  size_t found = 0, held = 0;
  std::map<std::string, Verdict> sockets;
  std::map<std::string, std::set<int64_t>> holders;
};

TEST_CASE("a box is asked no further than it was asked for") {
  for (bool at_once : {true, false}) {
    World world;
    Fd held = MakeSocket(world.real_dir + "/box.sock", SocketType::kStream);
    Judged mode(world, BoxDepth::kMode, at_once);
    CHECK(mode.status.ok());
    CHECK(mode.errnum == 0);
    CHECK(S_ISDIR(mode.mode));
    CHECK(mode.found == 0);
    CHECK(Judged(world, BoxDepth::kFiles, at_once).At("box.sock") == Judgement::kAlive);
  }
}

TEST_CASE("the directory of a box that is gone, or is a link or a file, is said to be so") {
  World world;
  std::string aside = world.MakeDirectory("other") + "/aside";
  REQUIRE(rename(world.real_dir.c_str(), aside.c_str()) == 0);
  CHECK(Judged(world, BoxDepth::kFiles).errnum == ENOENT);
  CHECK(Judged(world, BoxDepth::kFiles, false).errnum == ENOENT);
  MakeLink(aside, world.real_dir);
  Judged link(world, BoxDepth::kFiles);
  // Linux says of a link that is no directory rather that than that it is a link.
  CHECK((link.errnum == ELOOP || link.errnum == ENOTDIR));
  CHECK(S_ISLNK(link.mode));
  REQUIRE(unlink(world.real_dir.c_str()) == 0);
  MakeFile(world.real_dir);
  CHECK(Judged(world, BoxDepth::kFiles).errnum == ENOTDIR);
}

TEST_CASE("a socket is alive with its holder, or dead, whichever file it has") {
  World world;
  MakeDirectory(world.real_dir + "/pool");
  Fd held = MakeSocket(world.real_dir + "/pool/w.sock", SocketType::kStream);
  MakeDeadSocket(world.real_dir + "/box.sock");
  Judged judged(world, BoxDepth::kFiles);
  CHECK(judged.status.ok());
  CHECK(judged.At("pool/w.sock") == Judgement::kAlive);
  CHECK(judged.At("box.sock") == Judgement::kDead);
#if defined(__linux__)
  CHECK(judged.holders["pool/w.sock"].count(getpid()) == 1);
#endif
  CHECK(judged.holders.count("box.sock") == 0);
  CHECK_FALSE(HasVisitor(held));
}

#if defined(__linux__)

TEST_CASE("a socket without a file is found in the kernel's list, by either of its paths") {
  World world;
  world.MakeParent();
  MakeLink(world.real_dir, world.binding);
  Fd bound = MakeSocket(world.binding + "/box.sock", SocketType::kStream);
  Fd directly = MakeSocket(world.real_dir + "/net.sock", SocketType::kDatagram);
  REQUIRE(unlink((world.real_dir + "/box.sock").c_str()) == 0);
  REQUIRE(unlink((world.real_dir + "/net.sock").c_str()) == 0);
  MakeDeadSocket(world.real_dir + "/ready.sock");
  // Nothing speaks of life there, and nobody asked the kernel.
  Judged files(world, BoxDepth::kFiles);
  CHECK(files.found == 1);
  Judged listed(world, BoxDepth::kListed);
  for (const char* name : {"box.sock", "net.sock"}) {
    CAPTURE(name);
    CHECK(listed.At(name) == Judgement::kAlive);
    CHECK(listed.sockets.at(name).reason == Reason::kFileGone);
    CHECK(listed.holders[name].count(getpid()) == 1);
  }
  CHECK(listed.At("ready.sock") == Judgement::kDead);
}

TEST_CASE("a box that binds and unlinks without end is looked at to an end, and is in doubt") {
  constexpr size_t kBound = kSearchSockets + 200;
  struct rlimit before, limit;
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  limit = before;
  if (limit.rlim_cur < kBound + 100) limit.rlim_cur = kBound + 100;
  SKIP_UNLESS(limit.rlim_cur <= limit.rlim_max && setrlimit(RLIMIT_NOFILE, &limit) == 0,
              "needs more than a thousand descriptors");
  {
    World world;
    world.MakeParent();
    MakeLink(world.real_dir, world.binding);
    std::vector<Fd> sockets;
    sockets.reserve(kBound);
    for (size_t i = 0; i < kBound; i++) {
      std::string path = world.binding + "/" + std::to_string(i);
      sockets.push_back(MakeSocket(path, SocketType::kDatagram));
      REQUIRE(unlink(path.c_str()) == 0);
    }
    Judged judged(world, BoxDepth::kListed);
    CHECK(judged.status.ok());
    CHECK(judged.found == kSearchSockets + 1);
    CHECK(judged.held == kSearchSockets);
    CHECK(judged.At("") == Judgement::kUnknown);
    CHECK(judged.sockets.at("").reason == Reason::kTooMany);
    Listing listing;
    CHECK(List(world.parent_paths(), 2000, &listing).ok());
    CHECK(listing.entries[0].state == BindingState::kLive);
    CHECK(listing.sockets.size() == kSearchSockets);
    CHECK(listing.sockets[kSearchSockets - 1].verdict.reason == Reason::kTooMany);
  }
  REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
}

#endif

}  // namespace
}  // namespace boxsockets::test
