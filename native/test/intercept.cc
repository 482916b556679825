#include "intercept.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

namespace boxsockets::test {
namespace {

Intercept* active = nullptr;

// Whether the call is to fail; errno is set then.
bool Fails(const char* name) {
  if (active == nullptr) return false;
  int before = errno;
  int errnum = active->Consult(name);
  errno = errnum == 0 ? before : errnum;
  return errnum != 0;
}

}  // namespace

Intercept::Intercept(std::string name, Hook hook) : name_(std::move(name)), hook_(std::move(hook)) {
  active = this;
}

Intercept::Intercept(std::string name, int number, const std::function<int()>& hook)
    : Intercept(std::move(name), [number, hook](int current, const char*) {
        return current == number ? hook() : 0;
      }) {}

Intercept::~Intercept() { active = nullptr; }

int Intercept::Consult(const char* name) {
  if (name_ != "*" && name_ != name) return 0;
  calls_++;
  Intercept* self = active;
  active = nullptr;
  int errnum = hook_(calls_, name);
  active = self;
  return errnum;
}

}  // namespace boxsockets::test

// NOLINTBEGIN(bugprone-reserved-identifier): names that ld --wrap prescribes
#define WRAP(type, failure, name, parameters, arguments, ...) \
  extern "C" type __real_##name parameters;                   \
  extern "C" type __wrap_##name parameters {                  \
    if (boxsockets::test::Fails(#name)) return failure;       \
    type result = __real_##name arguments;                    \
    __VA_ARGS__;                                              \
    return result;                                            \
  }                                                           \
  static_assert(true, "takes a semicolon")

WRAP(int, -1, accept4, (int fd, sockaddr* address, socklen_t* size, int flags),
     (fd, address, size, flags));
WRAP(int, -1, bind, (int fd, const sockaddr* address, socklen_t size), (fd, address, size));
WRAP(int, -1, chmod, (const char* path, mode_t mode), (path, mode));
WRAP(int, -1, connect, (int fd, const sockaddr* address, socklen_t size), (fd, address, size));
WRAP(int, -1, fchmod, (int fd, mode_t mode), (fd, mode));
WRAP(int, -1, fchmodat, (int at, const char* path, mode_t mode, int flags),
     (at, path, mode, flags));
WRAP(DIR*, nullptr, fdopendir, (int fd), (fd));
WRAP(int, -1, flock, (int fd, int operation), (fd, operation));
WRAP(int, -1, fstat, (int fd, struct stat* st), (fd, st));
WRAP(int, -1, fstatat, (int at, const char* path, struct stat* st, int flags),
     (at, path, st, flags));
WRAP(int, -1, ftruncate, (int fd, off_t size), (fd, size));
WRAP(int, -1, getpeername, (int fd, sockaddr* address, socklen_t* size), (fd, address, size));
WRAP(int, -1, getsockopt, (int fd, int level, int name, void* value, socklen_t* size),
     (fd, level, name, value, size));
WRAP(int, -1, kill, (pid_t pid, int signal), (pid, signal));
WRAP(int, -1, listen, (int fd, int backlog), (fd, backlog));
WRAP(int, -1, lstat, (const char* path, struct stat* st), (path, st));
WRAP(int, -1, mkdir, (const char* path, mode_t mode), (path, mode));
WRAP(int, -1, mkdirat, (int at, const char* path, mode_t mode), (at, path, mode));
WRAP(ssize_t, -1, pread, (int fd, void* data, size_t size, off_t at), (fd, data, size, at));
WRAP(ssize_t, -1, read, (int fd, void* data, size_t size), (fd, data, size));
WRAP(struct dirent*, nullptr, readdir, (DIR * dir), (dir), {
  if (result != nullptr && boxsockets::test::readdir_hides_types) result->d_type = DT_UNKNOWN;
});
WRAP(ssize_t, -1, readlink, (const char* path, char* target, size_t size), (path, target, size));
WRAP(ssize_t, -1, readlinkat, (int at, const char* path, char* target, size_t size),
     (at, path, target, size));
WRAP(void*, nullptr, realloc, (void* data, size_t size), (data, size));
WRAP(ssize_t, -1, recv, (int fd, void* data, size_t size, int flags), (fd, data, size, flags));
WRAP(int, -1, renameat, (int from_at, const char* from, int to_at, const char* to),
     (from_at, from, to_at, to));
WRAP(ssize_t, -1, send, (int fd, const void* data, size_t size, int flags),
     (fd, data, size, flags));
WRAP(int, -1, socket, (int domain, int type, int protocol), (domain, type, protocol));
WRAP(int, -1, stat, (const char* path, struct stat* st), (path, st));
WRAP(int, -1, symlinkat, (const char* target, int at, const char* path), (target, at, path));
// openat2(2), which changes nothing, goes by a name of its own.
extern "C" long __real_syscall(long number, long a, long b, long c, long d, long e);
extern "C" long __wrap_syscall(long number, long a, long b, long c, long d, long e) {
  constexpr long kOpenat2 = 437;
  bool fails = boxsockets::test::Fails(number == kOpenat2 ? "openat2" : "syscall");
  return fails ? -1 : __real_syscall(number, a, b, c, d, e);
}
WRAP(int, -1, unlink, (const char* path), (path));
WRAP(int, -1, unlinkat, (int at, const char* path, int flags), (at, path, flags));
WRAP(int, -1, utimensat, (int at, const char* path, const struct timespec* times, int flags),
     (at, path, times, flags));
WRAP(ssize_t, -1, write, (int fd, const void* data, size_t size), (fd, data, size));

// The variable argument is a mode, or that of fcntl, and as wide as a long.
#define WRAP_VARIADIC(name, parameters, last, arguments) \
  extern "C" int __real_##name parameters;               \
  extern "C" int __wrap_##name parameters {              \
    va_list list;                                        \
    va_start(list, last);                                \
    long more = va_arg(list, long);                      \
    va_end(list);                                        \
    if (boxsockets::test::Fails(#name)) return -1;       \
    return __real_##name arguments;                      \
  }                                                      \
  static_assert(true, "takes a semicolon")

WRAP_VARIADIC(open, (const char* path, int flags, ...), flags, (path, flags, more));
WRAP_VARIADIC(openat, (int at, const char* path, int flags, ...), flags, (at, path, flags, more));
WRAP_VARIADIC(fcntl, (int fd, int command, ...), command, (fd, command, more));
// NOLINTEND(bugprone-reserved-identifier)
