// libSystem's calls that make, move and remove names, over Linux.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abi.h"
#include "end.h"
#include "lookup.h"
#include "machine.h"
#include "rules.h"

namespace darwin {
namespace {

constexpr uint64_t kFailed = static_cast<uint64_t>(-1);

// With DARWIN_IMMUTABLE=FILE, as if chflags(2) had made it so.
bool IsImmutable(const Path& path) {
  const char* file = getenv("DARWIN_IMMUTABLE");
  struct stat immutable, st;
  if (file == nullptr || lstat(file, &immutable) != 0) return false;
  if (fstatat(path.at, path.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) return false;
  if (st.st_dev != immutable.st_dev || st.st_ino != immutable.st_ino) return false;
  Took(Rule::kImmutable);
  return true;
}

// AT_REMOVEDIR alone.
int UnlinkFlags(uint32_t flags) {
  if ((flags & ~0x80u) != 0) End("unlinkat: flags that Darwin does not know");
  return flags != 0 ? AT_REMOVEDIR : 0;
}

uint64_t Unlink(const Path& path, int flags) {
  if (!path.ok) return kFailed;
  Changes(path);
  if (IsImmutable(path)) return Fail(EPERM);
  long result = unlinkat(path.at, path.c_str(), flags);
  if (result < 0 && errno == EISDIR) {
    Took(Rule::kUnlinkDirectory);
    return Fail(EPERM);
  }
  if (result == 0) ForgetEntry(path.at);
  return Result(result);
}

uint64_t Rename(const Call& call, unsigned flags) {
  Path from = PathOf(call, 0, 1, Last::kNotFollowed), to = PathOf(call, 2, 3, Last::kNotFollowed);
  if (!from.ok || !to.ok) return kFailed;
  Changes(from);
  Changes(to);
  if (IsImmutable(from) || IsImmutable(to)) return Fail(EPERM);
  return Result(syscall(SYS_renameat2, from.at, from.c_str(), to.at, to.c_str(), flags));
}

uint64_t RenameExclusive(const Call& call) {
  constexpr uint32_t kExclusive = 4;  // RENAME_EXCL, bsd/sys/stdio.h
  constexpr unsigned kNoReplace = 1;  // RENAME_NOREPLACE
  if (call.word(4) != kExclusive) End("renameatx_np: flags");
  if (!IsOn("NO_RENAME_EXCL")) return Rename(call, kNoReplace);
  Took(Rule::kRenameExclusive);
  // What stands at the name is told before the volume is asked.
  Path to = PathOf(call, 2, 3, Last::kNotFollowed);
  struct stat st;
  bool taken = to.ok && fstatat(to.at, to.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
  return FailAsDarwin(taken ? 17 : 45);
}

uint64_t Symlink(const Call& call) {
  const char* target = call.text(0);
  if (strlen(target) >= kPathMax) {
    Took(Rule::kPathMax);
    return FailAsDarwin(63);
  }
  Path path = PathOf(call, 1, 2, Last::kNotFollowed);
  if (!path.ok) return kFailed;
  Changes(path);
  return Result(symlinkat(target, path.at, path.c_str()));
}

// With DARWIN_CLOSED_LINKS=1, all were made under a umask of 0777. Root reads them all the same.
uint64_t ReadLink(const Call& call) {
  Path path = PathOf(call, 0, 1, Last::kNotFollowed);
  if (!path.ok) return kFailed;
  long result = readlinkat(path.at, path.c_str(), static_cast<char*>(call.memory(2, call.arg(3))), call.arg(3));
  if (result < 0 || geteuid() == 0 || !IsOn("CLOSED_LINKS")) return Result(result);
  Took(Rule::kLinkMode);
  return Fail(EACCES);
}

uint64_t MakeDirectory(const Path& path, mode_t mode) {
  if (!path.ok) return kFailed;
  Changes(path);
  return Result(mkdirat(path.at, path.c_str(), mode));
}

}  // namespace

void AddNames(Symbols& symbols) {
  symbols["_unlink"] = [](const Call& c) { return Unlink(PathOf(c, kNoDescriptor, 0, Last::kNotFollowed), 0); };
  symbols["_unlinkat"] = [](const Call& c) { return Unlink(PathOf(c, 0, 1, Last::kNotFollowed), UnlinkFlags(c.word(2))); };
  symbols["_renameat"] = [](const Call& c) { return Rename(c, 0); };
  symbols["_renameatx_np"] = RenameExclusive;
  symbols["_symlinkat"] = Symlink;
  symbols["_readlinkat"] = ReadLink;
  symbols["_mkdir"] = [](const Call& c) { return MakeDirectory(PathOf(c, kNoDescriptor, 0, Last::kNotFollowed), static_cast<uint16_t>(c.arg(1))); };
  symbols["_mkdirat"] = [](const Call& c) { return MakeDirectory(PathOf(c, 0, 1, Last::kNotFollowed), static_cast<uint16_t>(c.arg(2))); };
}

}  // namespace darwin
