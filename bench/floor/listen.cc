// listen BASE PARENT BINDING REAL_DIR NAME: operations listen at a name that is free, and close:
// the binding is found right, what was bound is verified, and what is unlinked is what was bound,
// while its socket is open, so that no lock is needed.
#include <limits.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "locked.h"

namespace {

struct Paths {
  const char *base, *parent, *binding, *real_dir, *name;
};

void ListenAndClose(const Paths& paths, const struct sockaddr_un& address, socklen_t size) {
  struct stat base, parent, bound, by_path, now;
  char target[PATH_MAX];
  Must(stat(paths.base, &base) == 0 && lstat(paths.parent, &parent) == 0, "base, parent");
  ssize_t length = readlink(paths.binding, target, sizeof target);
  Must(length == static_cast<ssize_t>(strlen(paths.real_dir)) &&
           memcmp(target, paths.real_dir, static_cast<size_t>(length)) == 0,
       "binding");
  int real_dir = open(paths.real_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  Must(real_dir >= 0 && fd >= 0 && fchmod(fd, 0600) == 0, "socket");
  Must(bind(fd, reinterpret_cast<const struct sockaddr*>(&address), size) == 0, "bind");
  int pin = openat(real_dir, paths.name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  Must(pin >= 0 && fstat(pin, &bound) == 0, "pin");
  Must(lstat(address.sun_path, &by_path) == 0 && Same(by_path, bound), "verify");
  Must(listen(fd, 511) == 0, "listen");
  Must(fstatat(real_dir, paths.name, &now, AT_SYMLINK_NOFOLLOW) == 0 && Same(now, bound), "look");
  Must(unlinkat(real_dir, paths.name, 0) == 0, "unlinkat");
  close(pin);
  close(real_dir);
  close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  Must(argc == 6, "usage");
  Paths paths = {argv[1], argv[2], argv[3], argv[4], argv[5]};
  struct sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  int length =
      snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", paths.binding, paths.name);
  Must(length > 0 && static_cast<size_t>(length) < sizeof address.sun_path, "path");
  auto size = static_cast<socklen_t>(offsetof(struct sockaddr_un, sun_path) + length + 1);
  return Serve([&](int64_t count) {
    for (int64_t i = 0; i < count; i++) ListenAndClose(paths, address, size);
  });
}
