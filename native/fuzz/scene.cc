#include "scene.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <regex>

#include "check.h"

namespace boxsockets::fuzz {
namespace {

// Short, and in memory where there is such a directory.
std::string MakeRoot() {
  char in_memory[] = "/dev/shm/bsf-XXXXXX";
  if (mkdtemp(in_memory) != nullptr) return in_memory;
  char on_disk[] = "/tmp/bsf-XXXXXX";
  FUZZ_CHECK(mkdtemp(on_disk) != nullptr);
  return on_disk;
}

std::vector<std::string> NamesIn(const std::string& directory) {
  std::vector<std::string> names;
  DIR* dir = opendir(directory.c_str());
  if (dir == nullptr) return names;
  while (const dirent* entry = readdir(dir)) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  closedir(dir);
  return names;
}

void RemoveTree(const std::string& path) {
  struct stat st;
  if (lstat(path.c_str(), &st) != 0) return;
  if (S_ISDIR(st.st_mode)) {
    chmod(path.c_str(), 0700);
    for (const std::string& name : NamesIn(path)) {
      RemoveTree(JoinedPath(path.c_str(), name.c_str()).c_str());
    }
    rmdir(path.c_str());
  } else {
    unlink(path.c_str());
  }
}

Entry LookAt(const std::string& path) {
  Entry entry = {};
  struct stat st;
  if (lstat(path.c_str(), &st) != 0) return entry;
  entry.type = st.st_mode & S_IFMT;
  entry.inode = st.st_ino;
  if (!entry.IsLink()) return entry;
  char target[PATH_MAX];
  ssize_t size = readlink(path.c_str(), target, sizeof target);
  FUZZ_CHECK(size >= 0);
  entry.target.assign(target, static_cast<size_t>(size));
  entry.errnum = stat(path.c_str(), &st) == 0 ? 0 : errno;
  entry.leads_to = entry.errnum == 0 ? st.st_ino : 0;
  entry.to_directory = entry.errnum == 0 && S_ISDIR(st.st_mode);
  return entry;
}

// What a directory holds, whatever its mode, which is the same afterwards.
Entries LookInto(const std::string& directory) {
  Entries entries;
  struct stat st;
  if (lstat(directory.c_str(), &st) != 0 || !S_ISDIR(st.st_mode)) return entries;
  chmod(directory.c_str(), 0700);
  for (const std::string& name : NamesIn(directory)) {
    entries[name] = LookAt(JoinedPath(directory.c_str(), name.c_str()).c_str());
  }
  chmod(directory.c_str(), st.st_mode & 07777);
  return entries;
}

}  // namespace

bool Entry::IsGone() const { return IsLink() && (errnum == ENOENT || errnum == ENOTDIR); }

Scene::Scene() : root_(MakeRoot()), base_(root_ + "/b"), parent_(base_ + "/p") {
  FUZZ_CHECK(mkdir(base_.c_str(), 0700) == 0);
  for (size_t i = 0; i < kRealDirs; i++) FUZZ_CHECK(mkdir(RealDir(i).c_str(), 0700) == 0);
  MakeFile(Root("file"));
}

Scene::~Scene() { RemoveTree(root_); }

void Scene::MakeFile(const std::string& path) const {
  Fd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
}

void Scene::Remove(const std::string& path) const {
  if (unlink(path.c_str()) != 0) rmdir(path.c_str());
}

void Scene::MakeSocket(const std::string& path, SocketType type, bool held) {
  Address address;
  Fd fd;
  if (!Address::Make(path.c_str(), kSunPathCapacity, "bind", &address).ok()) return;
  FUZZ_CHECK(OpenSocket(type, &fd).ok());
  if (bind(fd.get(), address.get(), address.size()) != 0 || !held) return;
  if (type == SocketType::kStream) FUZZ_CHECK(listen(fd.get(), 1) == 0);
  struct stat file, directory;
  FUZZ_CHECK(lstat(path.c_str(), &file) == 0);
  FUZZ_CHECK(stat(path.substr(0, path.rfind('/')).c_str(), &directory) == 0);
  held_.push_back({static_cast<Fd&&>(fd), path, file.st_ino, directory.st_ino});
}

void Scene::DropHeld() {
  if (!held_.empty()) held_.pop_back();
}

// A held socket may have lost its name, or its directory, meanwhile.
bool Scene::HoldsIn(ino_t directory) const {
  for (const Held& held : held_) {
    struct stat file, now;
    bool is_there = lstat(held.path.c_str(), &file) == 0 && file.st_ino == held.inode &&
                    stat(held.path.substr(0, held.path.rfind('/')).c_str(), &now) == 0 &&
                    now.st_ino == held.directory;
    if (is_there && held.directory == directory) return true;
  }
  return false;
}

bool Scene::Holds(ino_t socket) const {
  for (const Held& held : held_) {
    if (held.inode == socket) return true;
  }
  return false;
}

bool Scene::WasVisited() const {
  for (const Held& held : held_) {
    struct pollfd waiting = {held.fd.get(), POLLIN, 0};
    if (poll(&waiting, 1, 0) != 0) return true;
  }
  return false;
}

Snapshot Scene::Look() const {
  Snapshot snapshot = {};
  struct stat st;
  snapshot.has_parent = lstat(parent_.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
  snapshot.parent_mode = snapshot.has_parent ? st.st_mode & 07777 : 0;
  snapshot.parent = LookInto(parent_);
  for (size_t i = 0; i < kRealDirs; i++) snapshot.real_dirs.push_back(LookInto(RealDir(i)));
  return snapshot;
}

ino_t Scene::InodeOfRealDir(size_t index) const {
  struct stat st;
  return stat(RealDir(index).c_str(), &st) == 0 ? st.st_ino : 0;
}

size_t CountDescriptors() {
  size_t count = 0;
  for (int fd = 0; fd < 128; fd++) {
    if (fcntl(fd, F_GETFD) != -1) count++;
  }
  return count;
}

bool IsTemporary(const std::string& name) {
  static const std::regex kTemporary("\\.[A-Za-z0-9_-][A-Za-z0-9_.@+:=-]{0,127}\\.new");
  return std::regex_match(name, kTemporary);
}

}  // namespace boxsockets::fuzz
