#include "intercept.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <utility>

// There where coverage is measured: it opens a file of its own, in its own way.
extern "C" int __llvm_profile_write_file() __attribute__((weak));  // NOLINT

namespace boxsockets::test {
namespace {

Intercept* active = nullptr;

// Where it is looked for what lies below /proc, where it is not empty.
std::string proc;

// Whether the call is to fail; errno is set then.
bool Fails(const char* name) {
  if (active == nullptr) return false;
  int before = errno;
  int errnum = active->Consult(name);
  errno = errnum == 0 ? before : errnum;
  return errnum != 0;
}

// The path, or that of the test's own /proc.
std::string Led(const char* path) {
  bool below = !proc.empty() && path != nullptr && strncmp(path, "/proc", 5) == 0;
  return below ? proc + (path + 5) : path == nullptr ? "" : path;
}

// Whoever makes a descriptor says so, or every program that the host starts gets it.
void RequireCloseOnExec(bool said, const char* name) {
  if (said || __llvm_profile_write_file != nullptr) return;
  fprintf(stderr, "%s without close-on-exec\n", name);
  abort();
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
  // Most of what allocates is a test, and whether a thread is asked depends on what the kernel
  // knows by heart at that moment.
  bool left_out = strcmp(name, "malloc") == 0 || strcmp(name, "pthread_create") == 0;
  if (name_ == "*" ? left_out : name_ != name) return 0;
  calls_++;
  Intercept* self = active;
  active = nullptr;
  int errnum = hook_(calls_, name);
  active = self;
  return errnum;
}

OwnProc::OwnProc() { proc = directory_.path(); }

OwnProc::~OwnProc() { proc.clear(); }

std::string OwnProc::Path(const std::string& entry) const {
  for (size_t at = entry.find('/'); at != std::string::npos; at = entry.find('/', at + 1)) {
    mkdir((directory_ / entry.substr(0, at)).c_str(), 0700);
  }
  unlink((directory_ / entry).c_str());
  return directory_ / entry;
}

void OwnProc::File(const std::string& entry, const std::string& text) const {
  MakeFile(Path(entry), text);
}

void OwnProc::Link(const std::string& entry, const std::string& target) const {
  MakeLink(target, Path(entry));
}

void OwnProc::Listens(const std::vector<std::string>& sockets) const {
  std::string text;
  for (const std::string& socket : sockets) {
    text += "0000000000000000: 00000002 00000000 00010000 0001 01 " + socket + "\n";
  }
  File("net/unix", text);
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
     (fd, address, size, flags),
     boxsockets::test::RequireCloseOnExec((flags & SOCK_CLOEXEC) != 0, "accept4"));
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
WRAP(int, -1, lstat, (const char* path, struct stat* st), (path, st), {
  constexpr int64_t kSecond = 1'000'000'000;
  int64_t time = boxsockets::test::change_time;
  if (time != 0) st->st_ctim = {time / kSecond, time % kSecond};
});
WRAP(void*, nullptr, malloc, (size_t size), (size));
WRAP(int, -1, mkdir, (const char* path, mode_t mode), (path, mode));
WRAP(int, -1, mkdirat, (int at, const char* path, mode_t mode), (at, path, mode));
WRAP(ssize_t, -1, pread, (int fd, void* data, size_t size, off_t at), (fd, data, size, at));
WRAP(ssize_t, -1, read, (int fd, void* data, size_t size), (fd, data, size));
WRAP(struct dirent*, nullptr, readdir, (DIR * dir), (dir), {
  if (result != nullptr && boxsockets::test::readdir_hides_types) result->d_type = DT_UNKNOWN;
});
WRAP(ssize_t, -1, readlink, (const char* path, char* target, size_t size),
     (boxsockets::test::Led(path).c_str(), target, size));
WRAP(ssize_t, -1, readlinkat, (int at, const char* path, char* target, size_t size),
     (at, path, target, size));
WRAP(int, errno, pthread_create,
     (pthread_t * thread, const pthread_attr_t* attributes, void* (*work)(void*), void* data),
     (thread, attributes, work, data));
WRAP(void*, nullptr, realloc, (void* data, size_t size), (data, size));
WRAP(ssize_t, -1, recv, (int fd, void* data, size_t size, int flags), (fd, data, size, flags));
WRAP(int, -1, renameat, (int from_at, const char* from, int to_at, const char* to),
     (from_at, from, to_at, to));
WRAP(ssize_t, -1, send, (int fd, const void* data, size_t size, int flags),
     (fd, data, size, flags));
WRAP(int, -1, socket, (int domain, int type, int protocol), (domain, type, protocol),
     boxsockets::test::RequireCloseOnExec((type & SOCK_CLOEXEC) != 0, "socket"));
WRAP(int, -1, stat, (const char* path, struct stat* st), (boxsockets::test::Led(path).c_str(), st));
WRAP(int, -1, statfs, (const char* path, struct statfs* fs), (path, fs), {
  if (boxsockets::test::statfs_type != 0) fs->f_type = boxsockets::test::statfs_type;
});
WRAP(int, -1, symlinkat, (const char* target, int at, const char* path), (target, at, path));
extern "C" int __real_nanosleep(const struct timespec* pause, struct timespec* left);
extern "C" int __wrap_nanosleep(const struct timespec* pause, struct timespec* left) {
  int64_t wish = pause->tv_sec * 1'000'000'000 + pause->tv_nsec;
  boxsockets::test::sleeps++;
  if (wish > boxsockets::test::longest_sleep) boxsockets::test::longest_sleep = wish;
  return __real_nanosleep(pause, left);
}
// openat2(2), which changes nothing, goes by a name of its own.
extern "C" long __real_syscall(long number, long a, long b, long c, long d, long e);
extern "C" long __wrap_syscall(long number, long a, long b, long c, long d, long e) {
  constexpr long kOpenat2 = 437;
  bool fails = boxsockets::test::Fails(number == kOpenat2 ? "openat2" : "syscall");
  uint64_t how = O_CLOEXEC;  // struct open_how begins with the flags
  // NOLINTNEXTLINE(performance-no-int-to-ptr): syscall(2) takes its pointers so
  if (number == kOpenat2 && c != 0) memcpy(&how, reinterpret_cast<const void*>(c), sizeof how);
  boxsockets::test::RequireCloseOnExec((how & O_CLOEXEC) != 0, "openat2");
  return fails ? -1 : __real_syscall(number, a, b, c, d, e);
}
WRAP(int, -1, unlink, (const char* path), (path));
WRAP(int, -1, unlinkat, (int at, const char* path, int flags), (at, path, flags));
WRAP(int, -1, utimensat, (int at, const char* path, const struct timespec* times, int flags),
     (at, path, times, flags));
WRAP(ssize_t, -1, write, (int fd, const void* data, size_t size), (fd, data, size));

// The variable argument is a mode, or that of fcntl, and as wide as a long.
#define WRAP_VARIADIC(name, parameters, last, said, arguments) \
  extern "C" int __real_##name parameters;                     \
  extern "C" int __wrap_##name parameters {                    \
    va_list list;                                              \
    va_start(list, last);                                      \
    long more = va_arg(list, long);                            \
    va_end(list);                                              \
    if (boxsockets::test::Fails(#name)) return -1;             \
    boxsockets::test::RequireCloseOnExec(said, #name);         \
    return __real_##name arguments;                            \
  }                                                            \
  static_assert(true, "takes a semicolon")

WRAP_VARIADIC(open, (const char* path, int flags, ...), flags, (flags & O_CLOEXEC) != 0,
              (boxsockets::test::Led(path).c_str(), flags, more));
WRAP_VARIADIC(openat, (int at, const char* path, int flags, ...), flags, (flags & O_CLOEXEC) != 0,
              (at, boxsockets::test::Led(path).c_str(), flags, more));
WRAP_VARIADIC(fcntl, (int fd, int command, ...), command, command != F_DUPFD, (fd, command, more));
// NOLINTEND(bugprone-reserved-identifier)
