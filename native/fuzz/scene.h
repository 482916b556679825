// A base with a parent, real directories and sockets in it, which an input fills with anything; and
// what a look at them saw.
#pragma once

#include <sys/stat.h>

#include <map>
#include <string>
#include <vector>

#include "../posix/fd.h"
#include "../posix/paths.h"
#include "../posix/socket.h"

namespace boxsockets::fuzz {

// An entry as it stood.
struct Entry {
  mode_t type;  // S_IFLNK, …
  ino_t inode;
  std::string target;  // of a link
  int errnum;          // why a link does not resolve, or 0
  ino_t leads_to;      // the inode where it does
  bool to_directory;

  bool IsLink() const { return type == S_IFLNK; }
  bool IsGone() const;  // a link that proves to lead nowhere
  bool operator==(const Entry& other) const {
    return type == other.type && inode == other.inode && target == other.target;
  }
};

using Entries = std::map<std::string, Entry>;

struct Snapshot {
  bool has_parent;
  mode_t parent_mode;
  Entries parent;
  std::vector<Entries> real_dirs;
};

class Scene {
 public:
  static constexpr size_t kRealDirs = 3;

  Scene();
  ~Scene();
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;

  std::string Root(const std::string& name) const { return root_ + "/" + name; }
  std::string RealDir(size_t index) const { return Root("r") + std::to_string(index % kRealDirs); }
  std::string InParent(const std::string& name) const { return parent_ + "/" + name; }
  const std::string& base() const { return base_; }
  const std::string& parent() const { return parent_; }

  // All of these do what they can: where something is in the way, nothing.
  void MakeFile(const std::string& path) const;
  void Remove(const std::string& path) const;  // a file, a link, or an empty directory
  // A dead socket, or one that is held from now on.
  void MakeSocket(const std::string& path, SocketType type, bool held);
  void DropHeld();

  // Whether a socket is held in the directory of that inode.
  bool HoldsIn(ino_t directory) const;
  bool Holds(ino_t socket) const;
  // Whether somebody connected, or sent something, to a socket that is held.
  bool WasVisited() const;

  Snapshot Look() const;
  ino_t InodeOfRealDir(size_t index) const;  // 0 where it is missing

 private:
  struct Held {
    Fd fd;
    std::string path;
    ino_t inode;
    ino_t directory;
  };

  std::string root_, base_, parent_;
  std::vector<Held> held_;
};

size_t CountDescriptors();
bool IsTemporary(const std::string& name);

}  // namespace boxsockets::fuzz
