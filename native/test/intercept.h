// Calls of the system that a test watches, gets in the way of, or fails. They are redirected by the
// linker (--wrap, see CMakeLists.txt), in the POSIX layer and the tests alike.
#pragma once

#include <stdint.h>

#include <functional>
#include <string>
#include <vector>

#include "support.h"

namespace boxsockets::test {

// While it lives, `hook` runs before every call of `name` ("*" for any), with the number of the
// call, from 1. It returns 0 to let the call go on, or the errno with which the call is to fail.
// What the hook itself calls is not intercepted. One at a time; for one thread.
class Intercept {
 public:
  using Hook = std::function<int(int number, const char* name)>;

  Intercept(std::string name, Hook hook);
  // Runs `hook` before one call only.
  Intercept(std::string name, int number, const std::function<int()>& hook);
  ~Intercept();
  Intercept(const Intercept&) = delete;
  Intercept& operator=(const Intercept&) = delete;

  int calls() const { return calls_; }
  // 0, or the errno with which the call that is about to be made is to fail.
  int Consult(const char* name);

 private:
  std::string name_;
  Hook hook_;
  int calls_ = 0;
};

// While it lives, what is looked for below /proc is looked for here. Directories are made with
// their entries.
class OwnProc {
 public:
  OwnProc();
  ~OwnProc();
  OwnProc(const OwnProc&) = delete;
  OwnProc& operator=(const OwnProc&) = delete;

  void File(const std::string& entry, const std::string& text) const;
  void Link(const std::string& entry, const std::string& target) const;
  // A table of sockets that listen, each `12345 /path`.
  void Listens(const std::vector<std::string>& sockets) const;

 private:
  std::string Path(const std::string& entry) const;

  TempDirectory directory_;
};

// The type of every file system, where it is not 0.
inline unsigned statfs_type = 0;

// Makes readdir tell no types, as some file systems do, while true.
inline bool readdir_hides_types = false;

// The change time that lstat tells of every file, in nanoseconds, where it is not 0.
inline int64_t change_time = 0;

// How often was slept, and the longest wish among them, in nanoseconds. No Intercept knows of it.
inline int sleeps = 0;
inline int64_t longest_sleep = 0;

}  // namespace boxsockets::test
