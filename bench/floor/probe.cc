// probe DIRECTORY BINDING NAME…: for each name a stream socket is bound, found in the directory,
// connected to, given a byte and removed. Names are those of stand-ins: nothing bears them.
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "locked.h"

namespace {

void ProbeName(const char* directory, const char* binding, const char* name) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  int size = snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", binding, name);
  auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + static_cast<size_t>(size));
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  struct stat by_path, by_directory;
  char byte = '!';

  int real = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  Must(fchmod(listener, 0600) == 0 && bind(listener, generic, length) == 0, "bind");
  Must(lstat(address.sun_path, &by_path) == 0, "lstat");
  Must(fstatat(real, name, &by_directory, AT_SYMLINK_NOFOLLOW) == 0 && Same(by_path, by_directory),
       "fstatat");
  int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  Must(listen(listener, 8) == 0 && connect(client, generic, length) == 0, "connect");
  Must(fcntl(listener, F_SETFL, O_NONBLOCK) == 0, "fcntl");
  int server = accept(listener, nullptr, nullptr);
  Must(send(client, &byte, 1, MSG_DONTWAIT) == 1 && recv(server, &byte, 1, MSG_DONTWAIT) == 1,
       "byte");
  close(server);
  close(client);
  Must(unlinkat(real, name, 0) == 0, "unlinkat");
  close(listener);
  close(real);
}

}  // namespace

int main(int argc, char** argv) {
  Must(argc > 3, "usage");
  const char* directory = argv[1];
  const char* binding = argv[2];
  return Serve([&](int64_t count) {
    struct stat by_address, real;
    for (int64_t i = 0; i < count; i++) {
      Must(stat(binding, &by_address) == 0 && stat(directory, &real) == 0 && Same(by_address, real),
           "stat");
      ReadDirectory(AT_FDCWD, directory, [](int, const char*) {});
      for (int name = 3; name < argc; name++) ProbeName(directory, binding, argv[name]);
    }
  });
}
