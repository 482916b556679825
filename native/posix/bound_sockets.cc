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

Status ForEachProcess(void* context, void (*visit)(void* context, int pid)) {
  Directory processes;
  Status status = processes.Open(AT_FDCWD, "/proc", Subject::kNone);
  if (!status.ok()) return HasNoTable(status.errnum) ? Status::Ok() : status;
  while (const dirent* entry = processes.Next(&status)) {
    int pid = static_cast<int>(strtol(entry->d_name, nullptr, 10));
    if (pid > 0) visit(context, pid);
  }
  return status;
}

bool Contains(const Vec<uint64_t>& numbers, uint64_t number) {
  for (uint64_t known : numbers) {
    if (known == number) return true;
  }
  return false;
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

  static void Tell(void* data, int pid) {
    Others& others = *static_cast<Others*>(data);
    if (!others.status.ok()) return;
    uint64_t space = others.SpaceAt(NumberedPath("/proc/", pid, "/ns/net").c_str());
    if (space == 0 || Contains(others.known, space)) return;
    NumberedPath table("/proc/", pid, "/net/unix");
    others.status = ReadTable(table.c_str(), others.context, others.seen);
    if (others.status.ok()) others.Know(space);
  }
};

struct Holding {
  void* context;
  BoundSockets::Holds holds;

  static void Tell(void* data, int pid) {
    const Holding& holding = *static_cast<Holding*>(data);
    Directory descriptors;
    Status status =
        descriptors.Open(AT_FDCWD, NumberedPath("/proc/", pid, "/fd").c_str(), Subject::kNone);
    if (!status.ok()) return;
    while (const dirent* entry = descriptors.Next(&status)) {
      NumberedPath directory("/proc/", pid, "/fd/");
      int fd = static_cast<int>(strtol(entry->d_name, nullptr, 10));
      uint64_t number = NumberIn(NumberedPath(directory.c_str(), fd).c_str(), "socket");
      if (number != 0) holding.holds(holding.context, pid, number);
    }
  }
};

}  // namespace

Status BoundSockets::Read(bool everywhere, void* context, Seen seen) {
  Status status = ReadTable("/proc/net/unix", context, seen);
  if (!everywhere || !status.ok()) return status;
  Others others = {{}, {}, context, seen};
  others.Know(others.SpaceAt("/proc/self/ns/net"));
  status = ForEachProcess(&others, Others::Tell);
  return others.status.ok() ? status : others.status;
}

void BoundSockets::ForEachHolder(void* context, Holds holds) {
  Holding holding = {context, holds};
  ForEachProcess(&holding, Holding::Tell);
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
