#include "socket.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "numbered_path.h"
#include "syscalls.h"

namespace boxsockets {

Status Address::Make(const char* path, size_t longest, const char* syscall, Address* out) {
  size_t size = strlen(path);
  if (size == 0) return Status::Failed(ENOENT, syscall, Subject::kSocket);
  if (size > longest || size > kLongest) {
    return Status::Failed(ENAMETOOLONG, syscall, Subject::kSocket);
  }
  memset(&out->storage_, 0, sizeof out->storage_);
  out->storage_.unix_address.sun_family = AF_UNIX;
  memcpy(out->storage_.bytes + offsetof(sockaddr_un, sun_path), path, size);
  // Without the NUL, which the kernels add themselves: so a path may fill sun_path (unix(7)).
  out->size_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
#if defined(__APPLE__)
  out->storage_.unix_address.sun_len = static_cast<uint8_t>(out->size_);
#endif
  return Status::Ok();
}

Status OpenSocket(SocketType type, Fd* out, Blocking blocking) {
  int kind = SOCK_STREAM;
  if (type == SocketType::kDatagram) kind = SOCK_DGRAM;
  if (type == SocketType::kSeqpacket) kind = SOCK_SEQPACKET;
#if defined(SOCK_CLOEXEC)
  int flags = SOCK_CLOEXEC | (blocking == Blocking::kNo ? SOCK_NONBLOCK : 0);
  *out = Fd(socket(AF_UNIX, kind | flags, 0));
#else
  *out = Fd(socket(AF_UNIX, kind, 0));
  if (out->valid()) fcntl(out->get(), F_SETFD, FD_CLOEXEC);
  if (out->valid() && blocking == Blocking::kNo) fcntl(out->get(), F_SETFL, O_NONBLOCK);
#endif
  return out->valid() ? Status::Ok() : Status::Failed("socket", Subject::kSocket);
}

Status Connect(const Fd& socket, const char* path, size_t longest) {
  Address address;
  Status status = Address::Make(path, longest, "connect", &address);
  if (!status.ok()) return status;
  auto once = [&] { return connect(socket.get(), address.get(), address.size()); };
  return RetryInterrupted(once) == 0 ? status : Status::Failed("connect", Subject::kSocket);
}

namespace {

// A server of FUSE's that knows files alone makes one where it was asked for a socket, which the
// kernel does not take (EIO). What was there before would have been EADDRINUSE.
bool RemoveMadeFile(const char* path) {
  struct stat st;
  bool made = lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0 && st.st_nlink == 1;
  return made && unlink(path) == 0;
}

}  // namespace

Status BindWithMode(const Fd& socket, const char* path, size_t longest,
                    [[maybe_unused]] mode_t mode) {
  Address address;
  Status status = Address::Make(path, longest, "bind", &address);
  if (!status.ok()) return status;
#if defined(__linux__)
  // The file takes the socket's own mode, so that it is never open to others, not even for the
  // moment between bind and chmod.
  if (fchmod(socket.get(), mode) != 0) return Status::Failed("fchmod", Subject::kSocket);
#elif defined(__APPLE__)
  // XNU follows a link at that name, and makes the socket where it leads.
  struct stat st;
  if (lstat(path, &st) == 0) return Status::Failed(EADDRINUSE, "bind", Subject::kSocket);
#endif
  if (bind(socket.get(), address.get(), address.size()) != 0) {
    int errnum = errno;
    if (errnum == EIO && RemoveMadeFile(path)) errnum = EOPNOTSUPP;
    return Status::Failed(errnum, "bind", Subject::kSocket);
  }
  return Status::Ok();
}

Status RepairMode(int directory, const char* leaf, const struct stat& st, mode_t mode) {
  if (ModeBits(st) == mode) return Status::Ok();
#if defined(O_PATH)
  // Through a descriptor of the very file: between a look at its name and a change by its name, a
  // box could put a link there (chmod(2) follows it) or another file.
  Fd file(
      RetryInterrupted([&] { return openat(directory, leaf, O_PATH | O_NOFOLLOW | O_CLOEXEC); }));
  struct stat opened;
  if (!file.valid()) return Status::Failed("openat", Subject::kSocket);
  if (fstat(file.get(), &opened) != 0) return Status::Failed("fstat", Subject::kSocket);
  if (!S_ISSOCK(opened.st_mode) || !SameInode(opened, st)) {
    return Status::Refused(Refusal::kMisplaced, Subject::kSocket);
  }
  // fchmod refuses such a descriptor; fchmodat2, which takes it, is of Linux 6.6.
  if (chmod(NumberedPath("/proc/self/fd/", file.get()).c_str(), mode) == 0) return Status::Ok();
  return Status::Failed("chmod", Subject::kSocket);
#else
  // Of a link it would change the link's own mode, which means nothing.
  if (fchmodat(directory, leaf, mode, AT_SYMLINK_NOFOLLOW) == 0) return Status::Ok();
  return Status::Failed("fchmodat", Subject::kSocket);
#endif
}

}  // namespace boxsockets
