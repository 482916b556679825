#include "remove_tree.h"

#include <fcntl.h>
#include <stdio.h>  // renameat
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "directory.h"
#include "numbered_path.h"
#include "syscalls.h"

namespace boxsockets {
namespace {

// How often an entry that is exchanged under us is tried, and how often in all a directory that was
// emptied and is not empty is emptied again: somebody who works against us cannot make us go on.
constexpr int kTries = 100;
constexpr int kEmptiedAgain = 10'000;

class Removal {
 public:
  Removal(int directory, const char* last, TreeEntry* failed)
      : start_(directory), last_(last), failed_(failed) {}

  Status Run(const char* name) {
    Status status = Remove(name, true);
    while (status.ok() && depth_ > 0) status = Step();
    return status;
  }

 private:
  // A directory that is being emptied. The names lead from the first to the last.
  struct Level {
    Directory directory;
    char name[NAME_MAX + 1];
    bool repaired;
  };

  // The directory that entries are removed from at this moment.
  int Here() const { return depth_ == 0 ? start_ : levels_[depth_ - 1].directory.fd(); }

  Status Step() {
    Level& level = levels_[depth_ - 1];
    if (depth_ == 1 && moved_done_ < moved_) return Remove(MovedName(moved_done_++).c_str(), true);
    Status status;
    const dirent* entry = level.directory.Next(&status);
    if (!status.ok()) return Fail(status.errnum, status.syscall, nullptr);
    if (entry == nullptr) return Leave(level);
    if (depth_ == 1 && strcmp(entry->d_name, last_) == 0) return Status::Ok();
    return Remove(entry->d_name, S_ISDIR(level.directory.TypeOf(entry)));
  }

  // Removes an entry, or enters it where it is a directory. What was said of its kind may be wrong
  // by now, and by the next call again.
  Status Remove(const char* name, bool is_directory) {
    int errnum = 0;
    for (int i = 0; i < kTries; i++) {
      errnum = is_directory ? Enter(name) : Unlink(name);
      if (errnum == 0 || errnum == ENOENT) return Status::Ok();
      bool changed = is_directory ? errnum == ENOTDIR || errnum == ELOOP
                                  : errnum == EISDIR || (errnum == EPERM && IsDirectory(name));
      if (changed) {
        is_directory = !is_directory;
      } else if (errnum != EACCES || !Repair(is_directory ? name : nullptr)) {
        break;
      }
    }
    return Fail(errnum, is_directory ? "openat" : "unlinkat", name);
  }

  int Unlink(const char* name) const { return unlinkat(Here(), name, 0) == 0 ? 0 : errno; }

  // POSIX has EPERM for a directory as well as for what may not be removed.
  bool IsDirectory(const char* name) const {
    struct stat st;
    return fstatat(Here(), name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
  }

  int Enter(const char* name) {
    if (depth_ == kRemovalDepth) return MoveUp(name);
    Fd fd = OpenSameMount(Here(), name);
    if (!fd.valid()) return errno;
    Level& level = levels_[depth_];
    if (!level.directory.Adopt(&fd, Subject::kFile).ok()) return errno;
    CopyText(name, level.name, sizeof level.name);
    level.repaired = false;
    depth_++;
    return 0;
  }

  static NumberedPath MovedName(int number) { return {".~", number}; }

  // Too deep for one walk: it is emptied later, as a child of the first directory.
  int MoveUp(const char* name) {
    for (int i = 0; i < kTries; i++, moved_++) {
      int top = levels_[0].directory.fd();
      if (renameat(Here(), name, top, MovedName(moved_).c_str()) == 0) {
        moved_++;
        return 0;
      }
      if (errno != EEXIST && errno != ENOTEMPTY && errno != EISDIR) break;
    }
    return errno;
  }

  // Without permission on a directory its entries can be neither read nor removed: one of ours is
  // given it, and never the one that the removal began in. True where it is worth a new try.
  bool Repair(const char* name) {
    // What is moved up needs the first directory, too.
    bool here = depth_ > 0 && RepairLevel(levels_[depth_ - 1]);
    bool top = depth_ == kRemovalDepth && RepairLevel(levels_[0]);
    return here || top || (name != nullptr && MakeAccessible(Here(), name));
  }

  static bool RepairLevel(Level& level) {
    if (level.repaired) return false;
    level.repaired = true;
    int fd = level.directory.fd();
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_uid == geteuid() && fchmod(fd, ModeBits(st) | 0700) == 0;
  }

  // All entries of a directory were seen.
  Status Leave(Level& level) {
    if (depth_ == 1 && last_[0] != '\0') {
      const char* last = last_;
      last_ = "";
      return Remove(last, true);
    }
    int errnum = RemoveEmptied(level.name);
    if (errnum == 0) return Pop(level);
    bool gone = errnum == ENOENT || errnum == ENOTDIR;
    bool filled = errnum == ENOTEMPTY || errnum == EEXIST;
    // Entries were put in, or passed over while others were removed, as APFS may; or this is not
    // the directory that bears the name any more. Whatever bears it is looked at anew.
    if (!gone && (!filled || emptied_again_++ >= kEmptiedAgain)) {
      Pop(level);
      return Fail(errnum, "unlinkat", level.name);
    }
    Pop(level);
    return errnum == ENOENT ? Status::Ok() : Remove(level.name, filled);
  }

  int RemoveEmptied(const char* name) {
    Level* above = depth_ == 1 ? nullptr : &levels_[depth_ - 2];
    int at = above == nullptr ? start_ : above->directory.fd();
    if (unlinkat(at, name, AT_REMOVEDIR) == 0) return 0;
    if (errno != EACCES || above == nullptr || !RepairLevel(*above)) return errno;
    return unlinkat(at, name, AT_REMOVEDIR) == 0 ? 0 : errno;
  }

  Status Pop(Level& level) {
    level.directory.Close();
    depth_--;
    return Status::Ok();
  }

  Status Fail(int errnum, const char* syscall, const char* name) {
    char* end = failed_->path;
    for (size_t i = 0; i < depth_; i++) end = Append(end, levels_[i].name, i > 0);
    if (name != nullptr) end = Append(end, name, depth_ > 0);
    *end = '\0';
    return Status::Failed(errnum, syscall, Subject::kFile);
  }

  static char* Append(char* end, const char* name, bool slash) {
    if (slash) *end++ = '/';
    size_t size = strnlen(name, NAME_MAX);
    memcpy(end, name, size);
    return end + size;
  }

  const int start_;
  const char* last_;
  TreeEntry* const failed_;
  Level levels_[kRemovalDepth];
  size_t depth_ = 0;
  int moved_ = 0;  // directories that were moved up, and how many of them are done with
  int moved_done_ = 0;
  int emptied_again_ = 0;
};

}  // namespace

Status RemoveTree(const char* directory, const char* name, const char* last, TreeEntry* failed) {
  failed->path[0] = '\0';
  Fd start(RetryInterrupted([&] { return open(directory, kOpenDirectoryOnly); }));
  if (!start.valid()) return Status::Failed("open", Subject::kFile);
  return Removal(start.get(), last, failed).Run(name);
}

}  // namespace boxsockets
