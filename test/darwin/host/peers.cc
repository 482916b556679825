// Who is at the other end of a socket: his user, his process, and the address that he was bound by.
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>

#include "abi.h"
#include "end.h"
#include "machine.h"
#include "rules.h"

namespace darwin {
namespace {

bool Credentials(int socket, ucred* out) {
  socklen_t size = sizeof *out;
  return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, out, &size) == 0;
}

uint64_t GetPeerId(const Call& call) {
  ucred credentials;
  if (!Credentials(call.number(0), &credentials)) return Fail(errno);
  Took(Rule::kPeerId);
  *call.out<uint32_t>(1) = credentials.uid;
  *call.out<uint32_t>(2) = credentials.gid;
  return 0;
}

// LOCAL_PEERPID, the only one that is known.
uint64_t GetSockOpt(const Call& call) {
  if (call.number(1) != kSolLocal || call.number(2) != kLocalPeerPid) End("getsockopt: not LOCAL_PEERPID");
  ucred credentials;
  if (*call.out<uint32_t>(4) != sizeof(int)) return Fail(EINVAL);
  if (!Credentials(call.number(0), &credentials)) return Fail(errno);
  // With DARWIN_LAST_USER=PID, that process has used it since.
  const char* last = getenv("DARWIN_LAST_USER");
  if (last != nullptr) Took(Rule::kLastUser);
  *call.out<int>(3) = last != nullptr ? atoi(last) : credentials.pid;
  return 0;
}

bool HasClosed(int socket) {
  pollfd state = {socket, 0, 0};
  return poll(&state, 1, 0) == 1 && (state.revents & POLLHUP) != 0;
}

uint64_t GetPeerName(const Call& call) {
  sockaddr_un address = {};
  socklen_t size = sizeof address;
  if (getpeername(call.number(0), reinterpret_cast<sockaddr*>(&address), &size) != 0) return Fail(errno);
  Took(Rule::kPeerName);
  if (HasClosed(call.number(0))) return Fail(EINVAL);
  std::string text(address.sun_path, strnlen(address.sun_path, sizeof address.sun_path));
  if (text.rfind("/proc/self/fd/", 0) == 0) End("getpeername: an address that does not fit Linux's");
  SockaddrUn answer = {static_cast<uint8_t>(kPathOffset + text.size()), AF_UNIX, {}};
  memcpy(answer.path, text.data(), text.size());
  auto* room = call.out<uint32_t>(2);
  memcpy(call.memory(1, *room), &answer, std::min<size_t>(*room, answer.len));
  *room = answer.len;
  return 0;
}

// PROC_PIDVNODEPATHINFO, the only one that is known.
uint64_t ProcPidInfo(const Call& call) {
  if (call.number(1) != kVnodePathInfo || call.arg(2) != 0) End("proc_pidinfo: not PROC_PIDVNODEPATHINFO");
  if (call.word(4) != kVnodePathInfoSize) End("proc_pidinfo: a size that is not the structure's");
  char path[PATH_MAX];
  ssize_t size = readlink(("/proc/" + std::to_string(call.number(0)) + "/cwd").c_str(), path, kPathMax - 1);
  if (size < 0) return Fail(errno), 0;
  Took(Rule::kWorkingDirectory);
  path[size] = '\0';
  auto* out = static_cast<char*>(call.memory(3, kVnodePathInfoSize));
  memset(out, 0xee, kVnodePathInfoSize);
  memcpy(out + kWorkingDirectory, path, static_cast<size_t>(size) + 1);
  return kVnodePathInfoSize;
}

}  // namespace

void AddPeers(Symbols& symbols) {
  symbols["_getpeereid"] = GetPeerId;
  symbols["_getsockopt"] = GetSockOpt;
  symbols["_getpeername"] = GetPeerName;
  symbols["_proc_pidinfo"] = ProcPidInfo;
}

}  // namespace darwin
