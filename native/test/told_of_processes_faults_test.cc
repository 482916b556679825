// What is known of a process where /proc hides it, is cut, or fails, and what becomes of a signal.
// And who a user is where the kernel's files say something else.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "../posix/clock.h"
#include "../posix/process.h"
#include "../posix/user.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

bool FailedAt(const Status& status, const char* call, int errnum) {
  return HasFailed(status, errnum) && strcmp(status.syscall, call) == 0;
}

// This process, as a /proc of the test's own has it.
struct Own : OwnProc {
  Own() { File(number + "/fd", ""); }

  void Says(const std::string& text) const { File(number + "/stat", text); }
  // Of a state, a count of threads and a start time: the third field, the 20th and the 22nd.
  void Says(const std::string& state, const std::string& start_time,
            const std::string& threads = "1") const {
    Says("4711 (a (b) c) " + state + " 4 Z X x 8 9 10 11 12 13 14 15 16 17 18 19 " + threads +
         " 21 " + start_time);
  }
  Status Ask() { return StartTime(getpid(), &start_time); }
  int64_t Told() {
    start_time = 4711;
    CHECK(Ask().ok());
    return start_time;
  }

  DescriptorCheck descriptors;
  std::string number = std::to_string(getpid());
  int64_t start_time = 4711;
};

TEST_CASE("a start time is the 22nd field of a process that runs, of any size that it may have") {
  Own own;
  own.Says("S", "1029384756 23 24");
  CHECK(own.Told() == 1029384756);
  for (const char* state : {"R", "D", "T", "t", "I", "W"}) {
    own.Says(state, "9:8");
    CHECK(own.Told() == 9);
  }
  for (const char* state : {"Z", "X", "x"}) {
    CAPTURE(state);
    for (const char* threads : {"0", "1"}) {
      own.Says(state, "5", threads);
      CHECK(own.Told() == kNotRunning);
    }
    // Only its first thread has ended.
    own.Says(state, "5", "2");
    CHECK(own.Told() == 5);
  }
  own.Says("S", "9223372036854775807");
  CHECK(own.Told() == INT64_MAX);
  for (const char* large : {"9223372036854775808", "9223372036854775810", "92233720368547758070"}) {
    own.Says("S", large);
    CAPTURE(large);
    CHECK(own.Told() == kNotRunning);
  }
  for (const char* cut : {"", "4711", "4711 (name", "4711 (name)", "4711 (name) S 4 5"}) {
    own.Says(cut);
    CAPTURE(cut);
    errno = 0;
    CHECK(own.Told() == kNotRunning);
  }
  own.Says("4711 (" + std::string(2'000, 'n') + ") S");
  CHECK(own.Told() == kNotRunning);
}

TEST_CASE("a process that /proc hides is not taken for one that has ended, nor the other way") {
  Own own;
  {
    Intercept intercept("open", [](int, const char*) { return 0; });
    CHECK(FailedAt(own.Ask(), "open", EACCES));
    CHECK(own.start_time == kNotRunning);
    CHECK(intercept.calls() == 2);
  }
  {
    // Somebody else's.
    Intercept intercept("kill", [](int, const char*) { return EPERM; });
    CHECK(FailedAt(own.Ask(), "open", EACCES));
  }
  for (int ended : {1, 2}) {
    int opens = 0, kills = 0;
    Intercept intercept("*", [&](int, const char* name) {
      if (strcmp(name, "open") == 0) opens++;
      return strcmp(name, "kill") == 0 && ++kills == ended ? ESRCH : 0;
    });
    CAPTURE(ended);
    CHECK(own.Told() == kNotRunning);
    CHECK(opens == ended);
    CHECK(kills == ended);
  }
  // It is there at the second look.
  Intercept intercept("kill", 1, [&] {
    own.Says("S", "9");
    return 0;
  });
  CHECK(own.Told() == 9);
}

TEST_CASE("what fails in looking at a process is told by its call, with no start time") {
  Own own;
  {
    Intercept intercept("open", 2, [] { return EIO; });
    CHECK(FailedAt(own.Ask(), "open", EIO));
  }
  own.Says("S", "9");
  for (const char* call : {"open", "read"}) {
    CAPTURE(call);
    {
      Intercept intercept(call, 1, [] { return EIO; });
      CHECK(FailedAt(own.Ask(), call, EIO));
      CHECK(own.start_time == kNotRunning);
    }
    {
      Intercept intercept(call, 1, [] { return ESRCH; });
      CHECK(own.Told() == kNotRunning);
    }
    Intercept intercept(call, 1, [] { return EINTR; });
    CHECK(own.Told() == 9);
  }
  Intercept intercept("kill", [](int, const char*) { return 0; });
  errno = ENOENT;  // of another call
  CHECK(own.Told() == 9);
  CHECK(intercept.calls() == 0);
}

// The calls on a process by descriptor both go by `syscall`: the first opens, the second sends.
TEST_CASE("whose environment has an entry is asked, and who does not answer is told apart") {
  OwnProc own;
  own.File("51/environ", std::string("A=1\0BOX=a\0", 10));
  own.File("52/environ", std::string("BOX=b\0", 6));
  auto kept = [](int32_t pid) {
    CHECK(KeepThoseWith("BOX=a", &pid, 1).ok());
    return pid;
  };
  CHECK(kept(51) == 51);
  CHECK(kept(52) == 0);
  CHECK(kept(53) == 0);
  {
    Intercept intercept("open", 1, [] { return EINTR; });
    CHECK(kept(51) == 51);
  }
  {
    Intercept intercept("malloc", 1, [] { return ENOMEM; });
    int32_t pid = 51;
    CHECK(HasFailed(KeepThoseWith("BOX=a", &pid, 1), ENOMEM));
    CHECK(pid == 51);
  }
  Signal answer;
  Intercept intercept("open", 1, [&] {
    answer.Await();
    return 0;
  });
  CHECK(kept(51) == -51);
  answer.Send();
  while (EntriesOf("/proc/self/task").size() > 1) SleepNs(1'000'000);
}

TEST_CASE("a signal that cannot be sent is told by its call, and one that reaches nobody is fine") {
  SKIP_UNLESS(KnowsOpenat2(), "what does not know openat2 may not know pidfd_open either");
  Own own;
  own.Says("S", "9");
  bool sent = true;
  auto signal = [&] {
    sent = true;
    return SignalProcess(getpid(), 9, 0, &sent);
  };
  CHECK(signal().ok());
  CHECK(sent);
  struct Case {
    int opens, sends, kills;
    const char* told;
    int errnum;
    bool sent;
  };
  for (const Case& one :
       {Case{ESRCH, 0, 0, nullptr, 0, false}, Case{EMFILE, 0, 0, "pidfd_open", EMFILE, false},
        Case{0, ESRCH, 0, nullptr, 0, false}, Case{0, EPERM, 0, "pidfd_send_signal", EPERM, false},
        Case{ENOSYS, 0, 0, nullptr, 0, true}, Case{EPERM, 0, 0, nullptr, 0, true},
        Case{ENOSYS, 0, ESRCH, nullptr, 0, false}, Case{EPERM, 0, EPERM, "kill", EPERM, false}}) {
    int calls = 0;
    Intercept intercept("*", [&](int, const char* name) {
      if (strcmp(name, "kill") == 0) return one.kills;
      if (strcmp(name, "syscall") != 0) return 0;
      return ++calls == 1 ? one.opens : one.sends;
    });
    CAPTURE(one.opens);
    CAPTURE(one.sends);
    CAPTURE(one.kills);
    Status status = signal();
    CAPTURE(status);
    CHECK((one.told == nullptr ? status.ok() : FailedAt(status, one.told, one.errnum)));
    CHECK(sent == one.sent);
  }
  Intercept intercept("read", 1, [] { return EIO; });
  CHECK(FailedAt(signal(), "read", EIO));
  CHECK(!sent);
}

constexpr char kOverflow[] = "sys/kernel/overflowuid";

TEST_CASE("the overflow uid is what the kernel says, and the usual one where it says nothing") {
  SKIP_UNLESS(alone, kNotAlone);
  struct Case {
    const char* text;
    const char* call;
    int errnum;
    uid_t told;
  };
  for (const Case& one :
       {Case{"4711\n", "none", 0, 4711}, Case{nullptr, "none", 0, 65534},
        Case{"", "none", 0, 65534}, Case{"4711\n", "read", EIO, 65534},
        Case{"4711\n", "open", EACCES, 65534}, Case{"4711\n", "open", EINTR, 4711},
        Case{"4711\n", "read", EINTR, 4711}, Case{"4711", "none", 0, 65534}}) {
    OwnProc own;
    if (one.text != nullptr) own.File(kOverflow, one.text);
    // Each of them reads it for the first time.
    Child child([&] {
      size_t before = CountDescriptors();
      Intercept intercept(one.call, 1, [&] { return one.errnum; });
      bool told = OverflowUid() == one.told;
      bool again = OverflowUid() == one.told;
      return told && again && CountDescriptors() == before ? 0 : 1;
    });
    CAPTURE(one.text);
    CAPTURE(one.call);
    CHECK(child.Wait() == 0);
  }
}

TEST_CASE("the uids are read once, that of root too where it is zero") {
  SKIP_UNLESS(alone, kNotAlone);
  SKIP_UNLESS(IsRoot(), "needs a file of root's");
  OwnProc own;
  own.File(kOverflow, "4711\n");
  Intercept intercept("stat", [](int, const char*) { return 0; });
  CHECK(RootUid() == 0);
  CHECK(RootUid() == 0);
  CHECK(intercept.calls() == 1);
}

TEST_CASE(
    "the overflow uid stands for nobody else where the map says that it is whole, and only there") {
  OverflowUid();
  auto stands = [&](const char* text, const char* call = "none", int errnum = 0, int number = 1) {
    OwnProc own;
    if (text != nullptr) own.File("self/uid_map", text);
    Intercept intercept(call, number, [errnum] { return errnum; });
    return StandsForUnmapped(OverflowUid());
  };
  std::string whole = "         0          0 4294967295\n";
  CHECK(!stands(whole.c_str()));
  CHECK(!stands(whole.c_str(), "open", EINTR));
  CHECK(!stands(whole.c_str(), "read", EINTR));
  CHECK(!stands((whole + std::string(200, ' ')).c_str()));
  CHECK(stands(whole.c_str(), "open", EACCES));
  CHECK(stands(whole.c_str(), "read", EIO));
  CHECK(stands(whole.c_str(), "read", EIO, 2));
  for (const char* text :
       {"0 0 65536\n", "1 0 4294967295\n", "0 0 4294967295", "0 100000 65536\n65536 0 4294967295\n",
        "\n", "", static_cast<const char*>(nullptr)}) {
    CAPTURE(text);
    CHECK(stands(text));
  }
}

}  // namespace
}  // namespace boxsockets::test
