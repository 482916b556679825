// What a probe does where a call fails, and where somebody comes between two of its calls.
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "../posix/probe.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

using Names = std::vector<std::string>;

struct Bound : BoundWorld {
  Status Probe(const char* leaf = ".~standin", SocketType type = SocketType::kStream) const {
    std::string at = binding + "/" + leaf;
    return boxsockets::Probe({at.c_str(), leaf, real_dir.c_str(), type});
  }
  Status RemoveLeftovers() const {
    return boxsockets::RemoveLeftovers(real_dir.c_str(), binding.c_str());
  }
  void LeadElsewhere() const {
    REQUIRE(unlink(binding.c_str()) == 0);
    MakeLink(other, binding);
  }

  std::string other = MakeDirectory("other");
  std::string standin = real_dir + "/.~standin";
};

TEST_CASE("a link in the directory to where the socket landed is no socket in it") {
  Bound world;
  world.LeadElsewhere();
  MakeLink(world.other + "/.~standin", world.standin);
  CHECK(IsRefused(world.Probe(), Refusal::kMisplaced));
  CHECK(EntriesOf(world.other).empty());
  CHECK(IsLink(world.standin));
}

TEST_CASE("a file that took the place of the bound socket is not taken for it") {
  Bound world;
  Intercept intercept("lstat", 1, [&] {
    REQUIRE(unlink(world.standin.c_str()) == 0);
    MakeFile(world.standin);
    return 0;
  });
  CHECK(IsRefused(world.Probe(), Refusal::kMisplaced));
  CHECK(intercept.calls() == 1);
}

TEST_CASE("a socket that landed elsewhere and cannot be removed costs no namesake its place") {
  Bound world;
  world.LeadElsewhere();
  MakeDeadSocket(world.standin);
  Intercept intercept("unlink", 1, [] { return EACCES; });
  CHECK(IsRefused(world.Probe(), Refusal::kMisplaced));
  CHECK(intercept.calls() == 1);
  CHECK(EntriesOf(world.other) == Names{".~standin"});
  CHECK(EntriesOf(world.real_dir) == Names{".~standin"});
}

// How often this process was told that nobody reads what it writes.
volatile sig_atomic_t pipe_signals = 0;

TEST_CASE("a probe whose connection is shut is told so, and no signal is raised") {
  Bound world;
  Names before = EntriesOf("/proc/self/fd");
  SKIP_UNLESS(!before.empty(), "no /proc here, to find the connection in");
  pipe_signals = 0;
  auto handler = signal(SIGPIPE, [](int) { pipe_signals = pipe_signals + 1; });
  {
    Intercept intercept("send", 1, [&] {
      for (const std::string& name : EntriesOf("/proc/self/fd")) {
        bool is_new = std::find(before.begin(), before.end(), name) == before.end();
        if (is_new) shutdown(std::stoi(name), SHUT_RDWR);
      }
      return 0;
    });
    CHECK(HasFailed(world.Probe(), EPIPE));
    CHECK(intercept.calls() == 1);
  }
  signal(SIGPIPE, handler);
  CHECK(pipe_signals == 0);
  CHECK(EntriesOf(world.real_dir).empty());
}

TEST_CASE("a byte that cannot be sent proves nothing, of any type of socket") {
  for (SocketType type : {SocketType::kStream, SocketType::kDatagram, SocketType::kSeqpacket}) {
    Bound world;
    Intercept intercept("send", 1, [] { return ENOBUFS; });
    Status status = world.Probe(".~standin", type);
    CHECK(intercept.calls() == 1);
    CHECK(HasFailed(status, ENOBUFS));
    CHECK(strcmp(status.syscall, "send") == 0);
    CHECK(EntriesOf(world.real_dir).empty());
  }
}

TEST_CASE("an empty datagram of somebody else's is no proof, and no failure of the kernel's") {
  Bound world;
  std::string path = world.binding + "/.~standin";
  Intercept intercept("send", 1, [&] {
    Address address;
    Fd stranger;
    REQUIRE(Address::Make(path.c_str(), kSunPathCapacity, "sendto", &address).ok());
    REQUIRE(OpenSocket(SocketType::kDatagram, &stranger).ok());
    REQUIRE(sendto(stranger.get(), "", 0, 0, address.get(), address.size()) == 0);
    return 0;
  });
  CHECK(HasFailed(world.Probe(".~standin", SocketType::kDatagram), EPROTO));
}

TEST_CASE("what is at a path that cannot be looked at is not told to be nothing") {
  Bound world;
  MakeDeadSocket(world.path);
  Verdict verdict;
  Intercept intercept("lstat", 1, [] { return EACCES; });
  Status status = WhatIsAt(world.path.c_str(), &verdict);
  CHECK(HasFailed(status, EACCES));
  CHECK(strcmp(status.syscall, "lstat") == 0);
}

TEST_CASE("a dead socket is a leftover by both bytes that its name begins with") {
  Bound world;
  MakeDeadSocket(world.real_dir + "/a~abcd");
  MakeDeadSocket(world.real_dir + "/.aabcd");
  CHECK(world.RemoveLeftovers().ok());
  CHECK(EntriesOf(world.real_dir).size() == 2);
}

TEST_CASE("a leftover that cannot be asked stays, and that is told") {
  Bound world;
  MakeDeadSocket(world.standin);
  Intercept intercept("socket", 1, [] { return EMFILE; });
  CHECK(HasFailed(world.RemoveLeftovers(), EMFILE));
  CHECK(intercept.calls() == 1);
  CHECK(Exists(world.standin));
}

TEST_CASE("a leftover that somebody else removes first is gone all the same") {
  Bound world;
  MakeDeadSocket(world.standin);
  Intercept intercept("unlinkat", 1, [&] {
    REQUIRE(unlink(world.standin.c_str()) == 0);
    return 0;
  });
  CHECK(world.RemoveLeftovers().ok());
  CHECK(intercept.calls() == 1);
}

TEST_CASE("a length that the kernel does not take is a refusal, and a path that it cuts another") {
  TempDirectory directory;
  std::string path = directory / "s";
  {
    Intercept intercept("bind", 1, [] { return EINVAL; });
    Status status = BindAnyLength(path.c_str());
    CHECK(IsRefused(status, Refusal::kTooLong));
    CHECK(status.kind == Kind::kRefused);
  }
  {
    // As a cut path shows itself: at the whole one, nothing is.
    Intercept intercept("lstat", 1,
                        [&] { return rename(path.c_str(), (directory / "cut").c_str()); });
    CHECK(IsRefused(BindAnyLength(path.c_str()), Refusal::kMisplaced));
    CHECK(intercept.calls() == 1);
  }
  {
    Intercept intercept("lstat", 1, [&] {
      REQUIRE(unlink(path.c_str()) == 0);
      MakeFile(path, "kept");
      return 0;
    });
    CHECK(IsRefused(BindAnyLength(path.c_str()), Refusal::kMisplaced));
  }
  CHECK(StatOf(path).st_size == 4);
}

}  // namespace
}  // namespace boxsockets::test
