// Addresses that are never cut, and whether somebody holds a socket.
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../posix/judgement.h"
#include "support.h"

namespace boxsockets::test {
namespace {

size_t BytesOf(const Address& address) { return address.size() - offsetof(sockaddr_un, sun_path); }

// A path of exactly `length` bytes in `directory`.
std::string PathOfLength(const TempDirectory& directory, size_t length) {
  std::string path = directory / "";
  REQUIRE(path.size() < length);
  return path + std::string(length - path.size(), 'x');
}

TEST_CASE("an address holds every byte of its path or is refused") {
  for (size_t length = 1; length <= 300; length++) {
    std::string path(length, 'p');
    for (size_t capacity : {kSunPathCapacity, Address::kLongest}) {
      Address address;
      Status status = Address::Make(path.c_str(), capacity, "bind", &address);
      CAPTURE(length);
      if (length > capacity) {
        REQUIRE(HasFailed(status, ENAMETOOLONG));
        REQUIRE(strcmp(status.syscall, "bind") == 0);
        REQUIRE(status.subject == Subject::kSocket);
        continue;
      }
      REQUIRE(status.ok());
      REQUIRE(BytesOf(address) >= length);
      REQUIRE(address.get()->sa_family == AF_UNIX);
      const char* bytes = reinterpret_cast<const char*>(address.get());
      REQUIRE(memcmp(bytes + offsetof(sockaddr_un, sun_path), path.data(), length) == 0);
    }
  }
}

TEST_CASE("an empty path is refused and never binds an abstract address") {
  Address address;
  CHECK(HasFailed(Address::Make("", kSunPathCapacity, "bind", &address), ENOENT));
  Fd fd;
  REQUIRE(OpenSocket(SocketType::kStream, &fd).ok());
  CHECK(HasFailed(BindWithMode(fd, "", kSunPathCapacity, 0600), ENOENT));
}

TEST_CASE(
    "a path that fills sun_path binds, one byte more does not, and neither leaves a cut name") {
  TempDirectory directory;
  for (size_t length = kSunPathCapacity - 3; length <= kSunPathCapacity + 3; length++) {
    std::string path = PathOfLength(directory, length);
    Fd fd;
    REQUIRE(OpenSocket(SocketType::kStream, &fd).ok());
    Status status = BindWithMode(fd, path.c_str(), kSunPathCapacity, 0600);
    CAPTURE(length);
    CHECK(status.ok() == (length <= kSunPathCapacity));
    CHECK(EntriesOf(directory.path()).size() == (status.ok() ? 1 : 0));
    if (!status.ok()) continue;
    CHECK(S_ISSOCK(StatOf(path).st_mode));
    CHECK(SocketIsHeld(path.c_str()));
    unlink(path.c_str());
  }
}

TEST_CASE("a socket is closed on exec") {
  for (SocketType type : {SocketType::kStream, SocketType::kDatagram}) {
    Fd fd;
    REQUIRE(OpenSocket(type, &fd).ok());
    CHECK((fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
  }
}

TEST_CASE("a listening stream socket is held, until it is closed") {
  TempDirectory directory;
  std::string path = directory / "s";
  Fd fd = MakeSocket(path, SocketType::kStream);
  CHECK(SocketIsHeld(path.c_str()));
  CHECK_FALSE(HasVisitor(fd));
  fd.Reset();
  CHECK_FALSE(SocketIsHeld(path.c_str()));
}

TEST_CASE("a stream socket that does not listen yet is held") {
  TempDirectory directory;
  std::string path = directory / "s";
  Fd fd;
  REQUIRE(OpenSocket(SocketType::kStream, &fd).ok());
  REQUIRE(BindWithMode(fd, path.c_str(), kSunPathCapacity, 0600).ok());
  CHECK(SocketIsHeld(path.c_str()));
}

TEST_CASE("a stream socket whose backlog is full is held, and the question does not wait") {
  TempDirectory directory;
  std::string path = directory / "s";
  Fd listener = MakeSocket(path, SocketType::kStream);
  Address address;
  REQUIRE(Address::Make(path.c_str(), kSunPathCapacity, "connect", &address).ok());
  std::vector<Fd> clients;
  int error = 0;
  while (error == 0 && clients.size() < 100) {
    Fd client;
    REQUIRE(OpenSocket(SocketType::kStream, &client).ok());
    REQUIRE(fcntl(client.get(), F_SETFL, O_NONBLOCK) == 0);
    if (connect(client.get(), address.get(), address.size()) != 0) error = errno;
    clients.push_back(static_cast<Fd&&>(client));
  }
  CHECK(SocketIsHeld(path.c_str()));
}

TEST_CASE("a datagram socket is held, until it is closed") {
  TempDirectory directory;
  std::string path = directory / "d";
  Fd fd = MakeSocket(path, SocketType::kDatagram);
  CHECK(SocketIsHeld(path.c_str()));
  CHECK_FALSE(HasVisitor(fd));
  fd.Reset();
  CHECK_FALSE(SocketIsHeld(path.c_str()));
}

TEST_CASE("a datagram socket that is connected to another one is held") {
  TempDirectory directory;
  std::string path = directory / "d", peer_path = directory / "peer";
  Fd fd = MakeSocket(path, SocketType::kDatagram);
  Fd peer = MakeSocket(peer_path, SocketType::kDatagram);
  Address address;
  REQUIRE(Address::Make(peer_path.c_str(), kSunPathCapacity, "connect", &address).ok());
  REQUIRE(connect(fd.get(), address.get(), address.size()) == 0);
#if defined(__linux__)
  // Such a socket takes datagrams of its peer alone: connect says EPERM.
  Fd stranger;
  REQUIRE(OpenSocket(SocketType::kDatagram, &stranger).ok());
  REQUIRE(Address::Make(path.c_str(), kSunPathCapacity, "connect", &address).ok());
  CHECK(connect(stranger.get(), address.get(), address.size()) == -1);
  CHECK(errno == EPERM);
#endif
  CHECK(SocketIsHeld(path.c_str()));
}

TEST_CASE("a socket that another user forbids us to connect to counts as held") {
  SKIP_UNLESS(IsRoot(), "needs root, to act as two users");
  TempDirectory directory;
  REQUIRE(chmod(directory.path().c_str(), 0755) == 0);
  std::string path = directory / "s";
  MakeDeadSocket(path);
  REQUIRE(chmod(path.c_str(), 0600) == 0);
  CHECK_FALSE(SocketIsHeld(path.c_str()));
  AsUser user(AsUser::Ordinary());
  CHECK(SocketIsHeld(path.c_str()));
}

TEST_CASE("without a free descriptor, a dead socket is not called held: the lack is told") {
  TempDirectory directory;
  std::string path = directory / "s";
  MakeDeadSocket(path);
  struct rlimit limit, none;
  REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  none = limit;
  none.rlim_cur = 0;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  Verdict verdict;
  Status status = Question().Ask(AT_FDCWD, "", path.c_str(), &verdict);
  REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  CHECK(HasFailed(status, EMFILE));
  CHECK_FALSE(SocketIsHeld(path.c_str()));
}

TEST_CASE("a bound file is never open to more than its mode, whatever the umask") {
  TempDirectory directory;
  for (mode_t mask : {0, 0022, 0277, 0777}) {
    Umask umask(mask);
    std::string path = directory / std::to_string(mask);
    Fd fd;
    REQUIRE(OpenSocket(SocketType::kStream, &fd).ok());
    REQUIRE(BindWithMode(fd, path.c_str(), kSunPathCapacity, 0600).ok());
#if defined(__linux__)
    CHECK((ModeOf(path) & ~mode_t{0600}) == 0);
#endif
    Fd parent(open(directory.path().c_str(), O_RDONLY | O_CLOEXEC));
    struct stat st = StatOf(path);
    std::string leaf = std::to_string(mask);
    CHECK(RepairMode(parent.get(), leaf.c_str(), st, 0600).ok());
    CHECK(ModeOf(path) == 0600);
  }
}

TEST_CASE("a mode that cannot be repaired is said") {
  TempDirectory directory;
  Fd parent(open(directory.path().c_str(), O_RDONLY | O_CLOEXEC));
  struct stat st = {};
  CHECK(HasFailed(RepairMode(parent.get(), "missing", st, 0600), ENOENT));
}

TEST_CASE(
    "the mode of what has taken a socket's place, or of what a link leads to, is not changed") {
  TempDirectory directory;
  std::string path = directory / "s", other = directory / "other";
  MakeDeadSocket(path);
  struct stat st = StatOf(path);
  Fd parent(open(directory.path().c_str(), O_RDONLY | O_CLOEXEC));
  auto repair = [&] { return RepairMode(parent.get(), "s", st, 0640); };
  MakeFile(other);
  REQUIRE(chmod(other.c_str(), 0600) == 0);
  REQUIRE(rename(path.c_str(), (directory / "kept").c_str()) == 0);
  MakeLink(other, path);
  CHECK(IsRefused(repair(), Refusal::kMisplaced));
  REQUIRE(unlink(path.c_str()) == 0);
  MakeDeadSocket(path);
  CHECK(IsRefused(repair(), Refusal::kMisplaced));
  CHECK(ModeOf(other) == 0600);
}

TEST_CASE("binding where something is, or where nothing can be, keeps the kernel's own word") {
  TempDirectory directory;
  auto bind_at = [](const std::string& path) {
    Fd fd;
    REQUIRE(OpenSocket(SocketType::kStream, &fd).ok());
    return BindWithMode(fd, path.c_str(), kSunPathCapacity, 0600);
  };
  MakeFile(directory / "file");
  CHECK(HasFailed(bind_at(directory / "file"), EADDRINUSE));
  CHECK(HasFailed(bind_at(directory / "missing/s"), ENOENT));
  CHECK(HasFailed(bind_at(directory / "file/s"), ENOTDIR));
}

}  // namespace
}  // namespace boxsockets::test
