#include "user.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "lines.h"
#include "syscalls.h"

namespace boxsockets {
namespace {

constexpr uid_t kDefaultOverflowUid = 65534;
[[maybe_unused]] constexpr char kOverflowUidFile[] = "/proc/sys/kernel/overflowuid";

#if defined(__linux__)

uid_t ReadOverflowUid() {
  Fd fd(RetryInterrupted([] { return open(kOverflowUidFile, O_RDONLY | O_CLOEXEC); }));
  uid_t uid = kDefaultOverflowUid;
  ForEachLine(fd.get(), '\n',
              [&](const char* line) { uid = static_cast<uid_t>(strtoul(line, nullptr, 10)); });
  return uid;
}

// Files of /proc/sys belong to the kernel's own root (GLOBAL_ROOT_UID, fs/proc/proc_sysctl.c), so
// their owner shows how that root is mapped here; unlike uid_map, whose outer column is relative to
// the enclosing namespace, this holds at any depth of nesting.
uid_t ReadRootUid() {
  struct stat st;
  return stat(kOverflowUidFile, &st) == 0 ? st.st_uid : 0;
}

// Every uid is mapped in the initial user namespace, and in those that are given all of its uids:
// one line, `0 0 4294967295` (user_namespaces(7)).
bool EveryUidIsMapped() {
  Fd fd(RetryInterrupted([] { return open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC); }));
  bool every = false;
  bool whole = ForEachLine(fd.get(), '\n', [&](char* line) {
    uint64_t first = strtoull(line, &line, 10);
    strtoull(line, &line, 10);
    every = first == 0 && strtoull(line, &line, 10) == UINT32_MAX;
  });
  return whole && every;
}

#else

bool EveryUidIsMapped() { return true; }
uid_t ReadOverflowUid() { return kDefaultOverflowUid; }
uid_t ReadRootUid() { return 0; }

#endif

// Neither can change while the process lives: only a process of one thread may enter a user
// namespace (unshare(2)), and Node has several. So both are read once; a race reads them twice.
uid_t Cached(int64_t* cache, uid_t (*read_uid)()) {
  int64_t known = __atomic_load_n(cache, __ATOMIC_RELAXED);
  if (known < 0) {
    known = read_uid();
    __atomic_store_n(cache, known, __ATOMIC_RELAXED);
  }
  return static_cast<uid_t>(known);
}

}  // namespace

Uids CurrentUids() {
#if defined(__linux__)
  Uids uids;
  uid_t saved;
  getresuid(&uids.real, &uids.effective, &saved);  // one call for both
  return uids;
#else
  return {getuid(), geteuid()};
#endif
}

Status CheckUids(Uids uids) {
  if (uids.real == uids.effective) return Status::Ok();
  Status status = Status::Refused(Refusal::kUidMismatch, Subject::kNone);
  status.owner = uids.real;
  status.expected = uids.effective;
  return status;
}

uid_t OverflowUid() {
  static int64_t cache = -1;
  return Cached(&cache, ReadOverflowUid);
}

uid_t RootUid() {
  static int64_t cache = -1;
  return Cached(&cache, ReadRootUid);
}

bool StandsForUnmapped(uid_t uid) { return uid == OverflowUid() && !EveryUidIsMapped(); }

}  // namespace boxsockets
