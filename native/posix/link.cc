#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>  // renameat, renameatx_np
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/syscall.h>
#endif

namespace boxsockets {

HiddenName::HiddenName(const char* id, const char* ending) {
  size_t size = strnlen(id, sizeof data_ - 2 - strlen(ending));
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

// ENOSYS where the system, or the file system, has no rename that refuses to replace.
int RenameWithoutReplacing(int parent, const char* from, const char* to) {
#if defined(__linux__)
  constexpr unsigned kNoReplace = 1;
  if (syscall(SYS_renameat2, parent, from, parent, to, kNoReplace) == 0) return 0;
  // Unknown to old kernels, old container runtimes and some file systems.
  return errno == EPERM || errno == EINVAL ? ENOSYS : errno;
#else
  if (renameatx_np(parent, from, parent, to, RENAME_EXCL) == 0) return 0;
  return errno == ENOTSUP ? ENOSYS : errno;
#endif
}

}  // namespace

int RenameExclusively(int parent, const char* from, const char* to) {
  int errnum = RenameWithoutReplacing(parent, from, to);
  LinkText target;
  struct stat st;
  if (errnum != ENOSYS) return errnum;
  // By a second link, which replaces nothing that has come meanwhile. What is no link, or where
  // there is no room for one: then one more look must do.
  if (target.Read(parent, from)) {
    if (symlinkat(target.text(), parent, to) == 0) {
      return unlinkat(parent, from, 0) == 0 ? 0 : errno;
    }
    if (errno == EEXIST) return EEXIST;
  }
  if (fstatat(parent, to, &st, AT_SYMLINK_NOFOLLOW) == 0) return EEXIST;
  return renameat(parent, from, parent, to) == 0 ? 0 : errno;
}

Status MoveAside(int parent, const char* name, const char* aside, const LinkText& text) {
  int errnum = RenameWithoutReplacing(parent, name, aside);
  if (errnum == EEXIST || errnum == ENOSYS) {
    // Whoever makes a link of that name holds the lock, and that is us: one is left by a crash, and
    // has been followed by another. Nothing but a link is replaced.
    struct stat st;
    bool taken = fstatat(parent, aside, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISLNK(st.st_mode);
    errnum = !taken && renameat(parent, name, parent, aside) != 0 ? errno : taken ? EEXIST : 0;
  }
  if (errnum != 0) return Status::Failed(errnum, "renameat", Subject::kBinding);
  // What a program that does not take our lock has put there since we looked is moved, too.
  LinkText moved;
  errnum = moved.Read(parent, aside) ? 0 : errno;
  if (errnum == 0 && moved.Is(text.text())) return Status::Ok();
  int put_back = PutBack(parent, name, aside);
  if (put_back != 0) return Status::Failed(put_back, "renameat", Subject::kBinding);
  bool other = errnum == 0 || errnum == EINVAL;
  return Status::Failed(other ? ESTALE : errnum, "readlinkat", Subject::kBinding);
}

int PutBack(int parent, const char* name, const char* aside) {
  int errnum = RenameExclusively(parent, aside, name);
  LinkText text;
  if (errnum != EEXIST || !text.Read(parent, aside)) return errnum;
  return unlinkat(parent, aside, 0) == 0 ? 0 : errno;
}

}  // namespace boxsockets
