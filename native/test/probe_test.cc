// The probe: really binds, never touches what is there, leaves nothing behind.
#include "../posix/probe.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "support.h"

namespace boxsockets::test {
namespace {

struct Bound : BoundWorld {
  Status Probe(const std::string& leaf, SocketType type = SocketType::kStream) const {
    std::string path = binding + "/" + leaf;
    return boxsockets::Probe({path.c_str(), leaf.c_str(), real_dir.c_str(), type});
  }
  Status RemoveLeftovers() const {
    return boxsockets::RemoveLeftovers(real_dir.c_str(), binding.c_str());
  }
};

using Names = std::vector<std::string>;

TEST_CASE("a socket of any type is bound through the binding, and nothing stays behind") {
  Bound world;
  for (SocketType type : {SocketType::kStream, SocketType::kDatagram, SocketType::kSeqpacket}) {
    CHECK(world.Probe(".abcdefgh", type).ok());
    CHECK(EntriesOf(world.real_dir).empty());
  }
}

TEST_CASE("a probe works under any umask") {
  AsUser user(AsUser::Ordinary());
  for (mode_t mask : {0, 0277, 0777}) {
    Bound world;
    Umask umask(mask);
    CAPTURE(mask);
    CHECK(world.Probe(".stream").ok());
    CHECK(world.Probe(".datagram", SocketType::kDatagram).ok());
    CHECK(EntriesOf(world.real_dir).empty());
  }
}

TEST_CASE("a path that is too long is refused, before anything else is looked at") {
  Bound world;
  Status status = world.Probe("." + std::string(kSunPathCapacity, 'x'));
  CHECK(HasFailed(status, ENAMETOOLONG));
  CHECK(strcmp(status.syscall, "bind") == 0);
  REQUIRE(rmdir(world.real_dir.c_str()) == 0);
  CHECK(HasFailed(world.Probe("." + std::string(kSunPathCapacity, 'x')), ENAMETOOLONG));
}

TEST_CASE("each reason why a path does not bind keeps its own code") {
  Bound world;
  MakeFile(world.real_dir + "/.taken");
  CHECK(HasFailed(world.Probe(".taken"), EADDRINUSE));
  CHECK(Exists(world.real_dir + "/.taken"));
  Status status = boxsockets::Probe({"", "", world.real_dir.c_str(), SocketType::kStream});
  CHECK(HasFailed(status, ENOENT));
  REQUIRE(unlink(world.binding.c_str()) == 0);
  CHECK(HasFailed(world.Probe(".gone"), ENOENT));
  REQUIRE(unlink((world.real_dir + "/.taken").c_str()) == 0);
  REQUIRE(rmdir(world.real_dir.c_str()) == 0);
  status = world.Probe(".gone");
  CHECK(HasFailed(status, ENOENT));
  CHECK(status.subject == Subject::kRealDir);
}

TEST_CASE("a directory that forbids binding says so") {
  AsUser user(AsUser::Ordinary());
  Bound world;
  REQUIRE(chmod(world.real_dir.c_str(), 0500) == 0);
  Status status = world.Probe(".stand-in");
  CHECK(HasFailed(status, EACCES));
  CHECK(strcmp(status.syscall, "bind") == 0);
}

TEST_CASE("a directory that can be entered but not read is probed all the same") {
  AsUser user(AsUser::Ordinary());
  Bound world;
  REQUIRE(chmod(world.real_dir.c_str(), 0300) == 0);
#if defined(O_PATH) || defined(O_SEARCH)
  CHECK(world.Probe(".standin").ok());
#endif
  REQUIRE(chmod(world.real_dir.c_str(), 0700) == 0);
  CHECK(EntriesOf(world.real_dir).empty());
}

#if defined(__linux__)

TEST_CASE("a file system without sockets says so") {
  TempDirectory scratch;
  std::string path = "/proc/.standin";
  Status status = Probe({path.c_str(), ".standin", "/proc", SocketType::kStream});
  CHECK_FALSE(status.ok());
  CHECK(strcmp(status.syscall, "bind") == 0);
}

#endif

TEST_CASE("a socket that lands in another directory is misplaced, and removed there") {
  Bound world;
  std::string other = world.MakeDirectory("other");
  REQUIRE(unlink(world.binding.c_str()) == 0);
  MakeLink(other, world.binding);
  // Not even a namesake in the real directory is taken for it.
  MakeDeadSocket(world.real_dir + "/.namesake");
  CHECK(IsRefused(world.Probe(".standin"), Refusal::kMisplaced));
  CHECK(IsRefused(world.Probe(".namesake"), Refusal::kMisplaced));
  CHECK(EntriesOf(other).empty());
  CHECK(EntriesOf(world.real_dir) == Names{".namesake"});
}

TEST_CASE("a probe touches no other socket of the directory") {
  Bound world;
  Fd stream = MakeSocket(world.real_dir + "/ready.sock", SocketType::kStream);
  Fd datagram = MakeSocket(world.real_dir + "/net.sock", SocketType::kDatagram);
  CHECK(world.Probe(".ready12345").ok());
  CHECK(world.Probe(".net1234", SocketType::kDatagram).ok());
  CHECK_FALSE(HasVisitor(stream));
  CHECK_FALSE(HasVisitor(datagram));
  CHECK(EntriesOf(world.real_dir) == Names{"net.sock", "ready.sock"});
}

TEST_CASE("sockets that killed probes left are removed, of any length and type") {
  Bound world;
  MakeDeadSocket(world.real_dir + "/.~abcd");
  MakeDeadSocket(world.real_dir + "/.~ABC9", SocketType::kDatagram);
  MakeDeadSocket(world.real_dir + "/.~");
  MakeDeadSocket(world.real_dir + "/.~" + std::string(40, 'x'));
  CHECK(world.RemoveLeftovers().ok());
  CHECK(EntriesOf(world.real_dir).empty());
}

TEST_CASE("nothing but a dead stand-in is taken for a leftover") {
  Bound world;
  Fd held = MakeSocket(world.real_dir + "/.~held", SocketType::kStream);
  MakeDeadSocket(world.real_dir + "/abcde");
  MakeDeadSocket(world.real_dir + "/.abcde");
  MakeDeadSocket(world.real_dir + "/~abcde");
  MakeDeadSocket(world.real_dir + "/.~a-cd");
  MakeDeadSocket(world.real_dir + "/.~a.cd");
  MakeFile(world.real_dir + "/.~file");
  MakeFifo(world.real_dir + "/.~fifo");
  MakeLink(world.real_dir + "/abcde", world.real_dir + "/.~link");
  MakeDirectory(world.real_dir + "/.~dire");
  MakeFile(world.real_dir + "/.~" + std::string(100, 'x'));
  Names before = EntriesOf(world.real_dir);
  CHECK(world.RemoveLeftovers().ok());
  CHECK(EntriesOf(world.real_dir) == before);
}

TEST_CASE("leftovers of a directory that is missing, or cannot be written, are an error") {
  AsUser user(AsUser::Ordinary());
  Bound world;
  MakeDeadSocket(world.real_dir + "/.~abcd");
  REQUIRE(chmod(world.real_dir.c_str(), 0500) == 0);
  Status status = world.RemoveLeftovers();
  CHECK(HasFailed(status, EACCES));
  CHECK(strcmp(status.syscall, "unlinkat") == 0);
  // One that may not be read still takes sockets, and hides what is left in it.
  REQUIRE(chmod(world.real_dir.c_str(), 0300) == 0);
  CHECK(world.RemoveLeftovers().ok());
  REQUIRE(chmod(world.real_dir.c_str(), 0700) == 0);
  REQUIRE(unlink((world.real_dir + "/.~abcd").c_str()) == 0);
  REQUIRE(rmdir(world.real_dir.c_str()) == 0);
  CHECK(HasFailed(world.RemoveLeftovers(), ENOENT));
}

TEST_CASE("a parent is checked before anything is bound through it, and left as it is") {
  World world;
  CHECK(CheckParent(world.parent_paths()).ok());  // none: the bind will say so
  CHECK_FALSE(Exists(world.parent));
  world.MakeParent(0711);
  CHECK(CheckParent(world.parent_paths()).ok());
  CHECK(ModeOf(world.parent) == 0711);
  REQUIRE(rmdir(world.parent.c_str()) == 0);
  MakeLink(world.real_dir, world.parent);
  CHECK(IsRefused(CheckParent(world.parent_paths()), Refusal::kParentNotDirectory));
  REQUIRE(chmod(world.base.c_str(), 0777) == 0);
  CHECK(IsRefused(CheckParent(world.parent_paths()), Refusal::kBaseUntrusted));
}

TEST_CASE("an address directory leads to the directory, or elsewhere, or nowhere") {
  Bound world;
  CHECK(CheckLeadsTo(world.binding.c_str(), world.real_dir.c_str()).ok());
  CHECK(CheckLeadsTo(world.real_dir.c_str(), world.real_dir.c_str()).ok());
  std::string other = world.MakeDirectory("other");
  Status status = CheckLeadsTo(world.binding.c_str(), other.c_str());
  CHECK(IsRefused(status, Refusal::kMisplaced));
  CHECK(status.subject == Subject::kBinding);
  CHECK(CheckLeadsTo(world.InParent("missing").c_str(), other.c_str()).ok());
  CHECK(CheckLeadsTo(world.binding.c_str(), world.InParent("missing").c_str()).ok());
}

TEST_CASE("what stands at a path is told without waking it") {
  TempDirectory directory;
  auto at = [&](const char* name) {
    Verdict verdict;
    REQUIRE(WhatIsAt((directory / name).c_str(), &verdict).ok());
    return verdict.judgement;
  };
  Fd held = MakeSocket(directory / "held", SocketType::kStream);
  MakeDeadSocket(directory / "dead");
  MakeFile(directory / "file");
  MakeLink(directory / "held", directory / "link");
  CHECK(at("missing") == Judgement::kGone);
  CHECK(at("missing/deep") == Judgement::kGone);
  CHECK(at("held") == Judgement::kAlive);
  CHECK(at("dead") == Judgement::kDead);
  CHECK(at("file") == Judgement::kDead);
  CHECK(at("link") == Judgement::kDead);
  CHECK_FALSE(HasVisitor(held));
}

TEST_CASE("a path of any length is put to the kernel, and nothing stays behind") {
  TempDirectory directory;
  std::string path = directory / "";
  for (size_t length = path.size() + 1; length <= 300; length++) {
    std::string whole = path + std::string(length - path.size(), 'x');
    Status status = BindAnyLength(whole.c_str());
    CAPTURE(length);
    if (length <= kSunPathCapacity) {
      CHECK(status.ok());
    } else {
      CHECK_FALSE(status.ok());
#if defined(__linux__)
      CHECK(IsRefused(status, Refusal::kTooLong));
#endif
    }
    REQUIRE(EntriesOf(directory.path()).empty());
  }
  CHECK(HasFailed(BindAnyLength(""), ENOENT));
  CHECK(HasFailed(BindAnyLength((directory / "missing/s").c_str()), ENOENT));
}

}  // namespace
}  // namespace boxsockets::test
