// Looking at the entries of a parent, and at what lies behind them, without waiting for a file
// system that does not answer.
#pragma once

#include <limits.h>
#include <stdint.h>
#include <sys/stat.h>

#include "directory.h"
#include "fd.h"
#include "judgement.h"
#include "link.h"
#include "paths.h"
#include "status.h"
#include "watch.h"

namespace boxsockets {

// What an entry that did not answer in time is said to have failed with.
inline constexpr int kNoAnswer = ETIMEDOUT;

struct ParentEntry {
  char name[NAME_MAX + 1];
  // What became of reading the link (EINVAL where it is none, ENOENT where it has gone) and of
  // going where it leads; and where it leads, where both succeeded.
  int read_errnum = 0;
  int errnum = 0;
  const char* syscall = nullptr;
  bool leads_nowhere = false;
  LinkText link;
  struct stat target;
  Sockets sockets;

  bool LeadsToNoDirectory() const { return errnum == ENOTDIR && !leads_nowhere; }
  bool IsDangling() const { return read_errnum == 0 && leads_nowhere; }
};

enum class Depth : uint8_t {
  kTarget,
  kSockets
};  // of a look: the target alone, or its sockets too

struct ParentView {
  int parent;
  Fd own_parent;  // that one, where a thread looks that may go on when the caller's is closed
  char path[PATH_MAX + 1];
  Depth depth;
  Inode left_out = {};  // a directory whose sockets are of no interest
};

// To be looked at together. Entries are named before it runs, and read after; then it may start
// anew.
class EntryWatch {
 public:
  ~EntryWatch();
  EntryWatch() = default;
  EntryWatch(const EntryWatch&) = delete;
  EntryWatch& operator=(const EntryWatch&) = delete;

  Status Start(int parent, const char* path, Depth depth, size_t capacity);
  void Add(const char* name);
  void LeaveOut(Inode directory) { watch_->shared.left_out = directory; }
  Status Run(int64_t timeout_ms);
  // In this thread, however long it takes.
  void LookNow() { watch_->LookNow(size_); }
  size_t size() const { return size_; }
  // Valid until the next call.
  ParentEntry* at(size_t index);

 private:
  using Watched = WatchOver<ParentEntry, ParentView>;
  Watched* watch_ = nullptr;
  size_t size_ = 0;
  ParentEntry unanswered_;
};

// The entries of a parent that do not begin with a dot, some looked at at a time. Without their
// sockets: links alone, hidden ones of ours too, and those known by heart to lead on only counted.
class EntryReader {
 public:
  EntryReader(int parent, const char* path, Depth depth, int64_t timeout_ms)
      : parent_(parent), path_(path), depth_(depth), timeout_ms_(timeout_ms) {}

  // Null at the end, or with a status that is not fine.
  ParentEntry* Next(Status* status);
  uint32_t known() const { return known_; }

 private:
  Status Fill();

  const int parent_;
  const char* const path_;
  const Depth depth_;
  const int64_t timeout_ms_;
  Directory directory_;
  EntryWatch watch_;
  size_t next_ = 0;
  uint32_t known_ = 0;
};

}  // namespace boxsockets
