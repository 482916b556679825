// libSystem's files over Linux: Darwin's flags, layouts and answers.
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "abi.h"
#include "end.h"
#include "lookup.h"
#include "machine.h"
#include "rules.h"

namespace darwin {
namespace {

constexpr uint64_t kFailed = static_cast<uint64_t>(-1);

int AtFlags(uint32_t flags) {
  int result = 0;
  if ((flags & 0x20) != 0) result |= AT_SYMLINK_NOFOLLOW;
  if ((flags & 0x80) != 0) result |= AT_REMOVEDIR;
  if ((flags & ~0xa0u) != 0) End("at-flags that Darwin does not know");
  return result;
}

Last LastBy(uint32_t flags) { return (flags & 0x20) != 0 ? Last::kNotFollowed : Last::kFollowed; }

// ---- open

struct Flag {
  uint32_t darwin;
  int linux_flag;
};
constexpr Flag kOpenFlags[] = {{0x4, O_NONBLOCK},     {0x8, O_APPEND},           {0x100, O_NOFOLLOW},
                               {0x200, O_CREAT},      {0x400, O_TRUNC},          {0x800, O_EXCL},
                               {0x20000, O_NOCTTY},   {kOpenDirectory, O_DIRECTORY}, {0x1000000, O_CLOEXEC},
                               {kOpenExecute, 0}};

int OpenFlags(uint32_t flags) {
  int result = static_cast<int>(flags & 3);
  uint32_t left = flags & ~3u;
  for (const Flag& flag : kOpenFlags) {
    if ((left & flag.darwin) != 0) result |= flag.linux_flag;
    left &= ~flag.darwin;
  }
  if (left != 0) End("open: flags that Darwin does not know: " + std::to_string(left));
  return result;
}

mode_t ModeFrom(uint64_t argument) {
  mode_t mode = static_cast<uint16_t>(argument);
  if ((mode & ~07777u) != 0) End("a mode that is not where Darwin looks for it");
  return mode;
}

uint64_t OpenPath(const Path& path, uint32_t darwin_flags, mode_t mode) {
  int flags = OpenFlags(darwin_flags);
  if ((flags & O_CREAT) != 0) Changes(path);
  if ((flags & O_CREAT) != 0 && (flags & O_DIRECTORY) != 0) return Fail(EINVAL);
  int fd = openat(path.at, path.c_str(), flags, mode);
  if (fd < 0 && errno == ENXIO) {
    Took(Rule::kOpenSocket);
    return Fail(EOPNOTSUPP);
  }
  if (fd < 0 && errno == EACCES && (darwin_flags & kOpenExecute) != 0) {
    Took(Rule::kOpenSearch);
    if (!IsOn("OLD")) fd = openat(path.at, path.c_str(), flags | O_PATH);
    else errno = EACCES;
  }
  return Result(fd);
}

uint64_t Openat(const Call& call) {
  uint32_t flags = call.word(2);
  Path path = PathOf(call, 0, 1, (flags & 0x100) != 0 ? Last::kNotFollowed : Last::kFollowed);
  return path.ok ? OpenPath(path, flags, (flags & 0x200) != 0 ? ModeFrom(call.variable(3, 0)) : 0) : kFailed;
}

uint64_t Open(const Call& call) {
  uint32_t flags = call.word(1);
  Path path = PathOf(call, kNoDescriptor, 0, (flags & 0x100) != 0 ? Last::kNotFollowed : Last::kFollowed);
  return path.ok ? OpenPath(path, flags, (flags & 0x200) != 0 ? ModeFrom(call.variable(2, 0)) : 0) : kFailed;
}

// ---- stat

void FillTime(int64_t* out, const struct statx_timestamp& time) {
  out[0] = time.tv_sec;
  out[1] = time.tv_nsec;
}

uint64_t StatInto(int at, const char* path, int flags, Stat* out) {
  struct stat st;
  struct statx times;
  if (fstatat(at, path, &st, flags) != 0) return Fail(errno);
  if (statx(at, path, flags, STATX_BASIC_STATS | STATX_BTIME, &times) != 0) return Fail(errno);
  memset(out, 0, sizeof *out);
  out->dev = static_cast<int32_t>(st.st_dev);
  out->mode = static_cast<uint16_t>(st.st_mode);
  out->nlink = static_cast<uint16_t>(st.st_nlink);
  out->ino = st.st_ino;
  out->uid = st.st_uid;
  out->gid = st.st_gid;
  out->rdev = static_cast<int32_t>(st.st_rdev);
  FillTime(out->atime, times.stx_atime);
  FillTime(out->mtime, times.stx_mtime);
  FillTime(out->ctime, times.stx_ctime);
  FillTime(out->birthtime, times.stx_btime);
  // Root is told the truth.
  if (IsOn("IGNORE_OWNERS") && geteuid() != 0) {
    Took(Rule::kIgnoredOwners);
    out->uid = geteuid();
  }
  if (IsOn("STILL_TIMES") && S_ISDIR(st.st_mode)) {
    Took(Rule::kDirectoryTimes);
    for (int64_t* time : {out->atime, out->mtime, out->ctime}) time[0] = 1'000'000'000, time[1] = 0;
  }
  out->size = st.st_size;
  out->blocks = st.st_blocks;
  out->blksize = static_cast<int32_t>(st.st_blksize);
  // Read by nobody who knows what he reads.
  out->flags = 0x11111111;
  out->gen = 0x22222222;
  if ((st.st_mode & S_IFMT) == S_IFSOCK) Took(Rule::kBirthTime);
  return 0;
}

uint64_t StatOf(const Path& path, int flags, Stat* out) {
  return path.ok ? StatInto(path.at, path.c_str(), flags, out) : kFailed;
}

// Linux's own are local; with DARWIN_REMOTE=1 none is.
uint64_t Statfs(const Call& call) {
  Path path = PathOf(call, kNoDescriptor, 0, Last::kFollowed);
  struct statfs fs;
  if (!path.ok) return kFailed;
  if (statfs(path.c_str(), &fs) != 0) return Fail(errno);
  Took(Rule::kMountedLocal);
  auto* out = static_cast<uint8_t*>(call.memory(1, kStatfsSize));
  memset(out, 0xee, kStatfsSize);
  constexpr uint32_t kNfs = 0x6969, kFuse = 0x65735546, kNinePee = 0x01021997, kSmb2 = 0xfe534d42;
  auto type = static_cast<uint32_t>(fs.f_type);
  bool remote = type == kNfs || type == kFuse || type == kNinePee || type == kSmb2 || IsOn("REMOTE");
  uint32_t flags = (remote ? 0 : kMountedLocal) | (IsOn("IGNORE_OWNERS") ? kIgnoresOwners : 0);
  if (IsOn("IGNORE_OWNERS")) Took(Rule::kIgnoredOwners);
  memcpy(out + kStatfsFlags, &flags, sizeof flags);
  memcpy(out + kStatfsType, remote ? "smbfs" : "apfs\0", 6);
  return 0;
}

// ---- modes, times, locks

uint64_t Chmod(const Path& path, mode_t mode, int flags) {
  if (!path.ok) return kFailed;
  Changes(path);
  return Result(fchmodat(path.at, path.c_str(), mode, flags));
}

uint64_t Fchmod(const Call& call) {
  struct stat st;
  if (fstat(call.number(0), &st) != 0) return Fail(errno);
  if (S_ISSOCK(st.st_mode)) {
    Took(Rule::kSocketMode);
    return Fail(EINVAL);
  }
  // By its name, for Linux takes no descriptor of O_PATH there.
  return Result(chmod(("/proc/self/fd/" + std::to_string(call.number(0))).c_str(), ModeFrom(call.arg(1))));
}

uint64_t Utimens(const Call& call) {
  if (call.arg(2) != 0) End("utimensat: times");
  Path path = PathOf(call, 0, 1, LastBy(call.word(3)));
  if (!path.ok) return kFailed;
  Changes(path);
  return Result(utimensat(path.at, path.c_str(), nullptr, AtFlags(call.word(3))));
}

uint64_t Futimens(const Call& call) {
  if (call.arg(1) != 0) End("futimens: times");
  // By its name, as in Fchmod.
  std::string name = "/proc/self/fd/" + std::to_string(call.number(0));
  return Result(utimensat(AT_FDCWD, name.c_str(), nullptr, 0));
}

uint64_t Flock(const Call& call) {
  long result = flock(call.number(0), call.number(1));
  if (result < 0 && errno == EWOULDBLOCK) Took(Rule::kLockConflict);
  return Result(result);
}

uint64_t Fcntl(const Call& call) {
  int fd = call.number(0);
  switch (call.number(1)) {
    case 1: return Result(fcntl(fd, F_GETFD));
    case 2: return Result(fcntl(fd, F_SETFD, static_cast<int>(call.variable(2, 0)) & FD_CLOEXEC));
    case 3: {
      int flags = fcntl(fd, F_GETFL);
      if (flags < 0) return Fail(errno);
      return static_cast<uint64_t>((flags & 3) | ((flags & O_NONBLOCK) != 0 ? 4 : 0) | ((flags & O_APPEND) != 0 ? 8 : 0));
    }
    case 4: return Result(fcntl(fd, F_SETFL, OpenFlags(static_cast<uint32_t>(call.variable(2, 0)))));
    case 67: return Result(fcntl(fd, F_DUPFD_CLOEXEC, static_cast<int>(call.variable(2, 0))));
    default: End("fcntl: operation " + std::to_string(call.number(1)));
  }
}

}  // namespace

void AddFiles(Symbols& symbols) {
  // With an i-node of 64 bits: a name of its own on x64, the only one on arm64.
  const std::string variant = TheImage().arm64 ? "" : "$INODE64";
  symbols["_stat" + variant] = [](const Call& c) { return StatOf(PathOf(c, kNoDescriptor, 0, Last::kFollowed), 0, c.out<Stat>(1)); };
  symbols["_lstat" + variant] = [](const Call& c) {
    return StatOf(PathOf(c, kNoDescriptor, 0, Last::kNotFollowed), AT_SYMLINK_NOFOLLOW, c.out<Stat>(1));
  };
  symbols["_fstat" + variant] = [](const Call& c) { return StatInto(c.number(0), "", AT_EMPTY_PATH, c.out<Stat>(1)); };
  symbols["_fstatat" + variant] = [](const Call& c) {
    return StatOf(PathOf(c, 0, 1, LastBy(c.word(3))), AtFlags(c.word(3)), c.out<Stat>(2));
  };
  symbols["_statfs" + variant] = Statfs;
  symbols["_open"] = Open;
  symbols["_openat"] = Openat;
  symbols["_close"] = [](const Call& c) { return Result(close(c.number(0))); };
  symbols["_dup"] = [](const Call& c) { return Result(dup(c.number(0))); };
  symbols["_read"] = [](const Call& c) { return Result(read(c.number(0), c.memory(1, c.arg(2)), c.arg(2))); };
  symbols["_pread"] = [](const Call& c) {
    return Result(pread(c.number(0), c.memory(1, c.arg(2)), c.arg(2), static_cast<off_t>(c.arg(3))));
  };
  symbols["_ftruncate"] = [](const Call& c) { return Result(ftruncate(c.number(0), static_cast<off_t>(c.arg(1)))); };
  symbols["_write"] = [](const Call& c) { return Result(write(c.number(0), c.memory(1, c.arg(2)), c.arg(2))); };
  symbols["_chmod"] = [](const Call& c) { return Chmod(PathOf(c, kNoDescriptor, 0, Last::kFollowed), ModeFrom(c.arg(1)), 0); };
  symbols["_fchmodat"] = [](const Call& c) {
    return Chmod(PathOf(c, 0, 1, LastBy(c.word(3))), ModeFrom(c.arg(2)), AtFlags(c.word(3)));
  };
  symbols["_fchmod"] = Fchmod;
  symbols["_utimensat"] = Utimens;
  symbols["_futimens"] = Futimens;
  symbols["_flock"] = Flock;
  symbols["_fcntl"] = Fcntl;
}

}  // namespace darwin
