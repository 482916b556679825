// libSystem's processes, clocks and chance, over Linux.
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <fstream>

#include "abi.h"
#include "end.h"
#include "machine.h"
#include "rules.h"

namespace darwin {
namespace {

constexpr uint64_t kFailed = static_cast<uint64_t>(-1);

struct Process {
  char state = '\0';  // as in /proc; none where there is no such process
  long long start = 0;  // ticks since boot
};

Process ReadProcess(int pid) {
  Process process;
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  if (!std::getline(in, text)) return process;
  // After the name, which may hold anything: field 3 is the state, 22 the start.
  size_t at = text.rfind(')') + 2;
  process.state = text[at];
  for (int field = 3; field < 22; field++) at = text.find(' ', at) + 1;
  process.start = atoll(text.c_str() + at);
  return process;
}

long long BootTime() {
  std::ifstream in("/proc/stat");
  long long value = 0;
  for (std::string word; in >> word;) {
    if (word == "btime" && in >> value) break;
  }
  return value;
}

// kern.proc.pid, the only one that is known.
uint64_t Sysctl(const Call& call) {
  const auto* name = static_cast<const int*>(call.memory(0, 4 * sizeof(int)));
  if (call.word(1) != 4 || name[0] != 1 || name[1] != 14 || name[2] != 1) End("sysctl: not kern.proc.pid");
  if (call.arg(4) != 0) End("sysctl: a new value");
  auto* size = call.out<uint64_t>(3);
  Process process = ReadProcess(name[3]);
  if (process.state == '\0') {
    Took(Rule::kNoProcess);
    *size = 0;
    return 0;
  }
  if (*size < kProcessSize) return Fail(ENOMEM);
  static const long long boot = BootTime();
  const long ticks = sysconf(_SC_CLK_TCK);
  auto* out = static_cast<uint8_t*>(call.memory(2, kProcessSize));
  memset(out, 0xee, kProcessSize);
  int64_t seconds = boot + process.start / ticks;
  int32_t started[2] = {static_cast<int32_t>(process.start % ticks * (1000000 / ticks)), 0};
  memcpy(out + kProcessStart, &seconds, sizeof seconds);
  memcpy(out + kProcessStart + 8, started, sizeof started);
  out[kProcessState] = static_cast<uint8_t>(process.state == 'Z' ? kZombie : kRunning);
  memcpy(out + kProcessPid, &name[3], sizeof(int));
  *size = kProcessSize;
  return 0;
}

// Numbers up to SIGTERM are the same, but for these: what we send is among them.
bool IsSameSignal(int signal) {
  return signal == 0 || signal == SIGHUP || signal == SIGINT || signal == SIGQUIT || signal == SIGKILL || signal == SIGTERM;
}

uint64_t Kill(const Call& call) {
  int pid = call.number(0), signal = call.number(1);
  if (!IsSameSignal(signal)) End("kill: signal " + std::to_string(signal));
  if (IsOn("CONFINE") && signal != 0) End("a signal to a process outside of the scene");
  return Result(kill(pid, signal));
}

uint64_t ClockGettime(const Call& call) {
  int clock = call.number(0);
  if (clock != 0 && clock != 6) End("clock_gettime: clock " + std::to_string(clock));
  return Result(clock_gettime(clock == 6 ? CLOCK_MONOTONIC : CLOCK_REALTIME, call.out<timespec>(1)));
}

uint64_t RandomBelow(const Call& call) {
  uint32_t bound = call.word(0), value;
  if (bound < 2) return 0;
  do {
    if (getrandom(&value, sizeof value, 0) != sizeof value) End("no chance");
  } while (value >= UINT32_MAX - UINT32_MAX % bound);
  return value % bound;
}

}  // namespace

void AddProcesses(Symbols& symbols) {
  symbols["_sysctl"] = Sysctl;
  symbols["_kill"] = Kill;
  symbols["_clock_gettime"] = ClockGettime;
  symbols["_nanosleep"] = [](const Call& c) {
    return Result(nanosleep(c.out<timespec>(0), c.arg(1) == 0 ? nullptr : c.out<timespec>(1)));
  };
  symbols["_arc4random_uniform"] = RandomBelow;
  symbols["_getpid"] = [](const Call&) -> uint64_t { return static_cast<uint64_t>(getpid()); };
  symbols["_getuid"] = [](const Call&) -> uint64_t { return getuid(); };
  symbols["_geteuid"] = [](const Call&) -> uint64_t { return geteuid(); };
  symbols["_getgid"] = [](const Call&) -> uint64_t { return getgid(); };
  symbols["_getegid"] = [](const Call&) -> uint64_t { return getegid(); };
}

}  // namespace darwin
