// Who is in the way of a binding that is to lead elsewhere: by files, and by what the kernel lists.
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../posix/occupant.h"
#include "../posix/syscalls.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

// A binding that leads to `other`, and is asked for by who wants it to lead to `real_dir`.
struct Scene : World {
  Scene() {
    MakeParent();
    MakeLink(other, binding);
    kernel.Link("51/fd/3", "socket:[77]");
    kernel.Link("52/fd/3", "socket:[78]");
    kernel.Link("53/fd/3", "socket:[79]");
  }
  bool Tell() {
    told = {};
    return TellOccupant(paths(), &told);
  }
  bool Tells(const std::string& socket, Judgement judgement, Reason reason, int64_t pid) {
    bool occupied = Tell();
    CAPTURE(std::string(told.socket));
    CAPTURE(told.pid);
    CHECK(told.target == other);
    CHECK(told.socket == socket);
    CHECK(told.pid == pid);
    return occupied && told.verdict.judgement == judgement && told.verdict.reason == reason &&
           told.verdict.errnum == 0;
  }
  // What FindOccupant says of the binding.
  Status Find(Occupant* out) {
    EntryWatch watch;
    ParentEntry* found;
    Fd directory(open(parent.c_str(), kOpenDirectoryOnly));
    REQUIRE(LookAtBinding(paths(), directory.get(), {}, Depth::kSockets, &watch, &found).ok());
    return FindOccupant(paths(), *found, &occupied, out);
  }

  std::string other = MakeDirectory("other");
  OwnProc kernel;
  Occupant told = {};
  bool occupied = false;
};

// statfs_type, while it lives.
struct ForeignFileSystem {
  ForeignFileSystem() { statfs_type = 0x6969; }
  ~ForeignFileSystem() { statfs_type = 0; }
};

TEST_CASE("a socket that is held is told with its name and who holds it, whatever else is listed") {
  Scene scene;
  Fd held = MakeSocket(scene.other + "/s", SocketType::kStream);
  MakeDeadSocket(scene.other + "/dead");
  CHECK(scene.Tells("s", Judgement::kAlive, Reason::kNone, 0));
  scene.kernel.Listens({"77 " + scene.other + "/t", "78 " + scene.other + "/s",
                        "79 " + scene.other + "/s", "77 " + scene.other + "/u"});
  CHECK(scene.Tells("s", Judgement::kAlive, Reason::kNone, 52));
  held.Reset();
  scene.kernel.Listens({});
  CHECK(!scene.Tell());
}

TEST_CASE("a socket that is held without its file is told, before one that nobody can judge") {
  Scene scene;
  ForeignFileSystem foreign;
  MakeDeadSocket(scene.other + "/s");
  CHECK(scene.Tells("s", Judgement::kUnknown, Reason::kForeignFileSystem, 0));
  scene.kernel.Listens(
      {"1 /elsewhere", "79 " + scene.binding + "/lost", "78 " + scene.other + "/later"});
  CHECK(scene.Tells("lost", Judgement::kAlive, Reason::kFileGone, 53));
  REQUIRE(unlink((scene.other + "/s").c_str()) == 0);
  CHECK(scene.Tells("lost", Judgement::kAlive, Reason::kFileGone, 53));
}

TEST_CASE(
    "what our own real directory holds is not in the way, and what it cannot be asked for is") {
  Scene scene;
  scene.kernel.Listens({"78 " + scene.binding + "/s"});
  CHECK(scene.Tells("s", Judgement::kAlive, Reason::kFileGone, 52));
  MakeDeadSocket(scene.real_dir + "/s");
  CHECK(scene.Tells("s", Judgement::kAlive, Reason::kFileGone, 52));
  REQUIRE(unlink((scene.real_dir + "/s").c_str()) == 0);
  Fd ours = MakeSocket(scene.real_dir + "/s", SocketType::kStream);
  CHECK(!scene.Tell());
  CHECK(scene.Find(&scene.told).ok());
  CHECK(!scene.occupied);
  scene.real_dir = scene.home / "missing";
  CHECK(scene.Tells("s", Judgement::kAlive, Reason::kFileGone, 52));
}

TEST_CASE("what fails in looking for an occupant is told, and nobody is named") {
  Scene scene;
  scene.kernel.Listens({"77 " + scene.binding + "/a", "78 " + scene.binding + "/b"});
  for (int errnum : {EACCES, EIO}) {
    Intercept intercept("open", 2, [errnum] { return errnum; });
    Status status = scene.Find(&scene.told);
    CHECK(HasFailed(status, errnum));
    CHECK(status.subject == Subject::kRealDir);
  }
  {
    // Of two that are asked about, the first.
    Intercept intercept("socket", 1, [] { return EMFILE; });
    CHECK(HasFailed(scene.Find(&scene.told), EMFILE));
  }
  {
    Intercept intercept("open", 2, [] { return EINTR; });
    CHECK(scene.Find(nullptr).ok());
    CHECK(scene.occupied);
  }
  {
    Intercept intercept("malloc", 1, [] { return ENOMEM; });
    CHECK(!scene.Tell());
  }
  {
    Intercept intercept("open", 1, [] { return EINTR; });
    CHECK(scene.Tell());
  }
  scene.kernel.Listens({});
  ForeignFileSystem foreign;
  MakeDeadSocket(scene.other + "/s");
  // The list is read for what is lost, and then for what was found.
  for (int number : {3, 4}) {
    Intercept intercept("open", number, [] { return EIO; });
    CAPTURE(number);
    CHECK(HasFailed(scene.Find(&scene.told), EIO));
  }
  Intercept intercept("open", 4, [] { return EIO; });
  CHECK(!scene.Tell());
}

TEST_CASE("a binding that is gone, or is no link, has no occupant") {
  Scene scene;
  scene.kernel.Listens({"77 " + scene.binding + "/a"});
  CHECK(scene.Tell());
  REQUIRE(unlink(scene.binding.c_str()) == 0);
  CHECK(!scene.Tell());
  MakeDirectory(scene.binding);
  CHECK(!scene.Tell());
}

}  // namespace
}  // namespace boxsockets::test
