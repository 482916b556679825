// Connecting to a socket of a box.
#include "../posix/dial.h"

#include <errno.h>
#include <unistd.h>

#include "support.h"

namespace boxsockets::test {
namespace {

struct Bound : BoundWorld {
  std::string InRealDir(const std::string& name) const { return real_dir + "/" + name; }
  Status Dial(const std::string& name, Fd* out, const PeerRule& rule = {}) const {
    return DialPath(binding + "/" + name, InRealDir(name), rule, out);
  }
  static Status DialPath(const std::string& path, const std::string& entry, const PeerRule& rule,
                         Fd* out) {
    BoundPath bound;
    return boxsockets::Dial(path.c_str(), entry.c_str(), rule, out, &bound);
  }
};

TEST_CASE("a peer of the right user is connected, by a descriptor that does not block") {
  Bound world;
  Fd listener = MakeSocket(world.InRealDir("box.sock"), SocketType::kStream), client;
  CHECK(world.Dial("box.sock", &client, {true, geteuid()}).ok());
  REQUIRE(client.valid());
  CHECK((fcntl(client.get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK((fcntl(client.get(), F_GETFL) & O_NONBLOCK) != 0);
  CHECK(HasVisitor(listener));
}

TEST_CASE("a peer of another user is refused, with both uids, where it is asked") {
  Bound world;
  Fd listener = MakeSocket(world.InRealDir("box.sock"), SocketType::kStream), client;
  Status status = world.Dial("box.sock", &client, {true, geteuid() + 1});
  CHECK(IsRefused(status, Refusal::kPeer));
  CHECK(status.owner == geteuid());
  CHECK(status.expected == geteuid() + 1);
  CHECK_FALSE(client.valid());
  CHECK(world.Dial("box.sock", &client, {false, geteuid() + 1}).ok());
}

TEST_CASE("the user of a peer is the one who listens, not the one who owns the file") {
  SKIP_UNLESS(IsRoot(), "needs root, to act as two users");
  TempDirectory directory;
  REQUIRE(chmod(directory.path().c_str(), 0777) == 0);
  std::string path = directory / "s";
  Fd listener, client;
  {
    AsUser user(AsUser::Ordinary());
    listener = MakeSocket(path, SocketType::kStream);
  }
  REQUIRE(chown(path.c_str(), 0, 0) == 0);
  Status status = Bound::DialPath(path, path, {true, 0}, &client);
  CHECK(IsRefused(status, Refusal::kPeer));
  CHECK(status.owner == AsUser::Ordinary());
}

TEST_CASE("each reason why nobody answers keeps its own code") {
  Bound world;
  Fd client;
  auto dial = [&](const std::string& name) { return world.Dial(name, &client); };
  CHECK(HasFailed(dial("missing"), ENOENT));
  CHECK(HasFailed(dial(std::string(kSunPathCapacity, 'x')), ENAMETOOLONG));
  MakeDeadSocket(world.InRealDir("dead"));
  CHECK(HasFailed(dial("dead"), ECONNREFUSED));
  Fd datagram = MakeSocket(world.InRealDir("datagram"), SocketType::kDatagram);
  CHECK(HasFailed(dial("datagram"), EPROTOTYPE));
  CHECK_FALSE(client.valid());
}

TEST_CASE("a link is not followed, whatever it leads to, and what is no socket is not waited for") {
  Bound world;
  std::string elsewhere = world.MakeDirectory("elsewhere");
  Fd listener = MakeSocket(elsewhere + "/agent", SocketType::kStream), client;
  MakeLink(elsewhere + "/agent", world.InRealDir("link"));
  MakeLink("nowhere", world.InRealDir("dangling"));
  MakeLink("loop", world.InRealDir("loop"));
  for (const char* name : {"link", "dangling", "loop"}) {
    CHECK(IsRefused(world.Dial(name, &client), Refusal::kMisplaced));
  }
  CHECK_FALSE(HasVisitor(listener));
  MakeFifo(world.InRealDir("fifo"));
  MakeFile(world.InRealDir("file"));
  MakeDirectory(world.InRealDir("directory"));
  for (const char* name : {"fifo", "file", "directory"}) {
    CHECK_FALSE(world.Dial(name, &client).ok());
  }
}

TEST_CASE("a peer whose backlog is full is not waited for") {
  Bound world;
  Fd listener = MakeSocket(world.InRealDir("s"), SocketType::kStream);
  std::vector<Fd> clients;
  Status status;
  while (status.ok() && clients.size() < 100) {
    clients.emplace_back();
    status = world.Dial("s", &clients.back());
  }
  CHECK(HasFailed(status, EAGAIN));
}

}  // namespace
}  // namespace boxsockets::test
