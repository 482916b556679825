// The four paths that an operation is about, and the bounded buffer that joins two of them.
#pragma once

#include <limits.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

namespace boxsockets {

// In ASCII, whatever the locale.
inline bool IsAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

inline const char* LeafOf(const char* path) {
  const char* slash = strrchr(path, '/');
  return slash == nullptr ? path : slash + 1;
}

inline constexpr mode_t kParentMode = 0700;

struct Paths {
  const char* base;
  const char* parent;    // <base>/bl-<uid>
  const char* binding;   // <parent>/<id>
  const char* real_dir;  // where the binding leads; null where no box is meant
  mode_t parent_mode = kParentMode;

  // The binding's name within the parent.
  const char* id() const { return LeafOf(binding); }
};

// What does not fit is cut.
inline void CopyText(const char* text, char* to, size_t room) {
  size_t size = strnlen(text, room - 1);
  memcpy(to, text, size);
  to[size] = '\0';
}

// `directory/name` in a fixed buffer. What does not fit is cut after PATH_MAX bytes, so that the
// kernel answers ENAMETOOLONG as it would have for the whole: never a shorter, different path.
class JoinedPath {
 public:
  __attribute__((noinline)) JoinedPath(const char* directory, const char* name) {
    size_t used = Append(0, directory);
    used = Append(used, "/");
    used = Append(used, name);
    data_[used] = '\0';
  }
  explicit JoinedPath(const char* name) { data_[Append(0, name)] = '\0'; }
  const char* c_str() const { return data_; }

 private:
  size_t Append(size_t used, const char* text) {
    size_t room = sizeof data_ - 1 - used;
    size_t size = strlen(text);
    if (size > room) size = room;
    memcpy(data_ + used, text, size);
    return used + size;
  }

  char data_[PATH_MAX + 2];
};

// What a link holds.
class LinkText {
 public:
  // False where it cannot be read; errno tells why.
  bool Read(int directory, const char* name) {
    ssize_t size = readlinkat(directory, name, text_, sizeof text_ - 1);
    text_[size < 0 ? 0 : size] = '\0';
    return size >= 0;
  }
  // What was read, and so is not too long.
  void Set(const char* text) { memcpy(text_, text, strlen(text) + 1); }
  const char* text() const { return text_; }
  bool Is(const char* text) const { return strcmp(text_, text) == 0; }

 private:
  char text_[PATH_MAX + 1];
};

}  // namespace boxsockets
