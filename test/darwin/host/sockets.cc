// libSystem's sockets over Linux, with XNU's ways of reading and judging an address.
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "abi.h"
#include "end.h"
#include "lookup.h"
#include "machine.h"
#include "rules.h"

namespace darwin {
namespace {

constexpr uint64_t kFailed = static_cast<uint64_t>(-1);
constexpr size_t kRoom = sizeof(sockaddr_un::sun_path) - 1;

// The path in the address that the second and third argument are: up to a NUL, where there is one.
bool AddressOf(const Call& call, std::string* path) {
  uint32_t size = call.word(2);
  if (size > kLongestAddress) {
    Took(Rule::kAddressLength);
    FailAsDarwin(63);
    return false;
  }
  const auto* address = static_cast<const SockaddrUn*>(call.memory(1, size));
  if (size <= kPathOffset) return Fail(EINVAL), false;
  if (address->family != AF_UNIX) End("an address whose family is not where Darwin looks for it");
  if (address->len != size) End("an address whose sun_len is not its length");
  if (size > 106) Took(Rule::kAddressLength);
  *path = std::string(address->path, strnlen(address->path, size - kPathOffset));
  return true;
}

sockaddr_un LinuxAddress(const std::string& path) {
  sockaddr_un address = {};
  if (path.size() > kRoom) End("an address that does not fit Linux's");
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, path.data(), path.size());
  return address;
}

// The directory of a path and what is in it, by a short name while this lives.
class Entry {
 public:
  explicit Entry(const std::string& path) {
    size_t slash = path.rfind('/');
    leaf = slash == std::string::npos ? path : path.substr(slash + 1);
    std::string above = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    directory = open(above.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    prefix = "/proc/self/fd/" + std::to_string(directory) + "/";
  }
  ~Entry() {
    int errnum = errno;
    if (directory >= 0) close(directory);
    errno = errnum;
  }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  int directory;
  std::string leaf, prefix;
};

// Where a bind at that path makes its file.
std::string Followed(std::string path) {
  char target[PATH_MAX];
  for (int links = 0; links < kMostLinks; links++) {
    ssize_t size = readlink(path.c_str(), target, sizeof target - 1);
    if (size < 0) break;
    Took(Rule::kBindFollows);
    target[size] = '\0';
    size_t slash = path.rfind('/');
    path = target[0] == '/' || slash == std::string::npos ? target : path.substr(0, slash + 1) + target;
  }
  return path;
}

// The path that a peer is told must be the one that was bound, so far as Linux has room for it: a short leaf is put in
// place of one that is too long, and the file renamed; what is longer still goes by way of a descriptor. (Where a link
// was followed, XNU tells the link's path: no guest asks.)
struct Plan {
  std::string address, leaf;
};

Plan PlanOf(const std::string& text, const Entry& entry, int number) {
  if (text.size() <= kRoom) return {text, entry.leaf};
  std::string directory = text.substr(0, text.size() - entry.leaf.size()), leaf = ".~" + std::to_string(number);
  if (directory.size() + leaf.size() <= kRoom) return {directory + leaf, leaf};
  if (entry.prefix.size() + entry.leaf.size() <= kRoom) return {entry.prefix + entry.leaf, entry.leaf};
  return {entry.prefix + leaf, leaf};
}

uint64_t BindIn(int socket, const Entry& entry, const std::string& text) {
  struct stat st;
  if (entry.directory < 0) return Fail(errno);
  if (fstatat(entry.directory, entry.leaf.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) return Fail(EADDRINUSE);
  if (errno != ENOENT) return Fail(errno);
  Took(Rule::kBindMode);
  for (int number = 0;; number++) {
    Plan plan = PlanOf(text, entry, number);
    bool final = plan.leaf == entry.leaf;
    sockaddr_un address = LinuxAddress(plan.address);
    bool bound = bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    if (!bound && errno == EADDRINUSE && !final && number < 1000) continue;
    if (!bound) return Fail(errno);
    if (final) return 0;
    constexpr unsigned kNoReplace = 1;
    return Result(
        syscall(SYS_renameat2, entry.directory, plan.leaf.c_str(), entry.directory, entry.leaf.c_str(), kNoReplace));
  }
}

uint64_t Bind(const Call& call) {
  std::string text;
  if (!AddressOf(call, &text)) return kFailed;
  Path path = Lookup(AT_FDCWD, text.c_str(), Last::kFollowed);
  if (!path.ok) return kFailed;
  path.text = Followed(path.text);
  Changes(path);
  return BindIn(call.number(0), Entry(path.text), path.text);
}

// XNU never waits for room in a queue.
int ConnectAtOnce(int socket, const sockaddr_un& address) {
  int flags = fcntl(socket, F_GETFL);
  fcntl(socket, F_SETFL, flags | O_NONBLOCK);
  int result = connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  int errnum = errno;
  fcntl(socket, F_SETFL, flags);
  errno = errnum;
  return result;
}

// With DARWIN_EXCHANGE=FILE: during a connect, FILE is what FILE.other was. With DARWIN_REMOVE=FILE: after a connect, FILE
// is FILE.removed, once. So a test acts between two calls of the guest's.
class Exchanged {
 public:
  Exchanged() { Exchange(); }
  ~Exchanged() {
    int errnum = errno;
    Exchange();
    Remove();
    errno = errnum;
  }

 private:
  void Remove() {
    const char* file = getenv("DARWIN_REMOVE");
    if (file != nullptr) renameat2(AT_FDCWD, file, AT_FDCWD, (std::string(file) + ".removed").c_str(), RENAME_NOREPLACE);
  }
  void Exchange() {
    constexpr unsigned kExchange = 2;
    const char* file = getenv("DARWIN_EXCHANGE");
    if (file == nullptr) return;
    std::string other = std::string(file) + ".other";
    if (syscall(SYS_renameat2, AT_FDCWD, file, AT_FDCWD, other.c_str(), kExchange) != 0) End("nothing to exchange");
  }
};

uint64_t Connect(const Call& call) {
  Exchanged exchanged;
  std::string text;
  if (!AddressOf(call, &text)) return kFailed;
  Path path = Lookup(AT_FDCWD, text.c_str(), Last::kFollowed);
  if (!path.ok) return kFailed;
  struct stat st;
  if (stat(path.c_str(), &st) != 0) return Fail(errno);
  if (!S_ISSOCK(st.st_mode)) {
    Took(Rule::kNotASocket);
    return Fail(ENOTSOCK);
  }
  int pin = open(path.c_str(), O_PATH | O_CLOEXEC);
  if (pin < 0) return Fail(errno);
  int result = ConnectAtOnce(call.number(0), LinuxAddress("/proc/self/fd/" + std::to_string(pin)));
  int errnum = errno;
  close(pin);
  if (result == 0) return 0;
  if (errnum == EPROTOTYPE) Took(Rule::kTypeFirst);
  if (errnum != EAGAIN) return Fail(errnum);
  Took(Rule::kFullQueue);
  return Fail(ECONNREFUSED);
}

uint64_t Socket(const Call& call) {
  int type = call.number(1);
  if (call.number(0) != AF_UNIX) End("socket: a domain that is not AF_UNIX");
  // SOCK_CLOEXEC and SOCK_NONBLOCK are Linux's alone.
  if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET) End("socket: type " + std::to_string(type));
  if (type == SOCK_SEQPACKET) return Fail(EPROTONOSUPPORT);  // bsd/kern/uipc_proto.c has none
  return Result(socket(AF_UNIX, type, call.number(2)));
}

uint64_t Accept(const Call& call) {
  if (call.arg(1) != 0) End("accept: with an address");
  int fd = accept(call.number(0), nullptr, nullptr);
  if (fd >= 0 && (fcntl(call.number(0), F_GETFL) & O_NONBLOCK) != 0) {
    Took(Rule::kAcceptInherits);
    fcntl(fd, F_SETFL, O_NONBLOCK);
  }
  return Result(fd);
}

int MessageFlags(uint32_t flags) {
  if ((flags & ~0x80082u) != 0) End("flags of a message that Darwin does not know");
  return MSG_NOSIGNAL | ((flags & 0x80) != 0 ? MSG_DONTWAIT : 0) | ((flags & 0x2) != 0 ? MSG_PEEK : 0);
}

}  // namespace

void AddSockets(Symbols& symbols) {
  symbols["_socket"] = Socket;
  symbols["_bind"] = Bind;
  symbols["_connect"] = Connect;
  symbols["_accept"] = Accept;
  symbols["_listen"] = [](const Call& c) { return Result(listen(c.number(0), c.number(1))); };
  symbols["_send"] = [](const Call& c) {
    return Result(send(c.number(0), c.memory(1, c.arg(2)), c.arg(2), MessageFlags(c.word(3))));
  };
  symbols["_recv"] = [](const Call& c) {
    return Result(recv(c.number(0), c.memory(1, c.arg(2)), c.arg(2), MessageFlags(c.word(3)) & ~MSG_NOSIGNAL));
  };
  // struct pollfd and the events that POSIX names are the same.
  symbols["_poll"] = [](const Call& c) {
    return Result(poll(static_cast<pollfd*>(c.memory(0, c.word(1) * sizeof(pollfd))), c.word(1), c.number(2)));
  };
}

}  // namespace darwin
