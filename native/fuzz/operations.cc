// What each operation promises, held against what it did.
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>

#include "../posix/binding.h"
#include "../posix/list.h"
#include "../posix/listen.h"
#include "../posix/probe.h"
#include "../posix/sweep.h"
#include "check.h"
#include "interpreter.h"

namespace boxsockets::fuzz {
namespace {

constexpr int64_t kNoWait = 0;
const std::string kIds[] = {"a", "b", "box-1"};
const std::string kSockets[] = {"box.sock", "ready.sock", "net.sock"};

bool IsHidden(const std::string& name) { return name[0] == '.'; }

// Whether its owner can read and search the parent, so that an operation that repairs nothing sees
// what we saw.
bool IsOpen(const Snapshot& snapshot) { return (snapshot.parent_mode & 0700) == 0700; }

const Entry* Find(const Snapshot& snapshot, const std::string& name) {
  auto found = snapshot.parent.find(name);
  return found == snapshot.parent.end() ? nullptr : &found->second;
}

bool IsSame(const Entry* a, const Entry* b) {
  return a == nullptr ? b == nullptr : b != nullptr && *a == *b;
}

Paths PathsOf(const Scene& scene, const std::string& binding, const std::string& real_dir) {
  return {scene.base().c_str(), scene.parent().c_str(), binding.c_str(), real_dir.c_str()};
}

Paths ParentPaths(const Scene& scene) {
  return {scene.base().c_str(), scene.parent().c_str(), scene.parent().c_str(), nullptr};
}

}  // namespace

void Interpreter::Operate(uint8_t which) {
  switch (which % 8) {
    case 0:
    case 1:
      return RunEnsure();
    case 2:
      return RunEnsureAll();
    case 3:
      return RunRemove();
    case 4:
      return RunSweep();
    case 5:
      return RunList();
    case 6:
      return RunProbe();
    default:
      return RunListen();
  }
}

void Interpreter::CheckEnsured(const Snapshot& after, const std::string& id, size_t real_dir,
                               const Status& status) const {
  const Entry* was = Find(before_, id);
  const Entry* is = Find(after, id);
  if (!status.ok()) {
    FUZZ_CHECK(IsSame(was, is));
    return;
  }
  FUZZ_CHECK(is != nullptr && is->leads_to == scene_.InodeOfRealDir(real_dir));
  FUZZ_CHECK(after.parent_mode == 0700);
}

void Interpreter::RunEnsure() {
  std::string id = Pick(kIds), binding = scene_.InParent(id);
  size_t real_dir = Next() % Scene::kRealDirs;
  std::string real = scene_.RealDir(real_dir);
  EnsureOptions options = {};
  options.takeover = Next() % 4 == 0;
  options.lock_timeout_ms = kNoWait;
  EnsureResult result = EnsureResult::kUnchanged;
  Status status = Ensure(PathsOf(scene_, binding, real), options, &result);
  Snapshot after = scene_.Look();
  CheckEnsured(after, id, real_dir, status);
  CheckOthers(after, {id});
  CheckRealDirs(after);
  const Entry* was = Find(before_, id);
  if (!status.ok()) return;
  if (result == EnsureResult::kUnchanged) FUZZ_CHECK(IsSame(was, Find(after, id)));
  if (result == EnsureResult::kCreated) FUZZ_CHECK(was == nullptr);
  if (result != EnsureResult::kReplaced) return;
  FUZZ_CHECK(was != nullptr && was->IsLink());
  FUZZ_CHECK(Find(after, "." + id + ".new") == nullptr);
  bool free = was->errnum == 0 && !(was->to_directory && scene_.HoldsIn(was->leads_to));
  FUZZ_CHECK(options.takeover || was->IsGone() || was->errnum == ELOOP || free);
}

void Interpreter::RunEnsureAll() {
  std::string bindings[3], real_dirs[3];
  BatchItem items[3] = {};
  size_t first = Next();
  for (size_t i = 0; i < 3; i++) {
    bindings[i] = scene_.InParent(kIds[i]);
    real_dirs[i] = scene_.RealDir(first + i);
    items[i].paths = PathsOf(scene_, bindings[i], real_dirs[i]);
  }
  EnsureAll(items, 3, {false, kNoWait});
  Snapshot after = scene_.Look();
  for (size_t i = 0; i < 3; i++) {
    // A link that leads to its real directory by way of another binding is right, until that one is
    // moved in the same batch.
    const Entry* was = Find(before_, kIds[i]);
    if (was != nullptr && was->target == kIds[0]) continue;
    CheckEnsured(after, kIds[i], (first + i) % Scene::kRealDirs, items[i].status);
  }
  CheckOthers(after, {kIds[0], kIds[1], kIds[2]});
  CheckRealDirs(after);
}

void Interpreter::RunRemove() {
  std::string id = Pick(kIds), binding = scene_.InParent(id);
  size_t real_dir = Next() % Scene::kRealDirs;
  std::string real = scene_.RealDir(real_dir);
  RemoveResult result = RemoveResult::kForeign;
  Status status = Remove(PathsOf(scene_, binding, real), kNoWait, &result);
  Snapshot after = scene_.Look();
  CheckOthers(after, {id});
  CheckRealDirs(after);
  const Entry* was = Find(before_, id);
  ino_t inode = scene_.InodeOfRealDir(real_dir);
  bool ours =
      was != nullptr && was->IsLink() && (was->IsGone() || (inode != 0 && was->leads_to == inode));
  if (!status.ok() || result == RemoveResult::kForeign) {
    FUZZ_CHECK(IsSame(was, Find(after, id)));
    FUZZ_CHECK(!status.ok() || (was != nullptr && !ours));
    return;
  }
  FUZZ_CHECK(Find(after, id) == nullptr);
  FUZZ_CHECK(result == RemoveResult::kRemoved ? ours : was == nullptr);
}

void Interpreter::RunSweep() {
  bool dry_run = Next() % 2 == 0;
  SweepResult result;
  Status status = SweepStale(ParentPaths(scene_), {dry_run, kNoWait}, &result);
  Snapshot after = scene_.Look();
  std::set<std::string> removed, skipped, stale, unclear;
  for (size_t offset : result.removed) removed.insert(result.names.at(offset));
  for (const auto& entry : result.skipped) skipped.insert(result.names.at(entry.name));
  FUZZ_CHECK(removed.size() == result.removed.size());  // nothing is told twice
  FUZZ_CHECK(skipped.size() == result.skipped.size());
  uint32_t kept = 0;
  for (const auto& [name, entry] : before_.parent) {
    if (!entry.IsLink()) continue;
    if (IsHidden(name)) {
      if (IsTemporary(name)) stale.insert(name);
    } else if (entry.errnum == 0) {
      kept++;
    } else {
      (entry.IsGone() ? stale : unclear).insert(name);
    }
  }
  if (status.ok() && before_.has_parent && (IsOpen(before_) || !dry_run)) {
    FUZZ_CHECK(removed == stale);
    FUZZ_CHECK(skipped == unclear);
    FUZZ_CHECK(result.kept == kept);
  }
  if (dry_run) return CheckUntouched(after);
  CheckRealDirs(after);
  Entries expected = before_.parent, found = after.parent;
  for (const std::string& name : removed) FUZZ_CHECK(stale.count(name) == 1);
  for (const std::string& name : removed) expected.erase(name);
  if (expected.count(".lock") == 0) found.erase(".lock");
  FUZZ_CHECK(found == expected);
}

void Interpreter::RunList() {
  Listing listing;
  Status status = List(ParentPaths(scene_), 2000, &listing);
  Snapshot after = scene_.Look();
  CheckUntouched(after);
  if (!status.ok() || !before_.has_parent) return;
  std::set<std::string> names;
  for (const Listing::Entry& entry : listing.entries) {
    std::string name = listing.names.at(entry.id);
    FUZZ_CHECK(names.insert(name).second && !IsHidden(name));
    if (!IsOpen(before_)) continue;
    const Entry* is = Find(before_, name);
    FUZZ_CHECK(is != nullptr);
    FUZZ_CHECK(is->IsLink() == (entry.state != BindingState::kNotASymlink));
    FUZZ_CHECK(is->IsGone() == (entry.state == BindingState::kDangling));
    if (!is->IsLink()) continue;
    FUZZ_CHECK(listing.names.at(entry.target) == is->target);
    bool unreadable = is->errnum != 0 && !is->IsGone();
    if (unreadable) FUZZ_CHECK(entry.state == BindingState::kUnreadable);
    if (unreadable) FUZZ_CHECK(entry.errnum == is->errnum);
    if (entry.state == BindingState::kIdle) FUZZ_CHECK(!scene_.HoldsIn(is->leads_to));
  }
  if (!IsOpen(before_)) return;
  for (const auto& [name, entry] : before_.parent) {
    FUZZ_CHECK(IsHidden(name) || names.count(name) == 1);
  }
}

void Interpreter::RunProbe() {
  std::string binding = scene_.InParent(Pick(kIds)), real = scene_.RealDir(Next());
  std::string path = binding + "/.standin";
  SocketType type = Next() % 2 == 0 ? SocketType::kStream : SocketType::kDatagram;
  Status status = Probe({path.c_str(), ".standin", real.c_str(), type});
  struct stat by_binding, by_path;
  bool leads_there = stat(binding.c_str(), &by_binding) == 0 && stat(real.c_str(), &by_path) == 0 &&
                     by_binding.st_ino == by_path.st_ino;
  FUZZ_CHECK(!status.ok() || leads_there);
  RemoveLeftovers(real.c_str(), binding.c_str());
  CheckUntouched(scene_.Look());
}

void Interpreter::RunListen() {
  std::string id = Pick(kIds), binding = scene_.InParent(id), name = Pick(kSockets);
  size_t real_dir = Next() % Scene::kRealDirs;
  std::string real = scene_.RealDir(real_dir);
  Paths paths = PathsOf(scene_, binding, real);
  ListenOptions options;
  options.ensure.lock_timeout_ms = kNoWait;
  Listener listener;
  Status status = Listen(paths, name.c_str(), options, &listener);
  const Entries& was = before_.real_dirs[real_dir];
  if (status.ok()) {
    Snapshot during = scene_.Look();
    CheckEnsured(during, id, real_dir, status);
    CheckOthers(during, {id});
    FUZZ_CHECK(during.real_dirs[real_dir][name].inode == listener.identity.inode);
    struct stat st;
    FUZZ_CHECK(lstat((real + "/" + name).c_str(), &st) != 0 || (st.st_mode & 0777) == 0600);
    listener.socket.Reset();
    Status unlinked = UnlinkOwn(paths, name.c_str(), listener.identity, kNoWait);
    FUZZ_CHECK(unlinked.ok());
    listener.pin.Reset();
  } else {
    listener = Listener();
  }
  // Gone is at most the dead socket that bore the name.
  Snapshot after = scene_.Look();
  auto found = was.find(name);
  bool replaced = after.real_dirs[real_dir].count(name) == 0 && found != was.end();
  if (replaced) {
    FUZZ_CHECK(found->second.type == S_IFSOCK && !scene_.Holds(found->second.inode));
    before_.real_dirs[real_dir].erase(name);
  }
  CheckRealDirs(after);
}

}  // namespace boxsockets::fuzz
