// Every socket of one box, and whose they are: what tells whether a box runs.
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "judgement.h"
#include "paths.h"
#include "status.h"
#include "vec.h"
#include "watch.h"

namespace boxsockets {

// How far a box is looked at: whether it is there, the sockets that have files, or those too that
// the kernel alone lists.
enum class BoxDepth : uint8_t { kMode, kFiles, kListed };

struct BoxRequest {
  const char* binding;
  const char* real_dir;
  // A directory that is known to answer: what lies on its file system is waited for. What else does
  // not answer in time is left to a thread of its own.
  const char* beside;
  int64_t timeout_ms;
  BoxDepth depth;
};

struct BoxSockets {
  // Of a process that holds one of them, and can be seen.
  struct Holder {
    size_t socket;  // in `sockets.found`
    int64_t pid;
  };

  // Why the directory could not be looked at: kNoAnswer (entries.h) where it did not answer.
  int errnum = 0;
  mode_t mode = 0;
  Sockets sockets;
  Vec<Holder> holders;
};

// Judges the sockets in a real directory and below. No link is followed to the directory. Where one
// of them is not plainly dead, those that the kernel lists below the directory or below its binding
// are found, too, in any namespace that can be seen, with their holders.
Status JudgeBox(const BoxRequest& request, BoxSockets* out);

// Whether real directories answer in time, and what their bindings lead to, which a takeover does
// not ask. What the kernel does not know by heart is asked side by side; on macOS, nothing is.
class Answers {
 public:
  explicit Answers(size_t boxes) : boxes_(boxes) {}
  ~Answers() {
    if (watch_ != nullptr) watch_->Release();
  }
  Answers(const Answers&) = delete;
  Answers& operator=(const Answers&) = delete;

  void Add(const Paths& paths, bool takeover);
  void Run() {
    if (asked_ > 0) watch_->Run(asked_, kAnswerTimeoutMs);
  }
  Status Of(size_t box) const;  // by the order in which they were added

 private:
  struct Way {
    Vec<char> path;  // of its own, for a thread that is given up; empty where it is known
  };
  struct Nothing {};
  using Watched = WatchOver<Way, Nothing>;

  void Ask(size_t index, const char* path);

  const size_t boxes_;
  Watched* watch_ = nullptr;  // two ways a box; none is made where every way is known by heart
  size_t size_ = 0;
  size_t asked_ = 0;
  bool short_of_memory_ = false;
};

Status CheckAnswers(const Paths& paths, bool takeover);
bool AnswersInTime(const char* path);

}  // namespace boxsockets
