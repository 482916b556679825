#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#if defined(__linux__)
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#endif
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "../posix/judgement.h"

// There where coverage is measured (clang's profile runtime).
extern "C" int __llvm_profile_write_file() __attribute__((weak));                // NOLINT
extern "C" void __llvm_profile_set_filename(const char*) __attribute__((weak));  // NOLINT

namespace boxsockets::test {
namespace {

// What a child reached: _exit() would lose it, and another user cannot write to the usual file.
void WriteProfile() {
  const char* file = getenv("LLVM_PROFILE_FILE");
  if (__llvm_profile_write_file == nullptr || file == nullptr) return;
  std::string own = std::string(file) + ".child-" + std::to_string(getpid());
  __llvm_profile_set_filename(own.c_str());
  __llvm_profile_write_file();
}

constexpr uid_t kOrdinaryUid = 12345;

// Permission bits of what the test made may be in the way.
void RemoveTree(const std::string& path) {
  struct stat st;
  if (lstat(path.c_str(), &st) != 0) return;
  if (!S_ISDIR(st.st_mode)) {
    unlink(path.c_str());
    return;
  }
  chmod(path.c_str(), 0700);
  for (const std::string& name : EntriesOf(path)) {
    RemoveTree(JoinedPath(path.c_str(), name.c_str()).c_str());
  }
  rmdir(path.c_str());
}

}  // namespace

TempDirectory::TempDirectory() {
  // Short, because sockets are bound in it; and not where TMPDIR leads, for the same reason.
  char name[] = "/tmp/bsn-XXXXXX";
  REQUIRE(mkdtemp(name) != nullptr);
  path_ = name;
}

TempDirectory::~TempDirectory() { RemoveTree(path_); }

DescriptorCheck::DescriptorCheck() : before_(CountDescriptors()) {}

DescriptorCheck::~DescriptorCheck() { CHECK(CountDescriptors() == before_); }

World::World(const std::string& id) {
  base = home / "base";
  parent = base + "/bl";
  binding = parent + "/" + id;
  real_dir = home / "real";
  uid = geteuid();
  test::MakeDirectory(base);
  test::MakeDirectory(real_dir);
}

BoundWorld::BoundWorld() {
  MakeParent();
  MakeLink(real_dir, binding);
}

std::string World::MakeDirectory(const std::string& name) const {
  std::string path = home / name;
  test::MakeDirectory(path);
  return path;
}

void Box::MakeParent(mode_t mode) const { MakeDirectory(parent, mode); }

Box Box::Sibling(const std::string& id, const std::string& its_real_dir) const {
  return {base, parent, parent + "/" + id, its_real_dir, uid};
}

void MakeDirectory(const std::string& path, mode_t mode) {
  REQUIRE(mkdir(path.c_str(), 0700) == 0);
  REQUIRE(chmod(path.c_str(), mode) == 0);
}

void MakeFile(const std::string& path, const std::string& text) {
  Fd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  REQUIRE(fd.valid());
  REQUIRE(write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

void MakeFifo(const std::string& path) { REQUIRE(mkfifo(path.c_str(), 0600) == 0); }

void MakeLink(const std::string& target, const std::string& path) {
  REQUIRE(symlink(target.c_str(), path.c_str()) == 0);
}

Fd MakeSocket(const std::string& path, SocketType type) {
  Address address;
  Fd fd;
  REQUIRE(Address::Make(path.c_str(), kSunPathCapacity, "bind", &address).ok());
  REQUIRE(OpenSocket(type, &fd).ok());
  REQUIRE(bind(fd.get(), address.get(), address.size()) == 0);
  if (type == SocketType::kStream) REQUIRE(listen(fd.get(), 8) == 0);
  return fd;
}

void MakeDeadSocket(const std::string& path, SocketType type) { MakeSocket(path, type).Reset(); }

bool Exists(const std::string& path) {
  struct stat st;
  return lstat(path.c_str(), &st) == 0;
}

bool IsLink(const std::string& path) {
  struct stat st;
  return lstat(path.c_str(), &st) == 0 && S_ISLNK(st.st_mode);
}

bool IsSameDirectory(const std::string& a, const std::string& b) {
  struct stat first, second;
  return stat(a.c_str(), &first) == 0 && stat(b.c_str(), &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

struct stat StatOf(const std::string& path) {
  struct stat st = {};
  REQUIRE(lstat(path.c_str(), &st) == 0);
  return st;
}

mode_t ModeOf(const std::string& path) { return StatOf(path).st_mode & 07777; }

std::string TargetOf(const std::string& link) {
  char target[PATH_MAX + 1];
  ssize_t size = readlink(link.c_str(), target, sizeof target);
  return size < 0 ? std::string() : std::string(target, static_cast<size_t>(size));
}

std::vector<std::string> EntriesOf(const std::string& directory) {
  std::vector<std::string> names;
  DIR* dir = opendir(directory.c_str());
  if (dir == nullptr) return names;
  while (const dirent* entry = readdir(dir)) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  closedir(dir);
  std::sort(names.begin(), names.end());
  return names;
}

size_t CountDescriptors() {
  size_t count = 0;
  for (int fd = 0; fd < 1024; fd++) {
    if (fcntl(fd, F_GETFD) != -1) count++;
  }
  return count;
}

bool SocketIsHeld(const char* path) {
  Verdict verdict;
  REQUIRE(Question().Ask(AT_FDCWD, "", path, &verdict).ok());
  return !verdict.IsDead() && verdict.judgement != Judgement::kGone;
}

bool HasVisitor(const Fd& listener) {
  struct pollfd poll_fd = {listener.get(), POLLIN, 0};
  return poll(&poll_fd, 1, 0) == 1;
}

bool IsRoot() { return geteuid() == 0; }

#if defined(__linux__)

// The saved uid stays root's, which is the way back.
AsUser::AsUser(uid_t uid) : before_(geteuid()) {
  if (uid == before_) return;
  REQUIRE(setgroups(0, nullptr) == 0);
  REQUIRE(setresuid(uid, uid, before_) == 0);
  REQUIRE(prctl(PR_SET_DUMPABLE, 1) == 0);  // else /proc/self stays root's
}

AsUser::~AsUser() {
  if (geteuid() != before_) setresuid(before_, before_, before_);
}

#else

// Without saved uids there is no way back: tests that need it are skipped, see IsRoot().
AsUser::AsUser(uid_t uid) : before_(geteuid()) { REQUIRE(uid == before_); }
AsUser::~AsUser() = default;

#endif

uid_t AsUser::Ordinary() { return IsRoot() ? kOrdinaryUid : geteuid(); }

Child::Child(const std::function<int()>& work) {
  fflush(nullptr);
  pid_ = fork();
  REQUIRE(pid_ >= 0);
  if (pid_ != 0) return;
  int status = work();
  fflush(nullptr);
  WriteProfile();
  _exit(status);
}

Child::~Child() {
  if (pid_ > 0) Wait();
}

bool Child::IsRunning() const {
  siginfo_t info = {};
  return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == 0;
}

void Child::Kill() const { kill(pid_, SIGKILL); }

int Child::Wait() {
  int status = 0;
  while (waitpid(pid_, &status, 0) == -1 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Signal::Signal() {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  read_ = Fd(ends[0]);
  write_ = Fd(ends[1]);
}

void Signal::Send() const { REQUIRE(write(write_.get(), "!", 1) == 1); }

void Signal::Await() const {
  char byte;
  REQUIRE(read(read_.get(), &byte, 1) == 1);
}

int Signal::Pending() const {
  int bytes = 0;
  REQUIRE(ioctl(read_.get(), FIONREAD, &bytes) == 0);
  return bytes;
}

}  // namespace boxsockets::test

namespace boxsockets {

#if defined(__linux__)
bool MountOver(const std::string& shown, const std::string& place) {
  return unshare(CLONE_NEWNS) == 0 &&
         mount("none", "/", "none", MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount(shown.c_str(), place.c_str(), "none", MS_BIND, nullptr) == 0;
}
#endif

doctest::String toString(const Status& status) {
  std::string text = "refusal " + std::to_string(static_cast<int>(status.refusal)) + ", " +
                     (status.syscall == nullptr ? "no call" : status.syscall) + ": " +
                     strerror(status.errnum) + ", subject " +
                     std::to_string(static_cast<int>(status.subject));
  return text.c_str();
}

}  // namespace boxsockets
