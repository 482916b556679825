// ensure_all BASE PARENT LIST: a round ensures `count` boxes, of those in the file LIST (binding,
// real directory and id, each ended by a NUL): the parent once, then each box; what is not right
// waits for the lock, which is taken once.
#include <vector>

#include "locked.h"

namespace {

struct Box {
  const char *binding, *real_dir, *id;
  bool missing;
  struct stat target;
};

std::vector<char> ReadFile(const char* path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat st;
  Must(fd >= 0 && fstat(fd, &st) == 0, "list");
  std::vector<char> bytes(static_cast<size_t>(st.st_size));
  Must(read(fd, bytes.data(), bytes.size()) == st.st_size, "list");
  close(fd);
  return bytes;
}

std::vector<Box> Split(const std::vector<char>& bytes) {
  std::vector<Box> boxes;
  const char* at = bytes.data();
  auto next = [&] {
    const char* text = at;
    at += strlen(at) + 1;
    return text;
  };
  while (at < bytes.data() + bytes.size()) {
    Box box = {};
    box.binding = next();
    box.real_dir = next();
    box.id = next();
    boxes.push_back(box);
  }
  return boxes;
}

void EnsureAll(const char* base_path, const char* parent_path, std::vector<Box>& boxes,
               size_t count) {
  struct stat base, parent, binding;
  bool any_missing = false;
  Must(stat(base_path, &base) == 0 && lstat(parent_path, &parent) == 0, "base, parent");
  for (size_t i = 0; i < count; i++) {
    Box& box = boxes[i];
    box.missing = stat(box.binding, &binding) != 0;
    Must(stat(box.real_dir, &box.target) == 0 && (box.missing || Same(binding, box.target)), "box");
    any_missing = any_missing || box.missing;
  }
  if (!any_missing) return;
  Locked locked(parent_path);
  for (size_t i = 0; i < count; i++) {
    Box& box = boxes[i];
    if (!box.missing) continue;
    Must(symlinkat(box.real_dir, locked.parent(), box.id) == 0, "symlinkat");
    Must(stat(box.binding, &binding) == 0 && Same(binding, box.target), "verify");
  }
}

}  // namespace

int main(int argc, char** argv) {
  Must(argc == 4, "usage");
  std::vector<char> bytes = ReadFile(argv[3]);
  std::vector<Box> boxes = Split(bytes);
  return Serve([&](int64_t count) {
    Must(static_cast<size_t>(count) <= boxes.size(), "count");
    EnsureAll(argv[1], argv[2], boxes, static_cast<size_t>(count));
  });
}
