// Processes told apart by number and start time.
#include "../posix/process.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "support.h"

#if defined(__linux__)
#include <sys/prctl.h>
#endif

namespace boxsockets::test {
namespace {

int64_t StartOf(pid_t pid) {
  int64_t start_time = 0;
  CHECK(StartTime(pid, &start_time).ok());
  return start_time;
}

// A child that waits until it is told to end.
struct Waiting {
  Signal end;
  Child child{[this] {
    end.Await();
    return 0;
  }};
};

TEST_CASE("a process that runs has a start time, the same at every look") {
  int64_t mine = StartOf(getpid());
  CHECK(mine > 0);
  CHECK(StartOf(getpid()) == mine);
  Waiting waiting;
  CHECK(StartOf(waiting.child.pid()) >= mine);
  waiting.end.Send();
}

TEST_CASE("a process that has ended, also before it is waited for, does not run") {
  Child child([] { return 0; });
  while (child.IsRunning()) usleep(1000);
  CHECK(StartOf(child.pid()) == kNotRunning);  // a zombie
  pid_t pid = child.pid();
  child.Wait();
  CHECK(StartOf(pid) == kNotRunning);
}

TEST_CASE("numbers that no process has do not run") {
  for (pid_t pid : {0, -1, -4711, 0x7fffffff}) {
    CAPTURE(pid);
    CHECK(StartOf(pid) == kNotRunning);
    bool sent = true;
    CHECK(SignalProcess(pid, kNotRunning, SIGKILL, &sent).ok());
    CHECK_FALSE(sent);
  }
}

#if defined(__linux__)

TEST_CASE("a process cannot hide its start time behind its name") {
  int64_t mine = StartOf(getpid());
  char before[16];
  REQUIRE(prctl(PR_GET_NAME, before) == 0);
  for (const char* name : {") Z 1 1 1 1", "a b c", "((((", "))))", ") X", "\n) Z", ""}) {
    REQUIRE(prctl(PR_SET_NAME, name) == 0);
    CAPTURE(name);
    CHECK(StartOf(getpid()) == mine);
  }
  prctl(PR_SET_NAME, before);
}

#endif

TEST_CASE("a signal reaches the process of that number and start time") {
  Waiting waiting;
  bool sent = false;
  CHECK(SignalProcess(waiting.child.pid(), StartOf(waiting.child.pid()), SIGKILL, &sent).ok());
  CHECK(sent);
  CHECK(waiting.child.Wait() == -1);
}

TEST_CASE("a signal does not reach a process that started at another time") {
  Waiting waiting;
  bool sent = true;
  int64_t start_time = StartOf(waiting.child.pid());
  for (int64_t other : {start_time - 1, start_time + 1, int64_t{0}, kNotRunning}) {
    CHECK(SignalProcess(waiting.child.pid(), other, SIGKILL, &sent).ok());
    CHECK_FALSE(sent);
  }
  waiting.end.Send();
  CHECK(waiting.child.Wait() == 0);
}

TEST_CASE("a signal does not reach a zombie") {
  Waiting waiting;
  int64_t start_time = StartOf(waiting.child.pid());
  waiting.end.Send();
  while (waiting.child.IsRunning()) usleep(1000);
  bool sent = true;
  CHECK(SignalProcess(waiting.child.pid(), start_time, SIGTERM, &sent).ok());
  CHECK_FALSE(sent);
}

TEST_CASE("a process that may not be signalled says so") {
  SKIP_UNLESS(IsRoot(), "needs root, to act as two users");
  Waiting waiting;
  int64_t start_time = StartOf(waiting.child.pid());
  {
    AsUser user(AsUser::Ordinary());
    bool sent = true;
    CHECK(HasFailed(SignalProcess(waiting.child.pid(), start_time, SIGKILL, &sent), EPERM));
    CHECK_FALSE(sent);
  }
  waiting.end.Send();
  CHECK(waiting.child.Wait() == 0);
}

#if defined(__linux__)

// A process whose environment is this one, from its start on.
class WithEnvironment {
 public:
  explicit WithEnvironment(std::vector<std::string> entries) : entries_(std::move(entries)) {
    int32_t last = 0;
    // A process has its own only when it is another program.
    while (last != child_.pid()) {
      last = child_.pid();
      REQUIRE(KeepThoseWith("LAST=one", &last, 1).ok());
    }
  }
  ~WithEnvironment() { child_.Kill(); }
  WithEnvironment(const WithEnvironment&) = delete;
  WithEnvironment& operator=(const WithEnvironment&) = delete;
  int32_t pid() const { return child_.pid(); }

 private:
  std::vector<std::string> entries_;
  Child child_{[this] {
    std::vector<char*> environment;
    for (std::string& entry : entries_) environment.push_back(entry.data());
    char last[] = "LAST=one";
    environment.push_back(last);
    environment.push_back(nullptr);
    return execle("/bin/sleep", "sleep", "600", nullptr, environment.data());
  }};
};

TEST_CASE("of some processes those are left whose environment has an entry, and just that") {
  const std::string box = "BOX=a";
  WithEnvironment has({box}), among({"A=1", box, "B="}), behind({std::string(9000, 'x'), box});
  WithEnvironment longer({"BOX=ab"}), shorter({"BOX="}), other({"XBOX=a"}), inside({"A=1 BOX=a"});
  std::vector<int32_t> pids = {has.pid(),    longer.pid(), among.pid(),  shorter.pid(),
                               behind.pid(), other.pid(),  inside.pid(), 0x7fffffff};
  const std::vector<int32_t> left = {has.pid(), 0, among.pid(), 0, behind.pid(), 0, 0, 0};
  CHECK(KeepThoseWith(box.c_str(), pids.data(), pids.size()).ok());
  CHECK(pids == left);
}

TEST_CASE("an environment that may not be read has no entry") {
  SKIP_UNLESS(IsRoot(), "needs root, to act as two users");
  WithEnvironment has({"BOX=a"});
  int32_t pid = has.pid();
  AsUser user(AsUser::Ordinary());
  CHECK(KeepThoseWith("BOX=a", &pid, 1).ok());
  CHECK(pid == 0);
}

#endif

}  // namespace
}  // namespace boxsockets::test
