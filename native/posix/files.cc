#include "files.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>  // renameat
#include <string.h>
#include <unistd.h>

#include "beneath.h"
#include "directory.h"
#include "link.h"
#include "syscalls.h"

namespace boxsockets {
namespace {

constexpr Subject kFile = Subject::kFile;

Status Untrusted(const struct stat& st) {
  Status status = Status::Refused(Refusal::kFileUntrusted, kFile);
  status.owner = st.st_uid;
  status.expected = geteuid();
  status.mode = st.st_mode;
  return status;
}

// The directory that is trusted, and the one in which the last component of the path lies.
class Place {
 public:
  Status Open(const FileAt& file) {
    root_ = Fd(RetryInterrupted([&] { return open(file.directory, kOpenDirectoryOnly); }));
    if (!root_.valid()) return Status::Failed("open", kFile);
    const char* slash = strrchr(file.path, '/');
    leaf_ = slash == nullptr ? file.path : slash + 1;
    if (slash == nullptr) return Status::Ok();
    size_t size = static_cast<size_t>(slash - file.path);
    if (size >= PATH_MAX) return Status::Failed(ENAMETOOLONG, "openat", kFile);
    char above[PATH_MAX];
    memcpy(above, file.path, size);
    above[size] = '\0';
    above_ = OpenBeneath(root_.get(), above, kOpenDirectoryOnly);
    return above_.valid() ? Status::Ok() : Status::Failed("openat", kFile);
  }

  int directory() const { return above_.valid() ? above_.get() : root_.get(); }
  const char* leaf() const { return leaf_; }

  // Opens the file for reading or writing. What a box put in its place says so by how it fails.
  Status OpenRegular(int flags, mode_t mode, Fd* out, struct stat* st) const {
    *out = OpenBeneath(directory(), leaf_, flags, mode);
    if (out->valid()) {
      if (fstat(out->get(), st) != 0) return Status::Failed("fstat", kFile);
      return IsTrusted(*st) ? Status::Ok() : Untrusted(*st);
    }
    int errnum = errno;
    bool exists = fstatat(directory(), leaf_, st, AT_SYMLINK_NOFOLLOW) == 0;
    bool untrusted = exists && errnum != EXDEV && !IsTrusted(*st);
    return untrusted ? Untrusted(*st) : Status::Failed(errnum, "openat", kFile);
  }

 private:
  // A second name could lie anywhere. Root, who looks after a home, finds files of the home's
  // owner.
  bool IsTrusted(const struct stat& st) const {
    if (!S_ISREG(st.st_mode) || st.st_nlink != 1) return false;
    struct stat root;
    return st.st_uid == geteuid() ||
           (geteuid() == 0 && fstat(root_.get(), &root) == 0 && root.st_uid == st.st_uid);
  }

  Fd root_, above_;
  const char* leaf_ = nullptr;
};

Status WriteAll(int fd, const char* bytes, size_t size) {
  while (size > 0) {
    ssize_t written = RetryInterrupted([&] { return write(fd, bytes, size); });
    if (written < 0) return Status::Failed("write", kFile);
    bytes += written;
    size -= static_cast<size_t>(written);
  }
  return Status::Ok();
}

}  // namespace

Status ReadFile(const FileAt& file, size_t most, bool from_end, Vec<char>* bytes, int64_t* size) {
  Place place;
  Fd fd;
  struct stat st;
  Status status = place.Open(file);
  if (status.ok()) status = place.OpenRegular(O_RDONLY, 0, &fd, &st);
  if (!status.ok()) return status;
  *size = st.st_size;
  bool cut = from_end && st.st_size > static_cast<off_t>(most);
  off_t offset = cut ? st.st_size - static_cast<off_t>(most) : 0;
  char piece[4096];
  while (bytes->size() < most) {
    size_t room = most - bytes->size();
    size_t wanted = room < sizeof piece ? room : sizeof piece;
    ssize_t count = RetryInterrupted([&] { return pread(fd.get(), piece, wanted, offset); });
    if (count < 0) return Status::Failed("pread", kFile);
    if (count == 0) break;
    if (!bytes->Append(piece, static_cast<size_t>(count))) return Status::OutOfMemory();
    offset += count;
  }
  return Status::Ok();
}

Status ReplaceFile(const FileAt& file, const char* bytes, size_t size, mode_t mode) {
  Place place;
  Status status = place.Open(file);
  if (!status.ok()) return status;
  // Which only a killed replacement leaves; the next one takes it away.
  HiddenName fresh(place.leaf(), ".new");
  int at = place.directory();
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL;
  Fd fd = OpenBeneath(at, fresh.c_str(), kFlags, mode);
  if (!fd.valid() && errno == EEXIST && unlinkat(at, fresh.c_str(), 0) == 0) {
    fd = OpenBeneath(at, fresh.c_str(), kFlags, mode);
  }
  if (!fd.valid()) return Status::Failed("openat", kFile);
  // The umask may have taken bits away.
  if (fchmod(fd.get(), mode) != 0) status = Status::Failed("fchmod", kFile);
  if (status.ok()) status = WriteAll(fd.get(), bytes, size);
  if (status.ok() && renameat(at, fresh.c_str(), at, place.leaf()) == 0) return status;
  if (status.ok()) status = Status::Failed("renameat", kFile);
  unlinkat(at, fresh.c_str(), 0);
  return status;
}

Status OpenFile(const FileAt& file, Opening opening, mode_t mode, Fd* out) {
  Place place;
  struct stat st;
  Status status = place.Open(file);
  if (!status.ok()) return status;
  int flags = opening == Opening::kRead ? O_RDONLY : O_WRONLY | O_CREAT | O_APPEND;
  Fd fd;
  status = place.OpenRegular(flags, mode, &fd, &st);
  if (!status.ok()) return status;
  // Emptied only when it is known to be the file that was meant.
  if (opening == Opening::kEmpty && st.st_size > 0 && ftruncate(fd.get(), 0) != 0) {
    return Status::Failed("ftruncate", kFile);
  }
  *out = static_cast<Fd&&>(fd);
  return Status::Ok();
}

Status LookAt(const FileAt& file, struct stat* st, bool* found) {
  Place place;
  *found = false;
  Status status = place.Open(file);
  if (!status.ok()) return IsGone(status.errnum) ? Status::Ok() : status;
  *found = fstatat(place.directory(), place.leaf(), st, AT_SYMLINK_NOFOLLOW) == 0;
  return *found || IsGone(errno) ? Status::Ok() : Status::Failed("fstatat", kFile);
}

Status ListDirectory(const FileAt& directory, size_t most, Strings* names, Vec<FoundEntry>* out) {
  Place place;
  Status status = place.Open(directory);
  if (!status.ok()) return status;
  Fd fd = OpenBeneath(place.directory(), place.leaf(), O_RDONLY | O_DIRECTORY);
  if (!fd.valid()) return Status::Failed("openat", kFile);
  Directory entries;
  status = entries.Adopt(&fd, kFile);
  if (!status.ok()) return status;
  while (const dirent* entry = entries.Next(&status)) {
    if (out->size() == most) return Status::Failed(E2BIG, "readdir", kFile);
    FoundEntry found = {0, entries.TypeOf(entry)};
    if (!names->Add(entry->d_name, &found.name) || !out->Append(found)) {
      return Status::OutOfMemory();
    }
  }
  return status;
}

Status MakeDirectory(const FileAt& directory, mode_t mode, bool* made) {
  Place place;
  Status status = place.Open(directory);
  if (!status.ok()) return status;
  *made = mkdirat(place.directory(), place.leaf(), mode) == 0;
  if (*made) return Status::Ok();
  int errnum = errno;
  struct stat st;
  bool there = errnum == EEXIST &&
               fstatat(place.directory(), place.leaf(), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
               S_ISDIR(st.st_mode);
  return there ? Status::Ok() : Status::Failed(errnum, "mkdirat", kFile);
}

Status RemoveFile(const FileAt& file, bool* removed) {
  Place place;
  *removed = false;
  Status status = place.Open(file);
  if (!status.ok()) return IsGone(status.errnum) ? Status::Ok() : status;
  *removed = unlinkat(place.directory(), place.leaf(), 0) == 0;
  return *removed || errno == ENOENT ? Status::Ok() : Status::Failed("unlinkat", kFile);
}

}  // namespace boxsockets
