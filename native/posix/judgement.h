// Whether a process holds a socket: alive, dead, gone or unknown. A wrong "dead" robs or deletes
// what lives, a wrong "alive" blocks for ever; so what cannot be known is said to be unknown, and
// why.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "fd.h"
#include "status.h"
#include "vec.h"

namespace boxsockets {

enum class Judgement : uint8_t { kDead, kAlive, kUnknown, kGone };

enum class Reason : uint8_t {
  kNone,
  kErrno,              // unknown: the question failed, with an errno
  kForeignFileSystem,  // unknown: another kernel, or another mount, may serve its sockets
  kFileGone,           // alive: a process holds it, and its file is not there any more
  kTooMany,            // unknown: there are too many entries to look at
};

struct Verdict {
  Judgement judgement = Judgement::kGone;
  Reason reason = Reason::kNone;
  int errnum = 0;

  bool IsDead() const { return judgement == Judgement::kDead; }
};

// Asks sockets without waking anyone: the connect of a datagram socket sends nothing, and is told
// of the type of a stream socket. Never connects a stream.
class Question {
 public:
  // Asks about the file `name` in `directory`, whose path is `path`. What is no socket is unknown.
  // Fails where it could not be asked at all, for a lack of descriptors for example.
  Status Ask(int directory, const char* path, const char* name, Verdict* verdict);

 private:
  Fd socket_;
};

struct FoundSocket {
  size_t name;  // in the strings beside it, relative to the directory
  Verdict verdict;
};

struct Sockets {
  Strings names;
  Vec<FoundSocket> found;

  // The one that matters most: an alive one, else an unknown one, else null.
  const FoundSocket* Foremost() const;
  Status Add(const char* name, const Verdict& verdict);
};

// How far the search goes: directories within each other, entries, and sockets. What lies beyond is
// one unknown socket.
inline constexpr int kSearchDepth = 4;
inline constexpr size_t kSearchEntries = 10'000;
inline constexpr size_t kSearchSockets = 1'000;

// Asks every socket in a directory and in those below it. `directory` is opened for reading, and
// closed in the end.
Status FindSockets(Fd* directory, const char* path, Sockets* sockets);

// What is bound to a path, by what the kernel lists (/proc/net/unix): the path as the binder gave
// it, cut nowhere, and the number of the socket itself.
class BoundSockets {
 public:
  using Seen = void (*)(void* context, const char* path, uint64_t socket);

  // Tells of every socket; `everywhere`: in each network namespace that can be seen. Reads in
  // pieces. Fine, and told of none, where the system has no such list, or hides it.
  static Status Read(bool everywhere, void* context, Seen seen);

  // Tells of every process that can be seen, and of each socket that it has open.
  using Holds = void (*)(void* context, int64_t pid, uint64_t socket);
  static void ForEachHolder(void* context, Holds holds);

  // A process that holds the socket of that number; 0 where it cannot be told.
  static int64_t HolderOf(uint64_t socket);
};

// The rest of `path` below `directory`, null where it does not lie there, or is null; or else that
// of another path below another directory.
const char* PathBelow(const char* path, const char* directory);
inline const char* PathBelow(const char* one, const char* below_one, const char* two,
                             const char* below_two) {
  const char* name = PathBelow(one, below_one);
  return name == nullptr ? PathBelow(two, below_two) : name;
}

// Judges one socket file where something is about to be lost: what the question calls dead or
// unknown is alive where the kernel lists it by one of its paths, `<path>/<name>` or
// `<other_path>/<name>`.
Status JudgeSocket(int directory, const char* path, const char* other_path, const char* name,
                   Verdict* verdict);

}  // namespace boxsockets
