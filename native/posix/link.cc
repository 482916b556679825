#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>  // renameat
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/syscall.h>
#endif

namespace boxsockets {

HiddenName::HiddenName(const char* id, const char* ending) {
  size_t size = strnlen(id, kLongestId);
  data_[0] = '.';
  memcpy(data_ + 1, id, size);
  memcpy(data_ + 1 + size, ending, strlen(ending) + 1);
}

bool HiddenName::Is(const char* name, const char* ending) {
  size_t size = strlen(name), last = strlen(ending);
  if (name[0] != '.' || size <= last + 1 || size > 1 + kLongestId + last) return false;
  if (strcmp(name + size - last, ending) != 0) return false;
  for (size_t i = 1; i < size - last; i++) {
    bool first = i == 1;
    bool valid = IsAlphanumeric(name[i]) || name[i] == '_' || name[i] == '-' ||
                 (!first && strchr(".@+:=", name[i]) != nullptr);
    if (!valid) return false;
  }
  return true;
}

namespace {

// ENOSYS where the system has no rename that refuses to replace.
int RenameWithoutReplacing([[maybe_unused]] int parent, [[maybe_unused]] const char* from,
                           [[maybe_unused]] const char* to) {
#if defined(__linux__)
  constexpr unsigned kNoReplace = 1;
  if (syscall(SYS_renameat2, parent, from, parent, to, kNoReplace) == 0) return 0;
  // Unknown to old kernels, old container runtimes and some file systems.
  return errno == EPERM || errno == EINVAL ? ENOSYS : errno;
#else
  return ENOSYS;
#endif
}

}  // namespace

int RenameExclusively(int parent, const char* from, const char* to) {
  int errnum = RenameWithoutReplacing(parent, from, to);
  if (errnum != ENOSYS) return errnum;
  LinkText target;
  if (!target.Read(parent, from)) return errno;
  if (symlinkat(target.text(), parent, to) != 0) return errno;
  return unlinkat(parent, from, 0) == 0 ? 0 : errno;
}

namespace {

int Rename(int parent, const char* from, const char* to) {
  int errnum = RenameWithoutReplacing(parent, from, to);
  struct stat st;
  if (errnum != ENOSYS) return errnum;
  if (fstatat(parent, to, &st, AT_SYMLINK_NOFOLLOW) == 0) return EEXIST;
  return renameat(parent, from, parent, to) == 0 ? 0 : errno;
}

}  // namespace

int MoveAside(int parent, const char* name, const char* aside, const LinkText& text) {
  // By a rename that takes the link itself: what a program that does not take our lock has put
  // there since we looked is moved, too, and then found out.
  int errnum = Rename(parent, name, aside);
  if (errnum == EEXIST) {
    // One that a crash has left, and that another one has followed. Nothing but a link goes.
    struct stat st;
    bool link = fstatat(parent, aside, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
    if (link && unlinkat(parent, aside, 0) == 0) errnum = Rename(parent, name, aside);
  }
  if (errnum != 0) return errnum;
  LinkText moved;
  if (moved.Read(parent, aside) && moved.Is(text.text())) return 0;
  errnum = PutBack(parent, name, aside);
  return errnum == 0 ? ESTALE : errnum;
}

int PutBack(int parent, const char* name, const char* aside) {
  int errnum = RenameExclusively(parent, aside, name);
  if (errnum != EEXIST) return errnum;
  return unlinkat(parent, aside, 0) == 0 ? 0 : errno;
}

}  // namespace boxsockets
