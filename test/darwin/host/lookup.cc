#include "lookup.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <deque>

#include "abi.h"
#include "end.h"
#include "rules.h"

namespace darwin {
namespace {

std::deque<std::string> Split(const std::string& path) {
  std::deque<std::string> components;
  for (size_t at = 0; at < path.size();) {
    size_t end = path.find('/', at);
    if (end == std::string::npos) end = path.size();
    if (end > at) components.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return components;
}

// How many links a lookup follows, as far as it comes.
int LinksIn(int at, const std::string& path, Last last) {
  std::deque<std::string> left = Split(path);
  std::string reached = path[0] == '/' ? "/" : "";
  int directory = path[0] == '/' ? AT_FDCWD : at, links = 0;
  while (!left.empty() && links <= kMostLinks) {
    std::string next = reached + left.front();
    left.pop_front();
    char target[PATH_MAX];
    ssize_t size = readlinkat(directory, next.c_str(), target, sizeof target - 1);
    bool followed = size > 0 && (!left.empty() || last == Last::kFollowed);
    if (!followed) {
      reached = next + "/";
      continue;
    }
    links++;
    target[size] = '\0';
    if (target[0] == '/') reached = "/", directory = AT_FDCWD;
    std::deque<std::string> inserted = Split(target);
    left.insert(left.begin(), inserted.begin(), inserted.end());
  }
  return links;
}

// The name in a directory that a volume without case would take for this one; the name itself where there is none.
std::string NameWithoutCase(int at, const std::string& directory, const std::string& name) {
  std::string found = name;
  int fd = openat(at, directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* entries = fd < 0 ? nullptr : fdopendir(fd);
  if (entries == nullptr) return found;
  while (const dirent* entry = readdir(entries)) {
    if (strcasecmp(entry->d_name, name.c_str()) == 0) found = entry->d_name;
  }
  closedir(entries);
  return found;
}

std::string WithoutCase(int at, const std::string& path) {
  std::string result = path[0] == '/' ? "/" : "";
  for (const std::string& component : Split(path)) {
    struct stat st;
    bool there = fstatat(at, (result + component).c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
    std::string name = there ? component : NameWithoutCase(at, result, component);
    if (name != component) Took(Rule::kCaseInsensitive);
    result += name + "/";
  }
  if (path.back() != '/') result.pop_back();
  return result;
}

}  // namespace

Path Lookup(int at, const char* text, Last last) {
  Path path;
  if (strlen(text) >= kPathMax) {
    Took(Rule::kPathMax);
    FailAsDarwin(63);
    return path;
  }
  path.at = at;
  path.text = text;
  path.ok = true;
  if (path.text.empty()) return path;
  static const bool without_case = IsOn("CASE_INSENSITIVE");
  if (without_case) path.text = WithoutCase(at, path.text);
  if (LinksIn(at, path.text, last) > kMostLinks) {
    Took(Rule::kMostLinks);
    Fail(ELOOP);
    path.ok = false;
  }
  return path;
}

Path PathOf(const Call& call, int at, int path, Last last) {
  int directory = at == kNoDescriptor ? kAtFdcwd : call.number(at);
  return Lookup(directory == kAtFdcwd ? AT_FDCWD : directory, call.text(path), last);
}

void Changes(const Path& path) {
  static const char* const confine = getenv("DARWIN_CONFINE");
  if (confine == nullptr) return;
  size_t slash = path.text.rfind('/');
  std::string directory = slash == std::string::npos ? "." : path.text.substr(0, slash + 1);
  int fd = openat(path.at, directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;  // then there is nothing to change
  char where[PATH_MAX];
  ssize_t size = readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), where, sizeof where - 1);
  close(fd);
  where[size < 0 ? 0 : size] = '\0';
  if (strncmp(where, confine, strlen(confine)) != 0) End(std::string("a change outside of the scene: ") + where);
}

}  // namespace darwin
