// The judgement on a socket, by every answer that the kernel may give.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <map>

#include "../posix/judgement.h"
#include "../posix/syscalls.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

struct Asked {
  explicit Asked(const BoundWorld& world) {
    Fd directory(open(world.real_dir.c_str(), kOpenDirectoryOnly));
    status = Question().Ask(directory.get(), world.real_dir.c_str(), "box.sock", &verdict);
  }
  bool Is(Judgement judgement, Reason reason = Reason::kNone, int errnum = 0) const {
    return status.ok() && verdict.judgement == judgement && verdict.reason == reason &&
           verdict.errnum == errnum;
  }
  Status status;
  Verdict verdict;
};

TEST_CASE("each answer to a connect has its judgement") {
  BoundWorld world;
  MakeDeadSocket(world.path);
  CHECK(Asked(world).Is(Judgement::kDead));
  for (int errnum : {EPROTOTYPE, EPERM, EAGAIN}) {
    Intercept intercept("connect", [&](int, const char*) { return errnum; });
    CAPTURE(errnum);
    CHECK(Asked(world).Is(Judgement::kAlive));
    CHECK(intercept.calls() == 1);
  }
  for (int errnum : {EACCES, EIO, ENOMEM, ELOOP}) {
    Intercept intercept("connect", [&](int, const char*) { return errnum; });
    CAPTURE(errnum);
    CHECK(Asked(world).Is(Judgement::kUnknown, Reason::kErrno, errnum));
  }
  for (int errnum : {ENOENT, ENOTDIR}) {
    Intercept intercept("connect", [&](int, const char*) { return errnum; });
    CAPTURE(errnum);
    CHECK(Asked(world).Is(Judgement::kGone));
    // By a descriptor, and, as where /proc is not mounted, by its path.
    CHECK(intercept.calls() == 2);
  }
}

TEST_CASE(
    "where /proc is not mounted a socket is asked by its path, and a signal ends no question") {
  BoundWorld world;
  Fd held = MakeSocket(world.path, SocketType::kDatagram);
  for (int errnum : {ENOENT, EINTR}) {
    Intercept intercept("connect", 1, [&] { return errnum; });
    CAPTURE(errnum);
    CHECK(Asked(world).Is(Judgement::kAlive));
    CHECK(intercept.calls() == 2);
  }
  Intercept intercept("openat", 1, [] { return EINTR; });
  CHECK(Asked(world).Is(Judgement::kAlive));
}

TEST_CASE(
    "a file that cannot be opened is gone, or unknown, and without descriptors none is judged") {
  BoundWorld world;
  MakeDeadSocket(world.path);
  for (int errnum : {ENOENT, ENOTDIR, EACCES, EIO, EMFILE, ENFILE}) {
    Intercept intercept("openat", [&](int, const char*) { return errnum; });
    Asked asked(world);
    CAPTURE(errnum);
    if (IsGone(errnum)) {
      CHECK(asked.Is(Judgement::kGone));
    } else if (errnum == EMFILE || errnum == ENFILE) {
      CHECK(HasFailed(asked.status, errnum));
      CHECK(asked.status.subject == Subject::kSocket);
    } else {
      CHECK(asked.Is(Judgement::kUnknown, Reason::kErrno, errnum));
    }
  }
  {
    Intercept intercept("socket", 1, [] { return EMFILE; });
    CHECK(HasFailed(Asked(world).status, EMFILE));
  }
  // What refused is looked at once more.
  for (int errnum : {ENOENT, EIO}) {
    Intercept intercept("fstat", 1, [&] { return errnum; });
    CAPTURE(errnum);
    CHECK((errnum == EIO ? Asked(world).Is(Judgement::kUnknown, Reason::kErrno, EIO)
                         : Asked(world).Is(Judgement::kGone)));
  }
}

struct Found {
  explicit Found(const std::string& path) {
    Fd directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    Sockets found;
    status = FindSockets(&directory, path.c_str(), &found);
    for (const FoundSocket& one : found.found) sockets[found.names.at(one.name)] = one.verdict;
  }
  Status status;
  std::map<std::string, Verdict> sockets;
};

TEST_CASE("a directory that goes, or becomes a link, while it is searched is passed over") {
  SKIP_UNLESS(KnowsOpenat2(), kWithoutOpenat2);
  BoundWorld world;
  MakeDirectory(world.real_dir + "/pool");
  MakeDeadSocket(world.real_dir + "/pool/s");
  CHECK(Found(world.real_dir).sockets.count("pool/s") == 1);
  for (int errnum : {ENOENT, ENOTDIR, ELOOP, EACCES, EXDEV}) {
    Intercept intercept("openat2", 1, [&] { return errnum; });
    Found found(world.real_dir);
    bool changed = IsGone(errnum) || errnum == ELOOP;
    CAPTURE(errnum);
    CHECK(found.status.ok());
    CHECK(found.sockets.size() == (changed ? 0 : 1));
    if (changed) continue;
    CHECK(found.sockets.at("pool").judgement == Judgement::kUnknown);
    CHECK(found.sockets.at("pool").errnum == errnum);
  }
}

TEST_CASE("a socket that goes while it is searched for is not told of, and a failure is") {
  BoundWorld world;
  MakeDeadSocket(world.path);
  for (int errnum : {ENOENT, EMFILE}) {
    Intercept intercept("openat", 1, [&] { return errnum; });
    Found found(world.real_dir);
    CAPTURE(errnum);
    CHECK(found.sockets.empty());
    CHECK((errnum == ENOENT ? found.status.ok() : HasFailed(found.status, EMFILE)));
  }
  for (const char* call : {"fdopendir", "readdir"}) {
    Intercept intercept(call, 1, [] { return EIO; });
    CAPTURE(call);
    CHECK(HasFailed(Found(world.real_dir).status, EIO));
  }
}

TEST_CASE(
    "what is alive or gone is not asked of the kernel's list, nor what cannot be asked at all") {
  BoundWorld world;
  Fd directory(open(world.real_dir.c_str(), kOpenDirectoryOnly));
  Verdict verdict;
  auto judge = [&] {
    return JudgeSocket(directory.get(), world.real_dir.c_str(), world.binding.c_str(), "box.sock",
                       &verdict);
  };
  Fd held = MakeSocket(world.path, SocketType::kStream);
  int reads = 0;
  Intercept intercept("*", [&](int, const char* name) {
    if (strcmp(name, "read") == 0) reads++;
    return 0;
  });
  CHECK(judge().ok());
  CHECK(verdict.judgement == Judgement::kAlive);
  REQUIRE(unlink(world.path.c_str()) == 0);
  CHECK(judge().ok());
  CHECK(verdict.judgement == Judgement::kGone);
  CHECK(reads == 0);
  MakeDeadSocket(world.path);
  CHECK(judge().ok());
  CHECK(verdict.judgement == Judgement::kAlive);
  CHECK(reads > 0);
  held.Reset();
  CHECK(judge().ok());
  CHECK(verdict.judgement == Judgement::kDead);
}

TEST_CASE("a judgement that could not be asked for, or that the list does not confirm, is told") {
  BoundWorld world;
  Fd directory(open(world.real_dir.c_str(), kOpenDirectoryOnly));
  MakeDeadSocket(world.path);
  for (const char* call : {"openat", "open", "read"}) {
    int errnum = strcmp(call, "openat") == 0 ? EMFILE : EIO;
    Intercept intercept(call, 1, [&] { return errnum; });
    Verdict verdict;
    CAPTURE(call);
    CHECK(HasFailed(JudgeSocket(directory.get(), world.real_dir.c_str(), world.binding.c_str(),
                                "box.sock", &verdict),
                    errnum));
  }
}

TEST_CASE("a path lies below a directory by whole components, however many slashes end it") {
  auto below = [](const char* path, const char* directory) {
    const char* rest = PathBelow(path, directory);
    return std::string(rest == nullptr ? "none" : rest);
  };
  CHECK(below("/a/b", "/a") == "b");
  CHECK(below("/a/b/c", "/a/") == "b/c");
  CHECK(below("/a/b", "/a///") == "b");
  CHECK(below("/a/", "/a") == "");
  for (const char* directory : {"/a/b", "/a/b/", "/a/bc", "/b", "/a/x", "/"}) {
    CAPTURE(directory);
    CHECK(below("/a/b", directory) == "none");
  }
  CHECK(below("/ab", "/a") == "none");
  CHECK(below("//x", "/") == "x");
}

}  // namespace
}  // namespace boxsockets::test
