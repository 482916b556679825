// accept PATH BACKLOG: accepts whatever connects and lets go of it at once, faster than anybody
// dials. Says when it listens, and ends with its standard input.
#include <pthread.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "floor.h"

namespace {

void* AcceptAll(void* fd) {
  int listener = *static_cast<int*>(fd);
  for (;;) close(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
}

}  // namespace

int main(int argc, char** argv) {
  Must(argc == 3, "usage");
  struct sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  int length = snprintf(address.sun_path, sizeof address.sun_path, "%s", argv[1]);
  Must(length > 0 && static_cast<size_t>(length) < sizeof address.sun_path, "path");
  auto size = static_cast<socklen_t>(offsetof(struct sockaddr_un, sun_path) + length + 1);
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  Must(listener >= 0, "socket");
  Must(bind(listener, reinterpret_cast<struct sockaddr*>(&address), size) == 0, "bind");
  Must(listen(listener, atoi(argv[2])) == 0, "listen");
  puts("listening");
  fflush(stdout);
  pthread_t thread;
  Must(pthread_create(&thread, nullptr, AcceptAll, &listener) == 0, "pthread_create");
  while (getchar() != EOF) continue;
  return 0;
}
