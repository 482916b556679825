// Alive, dead, gone, unknown: what each is said of.
#include "../posix/judgement.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

namespace boxsockets::test {
namespace {

Verdict Judge(const std::string& directory, const std::string& name) {
  Fd fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Verdict verdict;
  Status status = JudgeSocket(fd.get(), directory.c_str(), "/nowhere", name.c_str(), &verdict);
  CHECK(status.ok());
  return verdict;
}

Judgement JudgementOf(const std::string& directory, const std::string& name) {
  return Judge(directory, name).judgement;
}

struct Found {
  explicit Found(const std::string& directory) {
    Fd fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    CHECK(FindSockets(&fd, directory.c_str(), &sockets).ok());
  }
  std::string Foremost() const {
    const FoundSocket* foremost = sockets.Foremost();
    return foremost == nullptr ? "" : sockets.names.at(foremost->name);
  }
  Sockets sockets;
};

struct Listed {
  const std::string path;
  uint64_t socket = 0;
};

void FindListed(void* context, const char* path, uint64_t socket) {
  Listed& listed = *static_cast<Listed*>(context);
  if (listed.path == path) listed.socket = socket;
}

uint64_t SocketAt(const std::string& path) {
  Listed listed = {path};
  CHECK(BoundSockets::Read(true, &listed, FindListed).ok());
  return listed.socket;
}

}  // namespace

TEST_CASE("a socket of either type is alive while it is held, listening or not, then dead") {
  DescriptorCheck descriptors;
  TempDirectory directory;
  for (SocketType type : {SocketType::kStream, SocketType::kDatagram}) {
    std::string path = directory / "s";
    {
      Fd held = MakeSocket(path, type);
      CHECK(JudgementOf(directory.path(), "s") == Judgement::kAlive);
    }
    CHECK(JudgementOf(directory.path(), "s") == Judgement::kDead);
    REQUIRE(unlink(path.c_str()) == 0);
    CHECK(JudgementOf(directory.path(), "s") == Judgement::kGone);
  }
}

TEST_CASE("a link, a file and a directory in a socket's place are not dead sockets") {
  TempDirectory directory;
  MakeDeadSocket(directory / "dead");
  MakeLink(directory / "dead", directory / "link");
  MakeFile(directory / "file");
  for (const char* name : {"link", "file"}) {
    Verdict verdict = Judge(directory.path(), name);
    CHECK(verdict.judgement == Judgement::kUnknown);
    CHECK(verdict.errnum == ENOTSOCK);
  }
}

#if defined(__linux__)

TEST_CASE("a path that is too long for an address is no obstacle") {
  TempDirectory directory;
  std::string deep = directory.path();
  for (int i = 0; i < 3; i++) MakeDirectory(deep += "/" + std::string(100, 'd'));
  std::string name(100, 's');
  Fd at(open(deep.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Bound by a short way, as a binding is.
  std::string link = directory / "l";
  MakeLink(deep, link);
  std::string address = link + "/s";
  {
    Fd held = MakeSocket(address, SocketType::kStream);
    REQUIRE(renameat(at.get(), "s", at.get(), name.c_str()) == 0);
    CHECK(JudgementOf(deep, name) == Judgement::kAlive);
  }
  CHECK(JudgementOf(deep, name) == Judgement::kDead);
}

TEST_CASE("root's dead socket in a user's directory is unknown to the user, and why") {
  SKIP_UNLESS(IsRoot(), "needs two users");
  TempDirectory directory;
  REQUIRE(chmod(directory.path().c_str(), 0755) == 0);
  MakeDeadSocket(directory / "s");
  REQUIRE(chmod((directory / "s").c_str(), 0600) == 0);
  AsUser user(AsUser::Ordinary());
  Verdict verdict = Judge(directory.path(), "s");
  CHECK(verdict.judgement == Judgement::kUnknown);
  CHECK(verdict.reason == Reason::kErrno);
  CHECK(verdict.errnum == EACCES);
}

TEST_CASE("the kernel's list speaks for a socket whose file was replaced by a dead one") {
  TempDirectory directory;
  std::string path = directory / "s";
  Fd held = MakeSocket(path, SocketType::kStream);
  REQUIRE(unlink(path.c_str()) == 0);
  CHECK(JudgementOf(directory.path(), "s") == Judgement::kGone);
  MakeDeadSocket(directory / "other");
  REQUIRE(rename((directory / "other").c_str(), path.c_str()) == 0);
  CHECK(JudgementOf(directory.path(), "s") == Judgement::kAlive);
}

TEST_CASE("the kernel's list has the path of every socket, and its holder can be found") {
  TempDirectory directory;
  std::string path = directory / "a path with: spaces\tand more";
  CHECK(SocketAt(path) == 0);
  Fd held = MakeSocket(path, SocketType::kDatagram);
  uint64_t socket = SocketAt(path);
  CHECK(socket != 0);
  CHECK(BoundSockets::HolderOf(socket) == getpid());
  // More than one piece of the list.
  std::vector<Fd> many;
  many.reserve(200);
  for (int i = 0; i < 200; i++) {
    many.push_back(MakeSocket(directory / ("s" + std::to_string(i)), SocketType::kStream));
  }
  for (int i = 0; i < 200; i += 20) CHECK(SocketAt(directory / ("s" + std::to_string(i))) != 0);
  held.Reset();
  CHECK(SocketAt(path) == 0);
  CHECK(BoundSockets::HolderOf(socket) == 0);
}

#endif

TEST_CASE("sockets are found in directories within each other, the foremost first") {
  DescriptorCheck descriptors;
  TempDirectory directory;
  MakeDirectory(directory / "pool");
  MakeDirectory(directory / "pool/inner");
  MakeFile(directory / "file");
  MakeDeadSocket(directory / "dead");
  MakeLink("/", directory / "link");
  CHECK(Found(directory.path()).Foremost().empty());
  CHECK(Found(directory.path()).sockets.found.size() == 1);
  Fd held = MakeSocket(directory / "pool/inner/w.sock", SocketType::kStream);
  CHECK(Found(directory.path()).Foremost() == "pool/inner/w.sock");
  CHECK(Found(directory.path()).sockets.found.size() == 2);
}

TEST_CASE("a thousand sockets are told of a directory, and that there are more") {
  World world;
  for (size_t i = 0; i < kSearchSockets + 3; i++) {
    std::string path = world.real_dir + "/" + std::to_string(i);
    REQUIRE(mknod(path.c_str(), S_IFSOCK | 0600, 0) == 0);
  }
  Found found(world.real_dir);
  REQUIRE(found.sockets.found.size() == kSearchSockets + 1);
  for (size_t i = 0; i < kSearchSockets; i++) CHECK(found.sockets.found[i].verdict.IsDead());
  CHECK(found.sockets.found[kSearchSockets].verdict.reason == Reason::kTooMany);
}

TEST_CASE("the longest names, in directories as deep as is looked at, are told whole") {
  World world;
  std::string longest(255, 'n'), directory = world.real_dir, name;
  // By descriptors: no path is as long.
  Fd fd(open(world.real_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int depth = 1; depth < kSearchDepth; depth++) {
    REQUIRE(mkdirat(fd.get(), longest.c_str(), 0700) == 0);
    fd = Fd(openat(fd.get(), longest.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    name += longest + "/";
  }
  REQUIRE(mknodat(fd.get(), longest.c_str(), S_IFSOCK | 0600, 0) == 0);
  Found found(world.real_dir);
  REQUIRE(found.sockets.found.size() == 1);
  CHECK(found.sockets.names.at(found.sockets.found[0].name) == name + longest);
}

TEST_CASE("what cannot be looked at is unknown") {
  TempDirectory directory;
  SUBCASE("a directory that is too deep") {
    std::string deep = directory.path();
    for (int i = 0; i < kSearchDepth; i++) MakeDirectory(deep += "/d");
    CHECK(Found(directory.path()).Foremost() == "d/d/d/d");
  }
  SUBCASE("too many entries") {
    for (size_t i = 0; i <= kSearchEntries; i++) MakeFile(directory / std::to_string(i));
    Found found(directory.path());
    REQUIRE(found.sockets.Foremost() != nullptr);
    CHECK(found.sockets.Foremost()->verdict.reason == Reason::kTooMany);
  }
  SUBCASE("a directory that is closed") {
    REQUIRE(chmod(directory.path().c_str(), 0755) == 0);
    MakeDirectory(directory / "closed");
    AsUser user(AsUser::Ordinary());
    SKIP_UNLESS(geteuid() != StatOf(directory / "closed").st_uid, "needs two users");
    CHECK(Found(directory.path()).Foremost() == "closed");
  }
}

}  // namespace boxsockets::test
