// Listening through a binding.
#include "../posix/listen.h"

#include <errno.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "support.h"

namespace boxsockets::test {
namespace {

struct Bound : World {
  Status Listen(const std::string& name, Listener* out, mode_t mode = 0600) const {
    ListenOptions options;
    options.mode = mode;
    return boxsockets::Listen(paths(), name.c_str(), options, out);
  }
  std::string InRealDir(const std::string& name) const { return real_dir + "/" + name; }
};

// Connects a stream, without waiting.
Status ConnectTo(const std::string& path, Fd* out) {
  Address address;
  Status status = Address::Make(path.c_str(), kSunPathCapacity, "connect", &address);
  if (status.ok()) status = OpenSocket(SocketType::kStream, out);
  if (!status.ok()) return status;
  bool connected = connect(out->get(), address.get(), address.size()) == 0;
  return connected ? Status::Ok() : Status::Failed("connect", Subject::kSocket);
}

TEST_CASE(
    "a listener makes its binding, lies in the real directory, and is dialed through the link") {
  Bound world;
  Listener listener;
  REQUIRE(world.Listen("box.sock", &listener).ok());
  CHECK(S_ISSOCK(StatOf(world.InRealDir("box.sock")).st_mode));
  CHECK(listener.identity.inode == StatOf(world.InRealDir("box.sock")).st_ino);
  CHECK((fcntl(listener.socket.get(), F_GETFD) & FD_CLOEXEC) != 0);
  Fd client;
  CHECK(ConnectTo(world.binding + "/box.sock", &client).ok());
  CHECK(HasVisitor(listener.socket));
}

TEST_CASE("a listener has exactly the mode that was asked for, whatever the umask") {
  for (mode_t mask : {0, 0022, 0277, 0777}) {
    for (mode_t mode : {0600, 0660, 0666}) {
      Bound world;
      REQUIRE(chmod(world.base.c_str(), 0700) == 0);
      Umask umask(mask);
      Listener listener;
      CHECK(world.Listen("box.sock", &listener, mode).ok());
      CHECK(ModeOf(world.InRealDir("box.sock")) == mode);
    }
  }
}

TEST_CASE("a socket file whose owner is dead is replaced, one that is held is in use") {
  Bound world;
  MakeDeadSocket(world.InRealDir("box.sock"));
  Listener first, second;
  CHECK(world.Listen("box.sock", &first).ok());
  Status status = world.Listen("box.sock", &second);
  CHECK(HasFailed(status, EADDRINUSE));
  CHECK(strcmp(status.syscall, "bind") == 0);
  CHECK_FALSE(HasVisitor(first.socket));
  CHECK(SocketIsHeld(world.InRealDir("box.sock").c_str()));
}

TEST_CASE("what is no socket is in use and left as it is") {
  Bound world;
  MakeFile(world.InRealDir("file"), "content");
  MakeLink("nowhere", world.InRealDir("link"));
  MakeDirectory(world.InRealDir("directory"));
  MakeFifo(world.InRealDir("fifo"));
  std::vector<std::string> before = EntriesOf(world.real_dir);
  for (const std::string& name : before) {
    Listener listener;
    CAPTURE(name);
    CHECK(HasFailed(world.Listen(name, &listener), EADDRINUSE));
  }
  CHECK(EntriesOf(world.real_dir) == before);
  CHECK(StatOf(world.InRealDir("file")).st_size == 7);
}

TEST_CASE("a name that does not fit is refused whole") {
  Bound world;
  Listener listener;
  CHECK(HasFailed(world.Listen(std::string(kSunPathCapacity, 'n'), &listener), ENAMETOOLONG));
  CHECK(EntriesOf(world.real_dir).empty());
}

TEST_CASE("a listener is refused where an ensure is") {
  Bound world;
  Listener listener;
  world.MakeParent();
  MakeFile(world.binding);
  CHECK(IsRefused(world.Listen("box.sock", &listener), Refusal::kNotASymlink));
  REQUIRE(unlink(world.binding.c_str()) == 0);
  REQUIRE(rmdir(world.real_dir.c_str()) == 0);
  CHECK(IsRefused(world.Listen("box.sock", &listener), Refusal::kRealDir));
  CHECK_FALSE(listener.socket.valid());
}

TEST_CASE("a real directory that cannot be written to says so") {
  AsUser user(AsUser::Ordinary());
  Bound world;
  REQUIRE(chmod(world.real_dir.c_str(), 0500) == 0);
  Listener listener;
  Status status = world.Listen("box.sock", &listener);
  CHECK(HasFailed(status, EACCES));
  CHECK(strcmp(status.syscall, "bind") == 0);
}

TEST_CASE("a name that is free in a binding that is right takes no lock, and leaves all the rest") {
  Bound world;
  ListenOptions options;
  Listener listener;
  Status status;
  auto at_free_name = [&](const char* name) {
    return ListenAtFreeName(world.paths(), name, options, &listener, &status);
  };
  CHECK_FALSE(at_free_name("box.sock"));  // no binding
  CHECK_FALSE(Exists(world.parent));
  EnsureResult result;
  REQUIRE(Ensure(world.paths(), {}, &result).ok());
  Fd lock(open(world.InParent(".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  REQUIRE(flock(lock.get(), LOCK_EX) == 0);
  CHECK(at_free_name("box.sock"));
  CHECK(status.ok());
  CHECK(ModeOf(world.InRealDir("box.sock")) == 0600);
  MakeDeadSocket(world.InRealDir("dead"));
  MakeLink("elsewhere", world.InRealDir("link"));
  for (const char* name : {"box.sock", "dead", "link"}) CHECK_FALSE(at_free_name(name));
  CHECK(Exists(world.InRealDir("dead")));
  CHECK_FALSE(Exists(world.InRealDir("elsewhere")));
}

TEST_CASE("claiming removes a dead socket, and nothing else") {
  Bound world;
  auto claim = [&](const char* name) { return Claim(world.paths(), name, {}); };
  CHECK(claim("free").ok());
  CHECK(IsSameDirectory(world.binding, world.real_dir));
  MakeDeadSocket(world.InRealDir("dead"));
  CHECK(claim("dead").ok());
  CHECK_FALSE(Exists(world.InRealDir("dead")));
  Fd held = MakeSocket(world.InRealDir("held"), SocketType::kDatagram);
  MakeFile(world.InRealDir("file"));
  MakeLink("nowhere", world.InRealDir("link"));
  for (const char* name : {"held", "file", "link"}) {
    CHECK(HasFailed(claim(name), EADDRINUSE));
    CHECK((Exists(world.InRealDir(name)) || IsLink(world.InRealDir(name))));
  }
}

TEST_CASE("only the very file that was bound is unlinked") {
  Bound world;
  std::string path = world.InRealDir("box.sock");
  Listener listener;
  REQUIRE(world.Listen("box.sock", &listener).ok());
  FileIdentity identity = listener.identity;
  auto unlink_own = [&] { return UnlinkOwn(world.paths(), "box.sock", identity, 0); };
  REQUIRE(rename(path.c_str(), world.InRealDir("moved").c_str()) == 0);
  CHECK(unlink_own().ok());  // absent
  MakeDeadSocket(path);
  CHECK(unlink_own().ok());
  CHECK(Exists(path));  // another one
  REQUIRE(unlink(path.c_str()) == 0);
  MakeFile(path);
  CHECK(unlink_own().ok());
  CHECK(Exists(path));
  REQUIRE(rename(world.InRealDir("moved").c_str(), path.c_str()) == 0);
  CHECK(unlink_own().ok());
  CHECK_FALSE(Exists(path));
}

TEST_CASE("while a socket is open its own file is unlinked without the lock, and no other") {
  Bound world;
  std::string path = world.InRealDir("box.sock");
  Listener listener;
  REQUIRE(world.Listen("box.sock", &listener).ok());
  REQUIRE(listener.real_dir.valid());
  auto unlink_held = [&] {
    return UnlinkHeld(listener.real_dir.get(), "box.sock", listener.identity);
  };
  Fd lock(open(world.InParent(".lock").c_str(), O_RDWR | O_CLOEXEC));
  REQUIRE(flock(lock.get(), LOCK_EX) == 0);
  // In the directory that it was bound in, wherever that lies by now.
  REQUIRE(rename(world.real_dir.c_str(), (world.base + "/moved").c_str()) == 0);
  CHECK(unlink_held().ok());
  CHECK(EntriesOf(world.base + "/moved").empty());
  CHECK(unlink_held().ok());  // absent
  MakeDeadSocket(world.base + "/moved/box.sock");
  CHECK(unlink_held().ok());
  CHECK(Exists(world.base + "/moved/box.sock"));  // another one
}

#if defined(__linux__)

TEST_CASE("while a listener is held its inode is not given to the next socket of that name") {
  Bound world;
  std::string path = world.InRealDir("box.sock");
  Listener listener;
  REQUIRE(world.Listen("box.sock", &listener).ok());
  listener.socket.Reset();
  for (int i = 0; i < 100; i++) {
    REQUIRE(unlink(path.c_str()) == 0);
    MakeDeadSocket(path);
    REQUIRE(UnlinkOwn(world.paths(), "box.sock", listener.identity, 0).ok());
    REQUIRE(Exists(path));
  }
}

#endif

TEST_CASE("unlinking in a real directory that is gone is fine, in one that is closed it is not") {
  AsUser user(AsUser::Ordinary());
  Bound world;
  Listener listener;
  REQUIRE(world.Listen("box.sock", &listener).ok());
  REQUIRE(chmod(world.real_dir.c_str(), 0500) == 0);
  CHECK(HasFailed(UnlinkOwn(world.paths(), "box.sock", listener.identity, 0), EACCES));
  REQUIRE(chmod(world.real_dir.c_str(), 0700) == 0);
  CHECK(UnlinkOwn(world.paths(), "box.sock", listener.identity, 0).ok());
  REQUIRE(rmdir(world.real_dir.c_str()) == 0);
  CHECK(UnlinkOwn(world.paths(), "box.sock", listener.identity, 0).ok());
}

}  // namespace
}  // namespace boxsockets::test
