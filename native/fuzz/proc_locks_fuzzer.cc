// The reader of /proc/locks, given anything at all. It must find the same owner in whatever pieces
// the text arrives.
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <initializer_list>

#include "../posix/fd.h"
#include "../posix/lock_owner.h"
#include "check.h"

namespace boxsockets::fuzz {
namespace {

struct stat Lock() {
  struct stat lock = {};
  lock.st_dev = makedev(0xfe, 0x00);
  lock.st_ino = 131075;
  return lock;
}

// All of the text in as few reads as the reader makes.
int64_t OwnerAtOnce(const char* text, size_t size) {
  Fd file(memfd_create("locks", MFD_CLOEXEC));
  FUZZ_CHECK(write(file.get(), text, size) == static_cast<ssize_t>(size));
  FUZZ_CHECK(lseek(file.get(), 0, SEEK_SET) == 0);
  return LockOwnerIn(file.get(), Lock());
}

// In pieces: each read of a sequenced-packet socket returns one.
int64_t OwnerInPieces(const char* text, size_t size, size_t piece) {
  int ends[2];
  FUZZ_CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
  Fd reader(ends[0]), writer(ends[1]);
  for (size_t at = 0; at < size; at += piece) {
    size_t length = size - at < piece ? size - at : piece;
    FUZZ_CHECK(send(writer.get(), text + at, length, 0) == static_cast<ssize_t>(length));
  }
  writer.Reset();
  return LockOwnerIn(reader.get(), Lock());
}

}  // namespace
}  // namespace boxsockets::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const char* text = reinterpret_cast<const char*>(data);
  int64_t owner = boxsockets::fuzz::OwnerAtOnce(text, size);
  FUZZ_CHECK(owner == -1 || owner > 0);
  // A reader of strings stops at a NUL, which the kernel never writes; and it takes a read of
  // nothing, or of less than a packet, for the end.
  constexpr size_t kPackets = 64;
  if (memchr(text, '\0', size) != nullptr || size > 4000) return 0;
  size_t smallest = size / kPackets + 1;
  for (size_t piece : {smallest, smallest + 1, smallest + 7}) {
    FUZZ_CHECK(boxsockets::fuzz::OwnerInPieces(text, size, piece) == owner);
  }
  return 0;
}
