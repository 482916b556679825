#include "interpreter.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../posix/parent.h"
#include "check.h"

namespace boxsockets::fuzz {
namespace {

const std::string kNames[] = {
    "a",      "b",    "box-1", ".a.new",   ".b.new",   ".box-1.new",          ".lock",
    ".x.new", ".new", "..new", ".x.y.new", "odd name", std::string(255, 'n'), ".hidden",
};

const std::string kSockets[] = {"box.sock", "ready.sock", "net.sock"};

}  // namespace

void Interpreter::Run() {
  constexpr int kLongestProgram = 48;
  mode_t mask = static_cast<mode_t>(Next()) & 0777;
  if (mask % 8 == 0) mask = 0777;
  for (int step = 0; at_ < size_ && step < kLongestProgram; step++) {
    uint8_t what = Next();
    umask(0);
    if (what < 128) {
      Disturb(what);
      continue;
    }
    before_ = scene_.Look();
    size_t descriptors = CountDescriptors();
    umask(mask);
    Operate(what);
    FUZZ_CHECK(CountDescriptors() == descriptors);
    FUZZ_CHECK(!scene_.WasVisited());
  }
  umask(022);
}

std::string Interpreter::PickTarget(const std::string& name) {
  const std::string targets[] = {
      scene_.RealDir(0),
      scene_.RealDir(1),
      scene_.RealDir(2),
      scene_.RealDir(0) + "/.",
      scene_.base() + "/../r1",
      scene_.Root("missing"),
      scene_.RealDir(2) + "/missing",
      scene_.Root("file"),
      scene_.Root("file") + "/under",
      scene_.InParent(name),  // a loop
      "a",                    // another entry of the parent, or itself
      "../../r2",
      std::string(256, 'n'),  // too long a name
  };
  return Pick(targets);
}

void Interpreter::Disturb(uint8_t what) {
  std::string name;
  switch (what % 8) {
    case 0:
    case 1:
      name = Pick(kNames);
      Plant(scene_.InParent(name), name);
      break;
    case 2:
      ChangeParent();
      break;
    case 3:
      scene_.Remove(scene_.InParent(Pick(kNames)));
      break;
    case 4:
      ChangeRealDir();
      break;
    case 5:
      name = Pick(kSockets);
      Plant(scene_.RealDir(Next()) + "/" + name, name);
      break;
    case 6:
      scene_.DropHeld();
      break;
    default:
      ChangeMode();
      break;
  }
}

void Interpreter::Plant(const std::string& path, const std::string& name) {
  mkdir(scene_.parent().c_str(), 0700);
  uint8_t kind = Next();
  SocketType type = kind % 2 == 0 ? SocketType::kStream : SocketType::kDatagram;
  switch (kind % 9) {
    case 0:
      scene_.MakeFile(path);
      break;
    case 1:
      mkdir(path.c_str(), 0700);
      break;
    case 2:
      mkfifo(path.c_str(), 0600);
      break;
    case 3:
      scene_.MakeSocket(path, type, false);
      break;
    case 4:
    case 5:
      scene_.MakeSocket(path, type, true);
      break;
    default:
      if (symlink(PickTarget(name).c_str(), path.c_str()) != 0) return;  // in the way
      break;
  }
}

void Interpreter::ChangeParent() {
  const std::string& parent = scene_.parent();
  const std::string aside = scene_.base() + "/aside";
  switch (Next() % 5) {
    case 0:
      rename(parent.c_str(), aside.c_str());
      break;
    case 1:
      rename(aside.c_str(), parent.c_str());
      break;
    case 2:
      if (symlink(PickTarget("a").c_str(), parent.c_str()) != 0) scene_.Remove(parent);
      break;
    case 3:
      scene_.MakeFile(parent);
      break;
    default:
      scene_.Remove(parent);
      break;
  }
}

void Interpreter::ChangeRealDir() {
  std::string path = scene_.RealDir(Next());
  std::string aside = scene_.Root("aside");
  switch (Next() % 4) {
    case 0:
      if (rmdir(path.c_str()) != 0) mkdir(path.c_str(), 0700);
      break;
    case 1:
      rename(path.c_str(), aside.c_str());
      break;
    case 2:
      rename(aside.c_str(), path.c_str());
      break;
    default:
      scene_.MakeFile(path);
      break;
  }
}

void Interpreter::ChangeMode() {
  const mode_t kBaseModes[] = {0700, 0755, 0777, 01777, 0500, 02775};
  const mode_t kModes[] = {0700, 0755, 0711, 0000, 0300, 0500, 0100, 02700, 01777};
  uint8_t which = Next();
  if (which % 4 == 0) {
    chmod(scene_.base().c_str(), Pick(kBaseModes));
  } else if (which % 4 == 1) {
    struct stat st;
    if (lstat(scene_.parent().c_str(), &st) == 0 && S_ISDIR(st.st_mode)) {
      chmod(scene_.parent().c_str(), Pick(kModes));
    }
  } else {
    chmod(scene_.RealDir(which).c_str(), Pick(kModes));
  }
}

void Interpreter::CheckOthers(const Snapshot& after, const std::vector<std::string>& ids) const {
  auto may_change = [&](const std::string& name) {
    for (const std::string& id : ids) {
      if (name == id) return true;
    }
    return name == ".lock";
  };
  auto may_vanish = [&](const std::string& name, const Entry& entry) {
    for (const std::string& id : ids) {
      if (name == "." + id + ".new" && entry.IsLink()) return true;
    }
    return false;
  };
  for (const auto& [name, entry] : before_.parent) {
    auto found = after.parent.find(name);
    if (name == ".lock") FUZZ_CHECK(found != after.parent.end() && found->second == entry);
    if (may_change(name)) continue;
    if (found == after.parent.end()) {
      FUZZ_CHECK(may_vanish(name, entry));
    } else {
      FUZZ_CHECK(found->second == entry);
    }
  }
  for (const auto& [name, entry] : after.parent) {
    FUZZ_CHECK(before_.parent.count(name) == 1 || may_change(name));
  }
}

void Interpreter::CheckRealDirs(const Snapshot& after) const {
  FUZZ_CHECK(after.real_dirs == before_.real_dirs);
}

void Interpreter::CheckUntouched(const Snapshot& after) const {
  FUZZ_CHECK(after.has_parent == before_.has_parent);
  FUZZ_CHECK(after.parent_mode == before_.parent_mode);
  FUZZ_CHECK(after.parent == before_.parent);
  CheckRealDirs(after);
}

}  // namespace boxsockets::fuzz
