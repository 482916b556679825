// What the tests share: a base of their own, entries of every kind in it, other users and children.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>
#if defined(__linux__)
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <functional>
#include <string>
#include <vector>

#include "../posix/fd.h"
#include "../posix/paths.h"
#include "../posix/socket.h"
#include "../posix/status.h"
#include "../posix/steady.h"

// Ends a test case that cannot be run here; it counts as skipped.
#define SKIP_UNLESS(condition, reason) \
  if (!(condition)) {                  \
    printf("SKIPPED: %s\n", reason);   \
    boxsockets::test::skipped = true;  \
    return;                            \
  }                                    \
  static_assert(true, "takes a semicolon")

namespace boxsockets::test {

inline bool skipped = false;
// Whether the process was started for some tests only, and not for all, one after another.
inline bool alone = false;
inline constexpr char kNotAlone[] =
    "needs a process that has not read the uids yet, as each of ctest's";

// A directory that is removed with all that is in it.
class TempDirectory {
 public:
  TempDirectory();
  ~TempDirectory();
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// Fails the test where more or fewer descriptors are open at its end than at its beginning.
class DescriptorCheck {
 public:
  DescriptorCheck();
  ~DescriptorCheck();
  DescriptorCheck(const DescriptorCheck&) = delete;
  DescriptorCheck& operator=(const DescriptorCheck&) = delete;

 private:
  size_t before_;
};

// The paths of one box.
struct Box {
  std::string base, parent, binding, real_dir;
  uid_t uid;

  Paths paths() const { return {base.c_str(), parent.c_str(), binding.c_str(), real_dir.c_str()}; }
  // What an operation on the whole parent is told.
  Paths parent_paths() const { return {base.c_str(), parent.c_str(), parent.c_str(), nullptr}; }

  std::string InParent(const std::string& name) const { return parent + "/" + name; }
  void MakeParent(mode_t mode = 0700) const;
  // Another box of the same parent.
  Box Sibling(const std::string& id, const std::string& its_real_dir) const;
};

inline bool IsSteady(const Box& box) {
  Look look;
  return boxsockets::IsSteady(box.paths(), box.uid, &look);
}

// A base with one box in it, whose parent is not made yet.
struct World : Box {
  explicit World(const std::string& id = "box-1");

  // A further directory beside the base.
  std::string MakeDirectory(const std::string& name) const;

  DescriptorCheck descriptors;
  TempDirectory home;
};

// One whose binding is right, and a name in its real directory.
struct BoundWorld : World {
  BoundWorld();
  std::string path = real_dir + "/box.sock";
};

// Entries. Each fails the test where it cannot be made.
void MakeDirectory(const std::string& path, mode_t mode = 0700);
void MakeFile(const std::string& path, const std::string& text = "");
void MakeFifo(const std::string& path);
void MakeLink(const std::string& target, const std::string& path);
// The socket is held until the descriptor is closed; the file stays.
Fd MakeSocket(const std::string& path, SocketType type);
// A socket file that nobody holds.
void MakeDeadSocket(const std::string& path, SocketType type = SocketType::kStream);

bool Exists(const std::string& path);
bool IsLink(const std::string& path);
bool IsSameDirectory(const std::string& a, const std::string& b);
struct stat StatOf(const std::string& path);  // of the entry itself
mode_t ModeOf(const std::string& path);
std::string TargetOf(const std::string& link);
std::vector<std::string> EntriesOf(const std::string& directory);
size_t CountDescriptors();

// Fails the test where it cannot be asked.
bool SocketIsHeld(const char* path);

// Whether a connection to the listening socket waits to be accepted.
bool HasVisitor(const Fd& listener);

bool IsRoot();

// Acts as another user until it goes out of scope: real and effective uid alike, so that nothing
// looks like a set-uid program. Only for root, and for one thread.
class AsUser {
 public:
  explicit AsUser(uid_t uid);
  ~AsUser();
  AsUser(const AsUser&) = delete;
  AsUser& operator=(const AsUser&) = delete;

  // A user that permission bits hold for: another one where root runs the test.
  static uid_t Ordinary();

 private:
  uid_t before_;
};

class Umask {
 public:
  explicit Umask(mode_t mask) : before_(umask(mask)) {}
  ~Umask() { umask(before_); }
  Umask(const Umask&) = delete;
  Umask& operator=(const Umask&) = delete;

 private:
  mode_t before_;
};

// A forked child that runs `work` and exits with what it returns (0 to 255).
class Child {
 public:
  explicit Child(const std::function<int()>& work);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  bool IsRunning() const;
  void Kill() const;
  int Wait();  // the exit status; -1 where a signal ended it

 private:
  pid_t pid_;
};

// A pipe over which one process tells another that it got somewhere.
class Signal {
 public:
  Signal();
  void Send() const;
  void Await() const;
  int Pending() const;  // how often it was sent and not awaited

 private:
  Fd read_, write_;
};

}  // namespace boxsockets::test

// How doctest prints and compares a status.
namespace boxsockets {
inline bool IsRefused(const Status& status, Refusal refusal) { return status.refusal == refusal; }

inline constexpr char kNeedsTwoUids[] = "needs root, to have two uids";

// Does it where the real uid of this process is 0 and its effective one 12345.
template <typename Operation>
void WithTwoUids(Operation operation) {
  REQUIRE(seteuid(12345) == 0);
  operation();
  REQUIRE(seteuid(0) == 0);
}
#if defined(__linux__)
// Gives this process a mount namespace of its own, and shows the one directory in the other's place
// there. False where that may not be.
bool MountOver(const std::string& shown, const std::string& place);

// valgrind does not. What is opened without it is opened in other ways, and a thread that waits in
// a call keeps a process of valgrind's from its end.
inline bool KnowsOpenat2() {
  return syscall(SYS_openat2, AT_FDCWD, ".", nullptr, 0) == -1 && errno != ENOSYS;
}
inline constexpr char kWithoutOpenat2[] = "openat2 is not known here, and its stand-ins are others";
#endif

inline bool HasFailed(const Status& status, int errnum) {
  return status.refusal == Refusal::kNone && status.syscall != nullptr && status.errnum == errnum;
}
doctest::String toString(const Status& status);
}  // namespace boxsockets
