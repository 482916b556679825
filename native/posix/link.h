// The symlinks of a parent, each told from any other that may take its place: what is removed is
// what was looked at.
#pragma once

#include <stddef.h>

#include "paths.h"
#include "status.h"

namespace boxsockets {

inline constexpr size_t kLongestId = 128;

// `.<id><ending>`, which is no valid id: `.new` for what will take the place of what bears a name,
// `.old` for a link that was moved aside.
class HiddenName {
 public:
  HiddenName(const char* id, const char* ending);
  const char* c_str() const { return data_; }

  // Whether it may be one, of a valid id.
  static bool Is(const char* name, const char* ending);

 private:
  char data_[NAME_MAX + 1];
};

// Renames what bears one name where nothing bears the other; 0, or the errno (EEXIST).
int RenameExclusively(int parent, const char* from, const char* to);

// Under the lock. Moves the link aside where it still holds that text. Else everything is as it
// was, and the errno says why: ENOENT where nothing is there, ESTALE where it is another one.
Status MoveAside(int parent, const char* name, const char* aside, const LinkText& text);

// Gives a link that was moved aside its name again, unless another one has it by now. 0, or the
// errno; the link then stays where it is.
int PutBack(int parent, const char* name, const char* aside);

}  // namespace boxsockets
