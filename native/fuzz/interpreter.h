// Runs an input as a program of operations, and holds each of them to what it promises.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <string>

#include "../posix/paths.h"
#include "../posix/status.h"
#include "scene.h"

namespace boxsockets::fuzz {

class Interpreter {
 public:
  Interpreter(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  void Run();

 private:
  uint8_t Next() { return at_ < size_ ? data_[at_++] : 0; }
  template <typename T, size_t count>
  const T& Pick(const T (&items)[count]) {
    return items[Next() % count];
  }
  std::string PickTarget(const std::string& name);

  // What strangers, other programs and users do between our operations.
  void Disturb(uint8_t what);
  void Plant(const std::string& path, const std::string& name);
  void ChangeParent();
  void ChangeRealDir();
  void ChangeMode();

  // Ours.
  void Operate(uint8_t which);
  void RunEnsure();
  void RunEnsureAll();
  void RunRemove();
  void RunSweep();
  void RunList();
  void RunProbe();
  void RunListen();

  // The binding `id` after an ensure, which found it as it was in `before_`.
  void CheckEnsured(const Snapshot& after, const std::string& id, size_t real_dir,
                    const Status& status) const;
  // Every entry of the parent but the lock is as before, apart from `ids` and their temporaries.
  void CheckOthers(const Snapshot& after, const std::vector<std::string>& ids) const;
  void CheckRealDirs(const Snapshot& after) const;
  void CheckUntouched(const Snapshot& after) const;

  const uint8_t* const data_;
  const size_t size_;
  size_t at_ = 0;
  Scene scene_;
  Snapshot before_ = {};
};

}  // namespace boxsockets::fuzz
