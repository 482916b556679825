// Nobody waits for a server that hangs: a FUSE file system whose server never answers.
#include <fcntl.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/mount.h>
#endif

#include "../posix/binding.h"
#include "../posix/box_sockets.h"
#include "../posix/clock.h"
#include "../posix/entries.h"
#include "../posix/hold.h"
#include "../posix/listen.h"
#include "../posix/user.h"
#include "support.h"

namespace boxsockets::test {
namespace {

TEST_CASE("what is there, or is not, answers in time") {
  World world;
  MakeFile(world.home / "file");
  MakeLink("loop", world.home / "loop");
  for (const char* name : {"real", "file", "missing", "file/below", "loop"}) {
    CAPTURE(name);
    CHECK(AnswersInTime((world.home / name).c_str()));
  }
}

#if defined(__linux__)

// A file system whose server never answers. Who waits for it goes on when it is closed.
class HungServer {
 public:
  explicit HungServer(const std::string& point)
      : point_(point), server_(open("/dev/fuse", O_RDWR | O_CLOEXEC)) {
    MakeDirectory(point);
    std::string options = "rootmode=40000,user_id=0,group_id=0,fd=" + std::to_string(server_.get());
    mounted_ = server_.valid() && mount("hung", point.c_str(), "fuse", 0, options.c_str()) == 0;
  }
  ~HungServer() {
    server_.Reset();
    // With the threads that waited ends what they had open.
    while (EntriesOf("/proc/self/task").size() > 1) usleep(1000);
    if (mounted_) umount2(point_.c_str(), MNT_DETACH);
  }
  HungServer(const HungServer&) = delete;
  HungServer& operator=(const HungServer&) = delete;

  bool mounted() const { return mounted_; }

 private:
  const std::string point_;
  Fd server_;
  bool mounted_;
};

#define NEEDS(server)                                     \
  SKIP_UNLESS((server).mounted(), "needs to mount FUSE"); \
  SKIP_UNLESS(KnowsOpenat2(), kWithoutOpenat2)

bool GaveUp(const Status& status, Subject subject) {
  return status.kind == Kind::kFailed && status.errnum == kNoAnswer && status.subject == subject;
}

TEST_CASE("what lies on a server that hangs is given up in time, whoever asks") {
  TempDirectory home;
  HungServer server(home / "hung");
  NEEDS(server);
  CHECK_FALSE(AnswersInTime((home / "hung/dir").c_str()));
}

TEST_CASE("a box on a server that hangs is given up, whatever answers beside it") {
  World world;
  HungServer server(world.home / "hung");
  NEEDS(server);
  std::string hung = world.home / "hung/dir";
  BoxSockets box;
  BoxRequest request = {world.binding.c_str(), hung.c_str(), world.base.c_str(), 20,
                        BoxDepth::kFiles};
  CHECK(JudgeBox(request, &box).ok());
  CHECK(box.errnum == kNoAnswer);
}

TEST_CASE("a binding whose real directory does not answer is refused, and the lock never taken") {
  World world;
  HungServer server(world.home / "hung");
  NEEDS(server);
  world.MakeParent();
  world.real_dir = world.home / "hung/dir";
  SUBCASE("where the link leads there") { MakeLink(world.real_dir, world.binding); }
  SUBCASE("where there is no link yet") { CHECK_FALSE(Exists(world.binding)); }
  EnsureOptions options;
  options.lock_timeout_ms = 0;
  EnsureResult result;
  CHECK(GaveUp(Ensure(world.paths(), options, &result), Subject::kRealDir));
  options.takeover = true;
  CHECK(GaveUp(Ensure(world.paths(), options, &result), Subject::kRealDir));
  HeldDirectories held;
  CHECK(GaveUp(HoldBinding(world.paths(), {}, &held), Subject::kRealDir));
  Listener listener;
  CHECK(GaveUp(Listen(world.paths(), "box.sock", {}, &listener), Subject::kRealDir));
  CHECK(GaveUp(Claim(world.paths(), "box.sock", {}), Subject::kRealDir));
  CHECK_FALSE(Exists(world.InParent(".lock")));
}

TEST_CASE("a binding that leads where nobody answers is replaced by a takeover alone") {
  World world;
  HungServer server(world.home / "hung");
  NEEDS(server);
  world.MakeParent();
  MakeLink(world.home / "hung/dir", world.binding);
  EnsureResult result;
  HeldDirectories held;
  CHECK(GaveUp(Ensure(world.paths(), {}, &result), Subject::kBinding));
  CHECK(GaveUp(HoldBinding(world.paths(), {}, &held), Subject::kBinding));
  CHECK_FALSE(Exists(world.InParent(".lock")));
  EnsureOptions options;
  options.takeover = true;
  CHECK(Ensure(world.paths(), options, &result).ok());
  CHECK(result == EnsureResult::kReplaced);
  CHECK(IsSameDirectory(world.binding, world.real_dir));
}

TEST_CASE("many bindings are ensured though some do not answer, which are waited for together") {
  World world;
  HungServer server(world.home / "hung");
  NEEDS(server);
  world.MakeParent();
  std::string hung = world.home / "hung/dir";
  std::vector<Box> boxes;
  for (int i = 0; i < 24; i++) {
    std::string id = "box" + std::to_string(i);
    boxes.push_back(world.Sibling(id, i % 3 == 1 ? hung : world.real_dir));
    if (i % 2 == 0 || i % 3 == 2) MakeLink(i % 3 == 0 ? world.real_dir : hung, boxes[i].binding);
  }
  std::vector<BatchItem> items;
  items.reserve(boxes.size());
  for (const Box& box : boxes) items.push_back({box.paths(), EnsureResult::kUnchanged, {}, false});
  int64_t began = MonotonicNs();
  EnsureAll(items.data(), items.size(), {});
  // Sixteen of them: one after another, they would take 32 seconds.
  CHECK(MonotonicNs() - began < 15'000'000'000);
  for (size_t i = 0; i < items.size(); i++) {
    CAPTURE(i);
    if (i % 3 == 0) CHECK(items[i].status.ok());
    if (i % 3 == 1) CHECK(GaveUp(items[i].status, Subject::kRealDir));
    if (i % 3 == 2) CHECK(GaveUp(items[i].status, Subject::kBinding));
  }
}

TEST_CASE("a binding is not removed for a real directory that does not answer") {
  World world;
  HungServer server(world.home / "hung");
  NEEDS(server);
  world.MakeParent();
  MakeLink(world.real_dir, world.binding);
  world.real_dir = world.home / "hung/dir";
  RemoveResult result;
  CHECK(GaveUp(Remove(world.paths(), 0, &result), Subject::kRealDir));
  CHECK(Exists(world.binding));
}

#endif

}  // namespace
}  // namespace boxsockets::test
