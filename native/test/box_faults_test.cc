// What JudgeBox tells where a call fails, where the directory is exchanged while it is looked at,
// and of sockets that only the kernel's list knows.
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#if defined(__linux__)
#include <sched.h>
#endif

#include "../posix/box_sockets.h"
#include "../posix/user.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

struct Judged {
  explicit Judged(const BoundWorld& world, BoxDepth depth = BoxDepth::kListed) {
    BoxSockets box;
    status = JudgeBox(
        {world.binding.c_str(), world.real_dir.c_str(), world.base.c_str(), 5000, depth}, &box);
    errnum = box.errnum;
    mode = box.mode;
    for (const FoundSocket& socket : box.sockets.found) {
      sockets[box.sockets.names.at(socket.name)] = socket.verdict;
    }
    holders = box.holders.size();
  }

  Judgement At(const std::string& name) { return sockets.at(name).judgement; }

  Status status;
  int errnum = 0;
  mode_t mode = 0;
  size_t holders = 0;
  std::map<std::string, Verdict> sockets;
};

TEST_CASE("a socket that the kernel lists twice, because others bind meanwhile, is one socket") {
  BoundWorld world;
  OwnProc kernel;
  std::string path = world.binding + "/gone";
  kernel.Link("51/fd/3", "socket:[77]");
  kernel.Listens({"77 " + path, "78 " + path, "77 " + path});
  Judged judged(world);
  CHECK(judged.status.ok());
  CHECK(judged.sockets.size() == 1);
  CHECK(judged.holders == 1);
}

TEST_CASE("who holds a socket is told once, whatever else it has open") {
  BoundWorld world;
  OwnProc kernel;
  for (const char* fd : {"0", "1", "2", "4", "5", "6"}) {
    kernel.File(std::string("51/fd/") + fd, "no link");
  }
  kernel.Link("51/fd/3", "socket:[77]");
  kernel.Listens({"77 " + world.binding + "/gone"});
  CHECK(Judged(world).holders == 1);
}

TEST_CASE("a lack of memory is told, whatever is asked before or after it") {
  BoundWorld world;
  {
    Intercept intercept("malloc", 1, [] { return ENOMEM; });
    CHECK(HasFailed(Judged(world, BoxDepth::kFiles).status, ENOMEM));
  }
  unlink(world.binding.c_str());
  MakeLink(world.base, world.binding);
  int growths = 0;
  Intercept intercept("*", [&](int, const char* name) {
    if (strcmp(name, "openat2") == 0) return EAGAIN;
    return strcmp(name, "realloc") == 0 && ++growths == 1 ? ENOMEM : 0;
  });
  CHECK(HasFailed(CheckAnswers(world.paths(), false), ENOMEM));
}

TEST_CASE("without memory for a thread's work a box does not answer, and that is told") {
  SKIP_UNLESS(KnowsOpenat2(), kWithoutOpenat2);
  BoundWorld world;
  world.real_dir = world.home / "never-looked-for";
  Intercept intercept("malloc", 1, [] { return ENOMEM; });
  CHECK(HasFailed(CheckAnswers(world.paths(), true), ENOMEM));
}

TEST_CASE("a thread asks what is not known by heart, and nothing else") {
  SKIP_UNLESS(KnowsOpenat2(), kWithoutOpenat2);
  World world;
  world.MakeParent();
  MakeLink(world.base, world.binding);
  for (bool takeover : {false, true}) {
    int ways = 0, asked = 0, expected = takeover ? 0 : 1;
    // The kernel may have forgotten what it knew: not every time.
    for (int attempt = 0; attempt == 0 || (attempt < 1000 && asked != expected); attempt++) {
      ways = asked = 0;
      Intercept intercept("*", [&](int, const char* name) {
        if (strcmp(name, "stat") == 0) asked++;
        // The real directory is known, and where the link leads is not.
        return strcmp(name, "openat2") == 0 && ++ways == 2 ? EAGAIN : 0;
      });
      CHECK(CheckAnswers(world.paths(), takeover).ok());
    }
    CAPTURE(takeover);
    CHECK(ways == (takeover ? 1 : 2));
    CHECK(asked == expected);
  }
}

// A socket that is held, with its file, without one, and with another one's file in its place.
struct Busy : BoundWorld {
  Busy() {
    OverflowUid();  // read once in a process
    held = MakeSocket(real_dir + "/held", SocketType::kStream);
    gone = MakeSocket(binding + "/gone", SocketType::kStream);
    replaced = MakeSocket(real_dir + "/replaced", SocketType::kDatagram);
    for (const char* name : {"/gone", "/replaced"}) REQUIRE(unlink((real_dir + name).c_str()) == 0);
    MakeDeadSocket(real_dir + "/spare");
    REQUIRE(rename((real_dir + "/spare").c_str(), (real_dir + "/replaced").c_str()) == 0);
  }
  Fd held, gone, replaced;
};

TEST_CASE("a socket that the kernel lists is alive, with a file, without one, or with a dead one") {
  SKIP_UNLESS(KnowsOpenat2(), kWithoutOpenat2);
  Busy world;
  for (BoxDepth depth : {BoxDepth::kFiles, BoxDepth::kListed}) {
    // What is alive is looked for in the kernel's list, to name who holds it.
    Judged judged(world, depth);
    CHECK(judged.status.ok());
    CHECK(judged.sockets.size() == 3);
    for (const char* name : {"held", "gone", "replaced"}) {
      CAPTURE(name);
      CHECK(judged.At(name) == Judgement::kAlive);
    }
    CHECK(judged.sockets.at("gone").reason == Reason::kFileGone);
    CHECK(judged.sockets.at("replaced").reason == Reason::kNone);
    CHECK(judged.holders >= 3);
  }
}

TEST_CASE("a directory that is exchanged while it is looked at is not gone into") {
  SKIP_UNLESS(KnowsOpenat2(), kWithoutOpenat2);
  for (const char* as : {"link", "fifo", "file"}) {
    BoundWorld world;
    std::string other = world.MakeDirectory("other");
    Fd held = MakeSocket(other + "/s", SocketType::kStream);
    Intercept intercept("open", 1, [&] {
      REQUIRE(rmdir(world.real_dir.c_str()) == 0);
      if (strcmp(as, "link") == 0) MakeLink(other, world.real_dir);
      if (strcmp(as, "fifo") == 0) MakeFifo(world.real_dir);
      if (strcmp(as, "file") == 0) MakeFile(world.real_dir);
      return 0;
    });
    Judged judged(world, BoxDepth::kFiles);
    CAPTURE(as);
    CHECK(intercept.calls() == 1);
    CHECK(judged.status.ok());
    CHECK((judged.errnum == ENOTDIR || judged.errnum == ELOOP));
    CHECK(judged.sockets.empty());
  }
}

TEST_CASE(
    "why a directory cannot be looked at is told, and what a signal interrupts is done again") {
  SKIP_UNLESS(KnowsOpenat2(), kWithoutOpenat2);
  for (const char* call : {"lstat", "open"}) {
    BoundWorld world;
    MakeDeadSocket(world.path);
    Intercept intercept(call, 1, [] { return EIO; });
    Judged judged(world, BoxDepth::kFiles);
    CAPTURE(call);
    CHECK(judged.errnum == EIO);
    CHECK(S_ISDIR(judged.mode) == (strcmp(call, "open") == 0));
    CHECK(judged.sockets.empty());
  }
  BoundWorld world;
  MakeDeadSocket(world.path);
  {
    Intercept intercept("open", 1, [] { return EINTR; });
    CHECK(Judged(world, BoxDepth::kFiles).At("box.sock") == Judgement::kDead);
  }
  for (const char* call : {"fdopendir", "readdir"}) {
    Intercept intercept(call, 1, [] { return EIO; });
    CAPTURE(call);
    CHECK(HasFailed(Judged(world).status, EIO));
  }
  // Nor are two that were found before all that is known.
  MakeDeadSocket(world.real_dir + "/second.sock");
  {
    int asked = 0;
    Intercept intercept("*", [&](int, const char* name) {
      if (strcmp(name, "connect") == 0) asked++;
      return strcmp(name, "readdir") == 0 && asked == 2 ? EIO : 0;
    });
    CHECK(HasFailed(Judged(world, BoxDepth::kFiles).status, EIO));
    CHECK(asked == 2);
  }
  // The kernel's list, which is read last.
  Intercept intercept("read", 1, [] { return EIO; });
  CHECK(HasFailed(Judged(world).status, EIO));
}

TEST_CASE("whichever growth of memory fails, that is told, or all is known of a box") {
  SKIP_UNLESS(KnowsOpenat2(), kWithoutOpenat2);
  Busy world;
  int failed = 0, growths = 1;
  // None fails at first, to know how many there are.
  for (int failing = 0; failing <= growths; failing++) {
    Intercept intercept("realloc", failing, [] { return ENOMEM; });
    Judged judged(world);
    growths = std::max(growths, intercept.calls());
    CAPTURE(failing);
    CHECK(
        (HasFailed(judged.status, ENOMEM) || (judged.sockets.size() == 3 && judged.holders >= 3)));
    if (!judged.status.ok()) failed++;
  }
  CHECK(failed > 4);
}

#if defined(__linux__)

TEST_CASE("a socket of another network namespace is found by the path that it was bound to") {
  SKIP_UNLESS(IsRoot(), "needs root, for another network namespace");
  BoundWorld world;
  Signal bound, end;
  Child child([&] {
    if (unshare(CLONE_NEWNET) != 0) return 77;
    Fd held = MakeSocket(world.path, SocketType::kStream);
    unlink(world.path.c_str());
    bound.Send();
    end.Await();
    return 0;
  });
  bound.Await();
  Judged judged(world);
  end.Send();
  CHECK(child.Wait() == 0);
  REQUIRE(judged.sockets.size() == 1);
  CHECK(judged.At("box.sock") == Judgement::kAlive);
}

#endif

}  // namespace
}  // namespace boxsockets::test
