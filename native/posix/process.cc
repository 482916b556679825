#include "process.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__linux__)
#include <fcntl.h>
#include <sys/syscall.h>
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#endif

#include "fd.h"
#include "lines.h"
#include "numbered_path.h"
#include "paths.h"
#include "syscalls.h"
#include "watch.h"

namespace boxsockets {
namespace {

Status SignalByNumber(pid_t pid, int signal, bool* sent) {
  *sent = kill(pid, signal) == 0;
  return *sent || errno == ESRCH ? Status::Ok() : Status::Failed("kill", Subject::kNone);
}

#if defined(__linux__)

// The same on every architecture, and missing from headers older than the calls.
constexpr long kPidfdOpen = 434;
constexpr long kPidfdSendSignal = 424;

// The fields of proc(5): `4711 (a (strange) name) S 1 …`. Anybody may put spaces and parentheses
// into the name; no later field has any. The state is that of the first thread, which may have
// ended before the others: what still has those runs.
int64_t StartTimeIn(const char* text) {
  constexpr int kState = 3, kThreads = 20, kStartTime = 22;
  bool ended = false;
  const char* at = strrchr(text, ')');
  if (at == nullptr) return kNotRunning;
  for (int field = kState; field <= kStartTime; field++) {
    at = strchr(at, ' ');
    if (at == nullptr) return kNotRunning;
    at++;
    if (field == kState) ended = *at == 'Z' || *at == 'X' || *at == 'x';
    if (field == kThreads && ended && strtol(at, nullptr, 10) < 2) return kNotRunning;
  }
  int64_t value = 0;
  for (; *at >= '0' && *at <= '9'; at++) {
    if (__builtin_mul_overflow(value, 10, &value)) return kNotRunning;
    if (__builtin_add_overflow(value, *at - '0', &value)) return kNotRunning;
  }
  return value;
}

struct Asked {
  int32_t pid;
  bool has;
};
using Asking = WatchOver<Asked, char[128]>;

void AskForEntry(Asking* asking, size_t index) {
  Asked& asked = (*asking)[index];
  NumberedPath path("/proc/", asked.pid, "/environ");
  Fd fd(RetryInterrupted([&] { return open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
  ForEachLine(fd.get(), '\0', [&](const char* entry) {
    asked.has = asked.has || strcmp(entry, asking->shared) == 0;
  });
}

#endif

}  // namespace

#if defined(__linux__)

Status StartTime(pid_t pid, int64_t* start_time) {
  *start_time = kNotRunning;
  if (pid <= 0) return Status::Ok();  // to kill() they are groups of processes
  NumberedPath path("/proc/", pid, "/stat");
  Fd fd;
  // Where /proc hides a process (hidepid, or no /proc at all), only a signal can tell that it is
  // there. Looked for twice, so that one which ends meanwhile is not taken for a hidden one.
  bool hidden = true;
  for (int look = 0; look < 2 && hidden; look++) {
    fd = Fd(RetryInterrupted([&] { return open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
    hidden = !fd.valid() && errno == ENOENT && (kill(pid, 0) == 0 || errno == EPERM);
  }
  if (hidden) return Status::Failed(EACCES, "open", Subject::kNone);
  char text[1024];
  auto read_all = [&] { return read(fd.get(), text, sizeof text - 1); };
  ssize_t size = fd.valid() ? RetryInterrupted(read_all) : -1;
  if (size < 0 && errno == ESRCH) return Status::Ok();  // of ENOENT, kill() has made it
  if (size < 0) return Status::Failed(fd.valid() ? "read" : "open", Subject::kNone);
  text[size] = '\0';
  *start_time = StartTimeIn(text);
  return Status::Ok();
}

Status SignalProcess(pid_t pid, int64_t start_time, int signal, bool* sent) {
  *sent = false;
  // Opened before the comparison: from then on it is this process or none.
  Fd process(static_cast<int>(syscall(kPidfdOpen, pid, 0)));
  int errnum = process.valid() ? 0 : errno;
  if (errnum == ESRCH) return Status::Ok();
  int64_t now;
  Status status = StartTime(pid, &now);
  if (now == kNotRunning || now != start_time) return status;
  // An old kernel does not know the call, and an old container runtime refuses what it does not
  // know.
  if (errnum == ENOSYS || errnum == EPERM) return SignalByNumber(pid, signal, sent);
  if (errnum != 0) return Status::Failed(errnum, "pidfd_open", Subject::kNone);
  *sent = syscall(kPidfdSendSignal, process.get(), signal, nullptr, 0) == 0;
  return *sent || errno == ESRCH ? Status::Ok()
                                 : Status::Failed("pidfd_send_signal", Subject::kNone);
}

Status KeepThoseWith(const char* entry, int32_t* pids, size_t count) {
  Asking* asking = Asking::New(count, AskForEntry);
  if (asking == nullptr) return Status::OutOfMemory();
  CopyText(entry, asking->shared, sizeof asking->shared);
  for (size_t i = 0; i < count; i++) (*asking)[i] = {pids[i], false};
  asking->Run(count, kAnswerTimeoutMs);
  for (size_t i = 0; i < count; i++) {
    pids[i] = !asking->Answered(i) ? -pids[i] : (*asking)[i].has ? pids[i] : 0;
  }
  asking->Release();
  return Status::Ok();
}

#elif defined(__APPLE__)

Status KeepThoseWith(const char*, int32_t*, size_t) {
  return Status::Failed(ENOTSUP, "open", Subject::kNone);
}

Status StartTime(pid_t pid, int64_t* start_time) {
  *start_time = kNotRunning;
  if (pid <= 0) return Status::Ok();  // to kill() they are groups of processes
  int name[] = {CTL_KERN, KERN_PROC, KERN_PROC_PID, pid};
  struct kinfo_proc info;
  size_t size = sizeof info;
  if (sysctl(name, sizeof name / sizeof *name, &info, &size, nullptr, 0) != 0) {
    return errno == ESRCH ? Status::Ok() : Status::Failed("sysctl", Subject::kNone);
  }
  // A process that is not there is an answer of no bytes.
  if (size < sizeof info || info.kp_proc.p_stat == SZOMB) return Status::Ok();
  const struct timeval& started = info.kp_proc.p_starttime;
  *start_time = static_cast<int64_t>(started.tv_sec) * 1'000'000 + started.tv_usec;
  return Status::Ok();
}

Status SignalProcess(pid_t pid, int64_t start_time, int signal, bool* sent) {
  *sent = false;
  int64_t now;
  Status status = StartTime(pid, &now);
  if (!status.ok() || now == kNotRunning || now != start_time) return status;
  return SignalByNumber(pid, signal, sent);
}

#endif

}  // namespace boxsockets
