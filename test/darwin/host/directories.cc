// libSystem's directories over Linux.
#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include <mutex>
#include <set>

#include "abi.h"
#include "end.h"
#include "heap.h"
#include "machine.h"
#include "rules.h"

namespace darwin {
namespace {

struct OpenDirectory {
  DIR* entries;
  Dirent* entry;  // the guest's
  bool forgets_next;
};

std::mutex mutex;
std::set<OpenDirectory*> open_directories;

// What the guest has is a block of its own heap.
OpenDirectory* DirectoryOf(const Call& call) {
  OpenDirectory* directory = *call.out<OpenDirectory*>(0);
  std::lock_guard<std::mutex> lock(mutex);
  if (open_directories.count(directory) == 0) End("a directory that is not open");
  return directory;
}

uint64_t Fdopendir(const Call& call) {
  DIR* entries = fdopendir(call.number(0));
  if (entries == nullptr) {
    Fail(errno);
    return 0;
  }
  uint64_t handle = Allocate(sizeof(OpenDirectory*)), entry = Allocate(sizeof(Dirent));
  auto* directory = new OpenDirectory{entries, reinterpret_cast<Dirent*>(entry), false};
  *reinterpret_cast<OpenDirectory**>(handle) = directory;
  std::lock_guard<std::mutex> lock(mutex);
  open_directories.insert(directory);
  return handle;
}

uint64_t Readdir(const Call& call) {
  OpenDirectory* directory = DirectoryOf(call);
  errno = 0;
  const dirent* entry = readdir(directory->entries);
  if (entry != nullptr && directory->forgets_next) {
    directory->forgets_next = false;
    Took(Rule::kForgetfulReading);
    entry = readdir(directory->entries);
  }
  if (entry == nullptr) {
    if (errno != 0) Fail(errno);
    return 0;
  }
  Dirent* out = directory->entry;
  memset(out, 0xcd, sizeof *out);
  size_t size = strlen(entry->d_name);
  out->ino = entry->d_ino;
  out->seekoff = 0;
  out->namlen = static_cast<uint16_t>(size);
  out->reclen = static_cast<uint16_t>((offsetof(Dirent, name) + size + 1 + 3) & ~size_t(3));
  out->type = entry->d_type;  // DT_… are the same
  memcpy(out->name, entry->d_name, size + 1);
  return reinterpret_cast<uint64_t>(out);
}

uint64_t Closedir(const Call& call) {
  OpenDirectory* directory = DirectoryOf(call);
  {
    std::lock_guard<std::mutex> lock(mutex);
    open_directories.erase(directory);
  }
  long result = closedir(directory->entries);
  Free(reinterpret_cast<uint64_t>(directory->entry));
  delete directory;
  Free(call.arg(0));
  return Result(result);
}

}  // namespace

void ForgetEntry(int fd) {
  static const bool forgetful = IsOn("FORGETFUL");
  if (!forgetful) return;
  std::lock_guard<std::mutex> lock(mutex);
  for (OpenDirectory* directory : open_directories) {
    if (dirfd(directory->entries) == fd) directory->forgets_next = true;
  }
}

void AddDirectories(Symbols& symbols) {
  const std::string variant = TheImage().arm64 ? "" : "$INODE64";
  symbols["_fdopendir" + variant] = Fdopendir;
  symbols["_readdir" + variant] = Readdir;
  symbols["_closedir"] = Closedir;
  symbols["_dirfd"] = [](const Call& c) { return Result(dirfd(DirectoryOf(c)->entries)); };
}

}  // namespace darwin
