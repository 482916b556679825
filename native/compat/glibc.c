// Only in the glibc prebuilds: what makes them load, and work, with every glibc from 2.17 on and with nothing else.

#include <sys/stat.h>

#if defined(__x86_64__)
#define STAT_VERSION 1
#elif defined(__aarch64__)
#define STAT_VERSION 0
#else
#error "the version of struct stat is not known for this architecture"
#endif

// musl answers to the name libc.so.6 as well, and what it lacks of glibc might one day not be among what we call. This it
// never has. So glibc's binary is refused there for certain, and the loader goes on to musl's.
const char* gnu_get_libc_version(void);
__attribute__((used, retain)) static const char* (*const only_with_glibc)(void) = gnu_get_libc_version;

// glibc before 2.33 had no stat() in the library itself: each program brought its own, a call of __xstat(). The one that
// zig 0.12 brings makes the system call by itself and stores errno in a variable of its own, so that the caller reads
// whatever errno was before. These replace it.
#define HIDDEN __attribute__((visibility("hidden")))

int __xstat(int version, const char* path, struct stat* st);
int __lxstat(int version, const char* path, struct stat* st);
int __fxstat(int version, int fd, struct stat* st);
int __fxstatat(int version, int fd, const char* path, struct stat* st, int flags);

HIDDEN int stat(const char* restrict path, struct stat* restrict st) {
  return __xstat(STAT_VERSION, path, st);
}

HIDDEN int lstat(const char* restrict path, struct stat* restrict st) {
  return __lxstat(STAT_VERSION, path, st);
}

HIDDEN int fstat(int fd, struct stat* st) { return __fxstat(STAT_VERSION, fd, st); }

HIDDEN int fstatat(int fd, const char* restrict path, struct stat* restrict st, int flags) {
  return __fxstatat(STAT_VERSION, fd, path, st, flags);
}
