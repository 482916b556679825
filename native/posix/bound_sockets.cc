// /proc/net/unix, and whose sockets they are.
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "directory.h"
#include "judgement.h"
#include "lines.h"
#include "numbered_path.h"
#include "syscalls.h"

namespace boxsockets {

#if defined(__linux__)

namespace {

// `0000000000000000: 00000002 00000000 00010000 0001 01 12345 /path`: the number of the socket is
// the seventh field, the path all that follows, and a socket without one ends there. An accepted
// connection keeps its listener's path, and holds nothing: nobody can dial it.
void TellLine(char* line, void* context, BoundSockets::Seen seen) {
  constexpr int kType = 4, kState = 5, kNumber = 6;
  constexpr long kConnected = 3;  // SS_CONNECTED, include/uapi/linux/net.h
  long type = 0, state = 0;
  char* at = line;
  for (int field = 0; field < kNumber; field++) {
    if (field == kType) type = strtol(at, nullptr, 16);
    if (field == kState) state = strtol(at, nullptr, 16);
    at = strchr(at, ' ');
    if (at == nullptr) return;
    while (*at == ' ') at++;
  }
  if (type != SOCK_DGRAM && state == kConnected) return;
  char* end;
  uint64_t socket = strtoull(at, &end, 10);
  if (end[0] == ' ' && end[1] == '/') seen(context, end + 1, socket);
}

// Where there is no such table, or whose it is has ended, or is hidden from us.
bool HasNoTable(int errnum) {
  return IsGone(errnum) || errnum == EACCES || errnum == ESRCH || errnum == EINVAL;
}

Status ReadTable(const char* path, void* context, BoundSockets::Seen seen) {
  Fd fd(RetryInterrupted([&] { return open(path, O_RDONLY | O_CLOEXEC); }));
  if (!fd.valid()) {
    return HasNoTable(errno) ? Status::Ok() : Status::Failed("open", Subject::kNone);
  }
  bool whole = ForEachLine(fd.get(), '\n', [&](char* line) { TellLine(line, context, seen); });
  return whole ? Status::Ok() : Status::Failed("read", Subject::kNone);
}

// The number in `net:[4026531840]`, `socket:[12345]`; 0 where it is of another kind.
uint64_t NumberIn(const char* link, const char* kind) {
  char target[64];
  ssize_t size = readlink(link, target, sizeof target - 1);
  if (size < 0) return 0;
  target[size] = '\0';
  size_t prefix = strlen(kind);
  bool matches = strncmp(target, kind, prefix) == 0 && target[prefix] == ':';
  return matches ? strtoull(target + prefix + 2, nullptr, 10) : 0;
}

// Visits the entries of a directory that are numbers: processes, threads, descriptors. The threads
// of a process are visited where it says false, as of one whose first thread has ended before them.
using Visit = bool (*)(void* context, int number, int process);
Status ForEachNumber(const char* path, void* context, Visit visit, int process = 0) {
  Directory directory;
  Status status = directory.Open(AT_FDCWD, path, Subject::kNone);
  if (!status.ok()) return status;
  while (const dirent* entry = directory.Next(&status)) {
    char* end;
    int number = static_cast<int>(strtol(entry->d_name, &end, 10));
    if (*end != '\0') continue;
    if (visit(context, number, process == 0 ? number : process) || process != 0) continue;
    ForEachNumber(NumberedPath("/proc/", number, "/task").c_str(), context, visit, number);
  }
  return status;
}

// The tables of the network namespaces that are not known yet.
struct Others {
  Status status;
  Vec<uint64_t> known;
  void* context;
  BoundSockets::Seen seen;

  void Know(uint64_t space) {
    if (!known.Append(space)) status = Status::OutOfMemory();
  }
  uint64_t SpaceAt(const char* link) {
    errno = 0;
    uint64_t space = NumberIn(link, "net");
    if (errno != 0 && !HasNoTable(errno)) status = Status::Failed("readlink", Subject::kNone);
    return space;
  }

  static bool LookAt(void* data, int pid, int) {
    Others& self = *static_cast<Others*>(data);
    if (self.status.ok()) self.ReadTableOf(pid);
    return true;
  }
  void ReadTableOf(int pid) {
    uint64_t space = SpaceAt(NumberedPath("/proc/", pid, "/ns/net").c_str());
    for (uint64_t other : known) {
      if (other == space) return;
    }
    if (space == 0) return;
    status = ReadTable(NumberedPath("/proc/", pid, "/net/unix").c_str(), context, seen);
    if (status.ok()) Know(space);
  }
};

struct Holding {
  void* context;
  BoundSockets::Holds holds;
  int process;
  const char* directory;
  bool any;

  static bool Tell(void* data, int fd, int) {
    Holding& self = *static_cast<Holding*>(data);
    self.any = true;
    uint64_t socket = NumberIn(NumberedPath(self.directory, fd).c_str(), "socket");
    if (socket != 0) self.holds(self.context, self.process, socket);
    return true;
  }
  static bool LookAt(void* data, int thread, int process) {
    NumberedPath directory("/proc/", thread, "/fd/");
    Holding& self = *static_cast<Holding*>(data);
    self = {self.context, self.holds, process, directory.c_str(), false};
    return !ForEachNumber(directory.c_str(), data, Tell).ok() || self.any;
  }
};

}  // namespace

Status BoundSockets::Read(bool everywhere, void* context, Seen seen) {
  Status status = ReadTable("/proc/net/unix", context, seen);
  if (!everywhere || !status.ok()) return status;
  Others others = {{}, {}, context, seen};
  others.Know(others.SpaceAt("/proc/self/ns/net"));
  status = ForEachNumber("/proc", &others, Others::LookAt);
  if (!others.status.ok()) return others.status;
  return HasNoTable(status.errnum) ? Status::Ok() : status;
}

void BoundSockets::ForEachHolder(void* context, Holds holds) {
  Holding holding = {context, holds, 0, nullptr, false};
  ForEachNumber("/proc", &holding, Holding::LookAt);
}

int64_t BoundSockets::HolderOf(uint64_t socket) {
  struct Sought {
    uint64_t socket;
    int64_t pid;
  } sought = {socket, 0};
  ForEachHolder(&sought, [](void* context, int64_t pid, uint64_t number) {
    Sought* one = static_cast<Sought*>(context);
    if (number == one->socket && one->pid == 0) one->pid = pid;
  });
  return sought.pid;
}

#else

Status BoundSockets::Read(bool, void*, Seen) { return Status::Ok(); }
void BoundSockets::ForEachHolder(void*, Holds) {}
int64_t BoundSockets::HolderOf(uint64_t) { return 0; }

#endif

}  // namespace boxsockets
