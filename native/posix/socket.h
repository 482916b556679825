// Unix sockets by path: addresses that are never cut, and whether somebody holds one.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>

#include "fd.h"
#include "status.h"

namespace boxsockets {

inline constexpr size_t kSunPathCapacity = sizeof(sockaddr_un::sun_path);

// Bytes of the longest path, without a NUL. Linux lets it fill sun_path (unix(7)). XNU takes up to
// 253 bytes, but programs there keep a byte of sun_path for the NUL: a longer path could be bound,
// and dialed by nobody else.
#if defined(__linux__)
inline constexpr size_t kLongestPath = kSunPathCapacity;
#else
inline constexpr size_t kLongestPath = kSunPathCapacity - 1;
#endif

// Numbered as SOCKET_TYPES in lib/native/contract.ts.
enum class SocketType : uint8_t { kStream, kDatagram, kSeqpacket };

// An AF_UNIX address. It has room beyond sun_path, so that a measurement may leave the judgement of
// a long path to the kernel; every other caller is held to kLongestPath.
class Address {
 public:
  // Refused with ENAMETOOLONG where the path has more than `longest` bytes; nothing is ever cut.
  // Refused with ENOENT where it is empty: to Linux that is the wish for any abstract address
  // (unix(7)).
  static Status Make(const char* path, size_t longest, const char* syscall, Address* out);

  const sockaddr* get() const { return &storage_.generic; }
  socklen_t size() const { return size_; }

  static constexpr size_t kLongest = 255;

 private:
  union {
    sockaddr generic;
    sockaddr_un unix_address;
    char bytes[offsetof(sockaddr_un, sun_path) + kLongest + 1];
  } storage_;
  socklen_t size_ = 0;
};

enum class Blocking : uint8_t { kYes, kNo };

// A socket that is closed on exec.
Status OpenSocket(SocketType type, Fd* out, Blocking blocking = Blocking::kYes);

Status Connect(const Fd& socket, const char* path, size_t longest);

// Binds `socket` to `path`, its file never open to more than `mode` (on Linux; elsewhere from
// RepairMode on). The umask may take bits away: RepairMode gives them back. EADDRINUSE where
// anything bears that name, a link that leads to nothing included.
Status BindWithMode(const Fd& socket, const char* path, size_t longest, mode_t mode);

// Gives the socket file `leaf` in `directory`, whose state is `st`, exactly `mode`. Refused with
// kMisplaced where it is not that file any more: never changes what a link leads to.
Status RepairMode(int directory, const char* leaf, const struct stat& st, mode_t mode);

}  // namespace boxsockets
