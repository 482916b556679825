// What a bind, and what it leaves, come to where a call fails or somebody else's file is there.
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../posix/socket.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

struct Bound : TempDirectory {
  // Binds where the kernel says EIO, as after a server of FUSE's that knows no sockets.
  Status Bind(int errnum = EIO) {
    REQUIRE(OpenSocket(SocketType::kStream, &socket).ok());
    Intercept intercept("bind", 1, [&] {
      if (makes) makes();
      return errnum;
    });
    return BindWithMode(socket, path.c_str(), kLongestPath, 0600);
  }
  Status Repair() {
    Fd directory(open(this->TempDirectory::path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return RepairMode(directory.get(), "s", st, 0600);
  }

  std::string path = *this / "s";
  Fd socket;
  std::function<void()> makes;
  struct stat st = {};
};

TEST_CASE("no address is longer than there is room for, whoever asks for it") {
  Address address;
  std::string path(Address::kLongest + 1, 'x');
  CHECK(HasFailed(Address::Make(path.c_str(), 1000, "bind", &address), ENAMETOOLONG));
}

TEST_CASE("an address that is made anew keeps nothing of the path that it had") {
  Address address;
  std::string before(50, 'x');
  REQUIRE(Address::Make(before.c_str(), kLongestPath, "bind", &address).ok());
  REQUIRE(Address::Make("/s", kLongestPath, "bind", &address).ok());
  sockaddr_un made;
  memcpy(&made, address.get(), sizeof made);
  CHECK(strnlen(made.sun_path, sizeof made.sun_path) == 2);
}

TEST_CASE("a socket is of the type that was asked for") {
  struct Kind {
    SocketType type;
    int kind;
  };
  for (const Kind& one :
       {Kind{SocketType::kStream, SOCK_STREAM}, Kind{SocketType::kDatagram, SOCK_DGRAM},
        Kind{SocketType::kSeqpacket, SOCK_SEQPACKET}}) {
    Fd fd;
    REQUIRE(OpenSocket(one.type, &fd).ok());
    int kind = -1;
    socklen_t size = sizeof kind;
    REQUIRE(getsockopt(fd.get(), SOL_SOCKET, SO_TYPE, &kind, &size) == 0);
    CHECK(kind == one.kind);
  }
}

TEST_CASE("a path that is too long is never dialed, not even where it would be cut") {
  Fd fd;
  REQUIRE(OpenSocket(SocketType::kStream, &fd).ok());
  Intercept intercept("connect", [](int, const char*) { return EIO; });
  std::string path(kLongestPath + 1, 'x');
  CHECK(HasFailed(Connect(fd, path.c_str(), kLongestPath), ENAMETOOLONG));
  CHECK(intercept.calls() == 0);
}

TEST_CASE("the file that a server makes in place of a socket goes, and sockets are not supported") {
  Bound bound;
  bound.makes = [&] { MakeFile(bound.path); };
  Status status = bound.Bind();
  CHECK(HasFailed(status, EOPNOTSUPP));
  CHECK(strcmp(status.syscall, "bind") == 0);
  CHECK_FALSE(Exists(bound.path));
}

TEST_CASE("what is not such a file stays, and the kernel's own word is kept") {
  Bound bound;
  auto stays = [&](const std::function<void()>& makes, int errnum = EIO) {
    bound.makes = makes;
    CHECK(HasFailed(bound.Bind(errnum), errnum));
    CHECK(Exists(bound.path));
    REQUIRE(unlink(bound.path.c_str()) == 0);
  };
  stays([&] { MakeFifo(bound.path); });
  stays([&] { MakeFile(bound.path, "kept"); });
  stays([&] {
    MakeFile(bound.path);
    REQUIRE(link(bound.path.c_str(), (bound / "another").c_str()) == 0);
  });
  stays([&] { MakeFile(bound.path); }, EADDRINUSE);
  bound.makes = nullptr;
  CHECK(HasFailed(bound.Bind(), EIO));
}

// A socket whose mode is to be repaired.
struct Closed : Bound {
  Closed() {
    MakeDeadSocket(path);
    REQUIRE(chmod(path.c_str(), 0400) == 0);
    st = StatOf(path);
  }
};

TEST_CASE("the mode of a socket is repaired, though a signal interrupts") {
  Closed closed;
  Intercept intercept("openat", 1, [] { return EINTR; });
  CHECK(closed.Repair().ok());
  CHECK(intercept.calls() == 2);
  CHECK(ModeOf(closed.path) == 0600);
}

TEST_CASE("a mode that cannot be repaired is told by the call that failed") {
  for (const char* call : {"openat", "fstat", "chmod"}) {
    Closed closed;
    Intercept intercept(call, 1, [] { return EIO; });
    Status status = closed.Repair();
    CAPTURE(call);
    CHECK(HasFailed(status, EIO));
    CHECK(strcmp(status.syscall, call) == 0);
    CHECK(ModeOf(closed.path) == 0400);
  }
}

TEST_CASE("no mode is changed but that of the very socket: of no link, no file, no other socket") {
  Closed closed;
  std::string aside = closed / "aside";
  auto refuses = [&](const std::string& changed) {
    CHECK(IsRefused(closed.Repair(), Refusal::kMisplaced));
    CHECK(ModeOf(changed) == 0400);
    REQUIRE(unlink(closed.path.c_str()) == 0);
  };
  REQUIRE(rename(closed.path.c_str(), aside.c_str()) == 0);
  MakeLink(aside, closed.path);
  refuses(aside);
  MakeDeadSocket(closed.path);
  REQUIRE(chmod(closed.path.c_str(), 0400) == 0);
  refuses(closed.path);
  MakeFile(closed.path);
  REQUIRE(chmod(closed.path.c_str(), 0400) == 0);
  closed.st = StatOf(closed.path);
  CHECK(IsRefused(closed.Repair(), Refusal::kMisplaced));
  CHECK(ModeOf(closed.path) == 0400);
}

}  // namespace
}  // namespace boxsockets::test
