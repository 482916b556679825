// What is read of the kernel's tables, each line of them, where they are hidden, cut or fail: in a
// /proc of the test's own.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <map>

#include "../posix/file_system.h"
#include "../posix/judgement.h"
#include "../posix/lock_owner.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

struct Proc : OwnProc {
  DescriptorCheck descriptors;
};

using Seen = std::vector<std::pair<std::string, uint64_t>>;

Status Read(bool everywhere, Seen* seen) {
  seen->clear();
  return BoundSockets::Read(everywhere, seen, [](void* context, const char* path, uint64_t number) {
    static_cast<Seen*>(context)->emplace_back(path, number);
  });
}

// A line of /proc/net/unix.
std::string Line(const std::string& type_and_state, const std::string& rest) {
  return "0000000000000000: 00000002 00000000 00010000 " + type_and_state + " " + rest + "\n";
}

bool FailedAt(const Status& status, const char* call, int errnum) {
  return HasFailed(status, errnum) && strcmp(status.syscall, call) == 0 &&
         status.subject == Subject::kNone;
}

TEST_CASE(
    "of the kernel's sockets those are told that a path is bound to, and that can be dialed") {
  Proc own;
  own.File("net/unix", "Num       RefCount Protocol Flags    Type St Inode Path\n" +
                           Line("0001 01", "11 /listens") + Line("0001 03", "12 /accepted") +
                           Line("0002 03", "13 /connected datagram") + Line("0005 03", "14 /p") +
                           Line("0005 01", "   15 /packets") + Line("0001 01", "16 @abstract") +
                           Line("0001 01", "17") + Line("0001 01", "18x/y") +
                           Line("0001 01", "19  /late") + Line("0001 01", "/no number") +
                           Line("0001 01", "") + "short line\n\n" + Line("0001 01", "20 /e f/g") +
                           "0000000000000000: 00000002 00000000 00010000 0001 01 21 /cut off");
  Seen seen;
  CHECK(Read(false, &seen).ok());
  CHECK(seen ==
        Seen{{"/listens", 11}, {"/connected datagram", 13}, {"/packets", 15}, {"/e f/g", 20}});
}

TEST_CASE("a table is read in pieces, none of which is lost, but for a line that is none") {
  Proc own;
  Seen expected, seen;
  std::string text;
  for (uint64_t number = 1; number <= 500; number++) {
    std::string path = "/" + std::string(number % 100, 'p');
    text += Line("0001 01", std::to_string(number) + " " + path);
    expected.emplace_back(path, number);
    if (number == 250) text += std::string(20'000, 'x') + "\n";
  }
  own.File("net/unix", text);
  CHECK(Read(false, &seen).ok());
  CHECK(seen == expected);
  Intercept intercept("read", [](int number, const char*) { return number % 2 == 1 ? EINTR : 0; });
  CHECK(Read(false, &seen).ok());
  CHECK(seen == expected);
}

TEST_CASE("a table that is not there, or hidden, has no sockets, and one that fails is told") {
  Proc own;
  own.File("net/unix", Line("0001 01", "11 /a"));
  Seen seen;
  for (int errnum : {ENOENT, ENOTDIR, EACCES, ESRCH, EINVAL}) {
    Intercept intercept("open", 1, [errnum] { return errnum; });
    CAPTURE(errnum);
    CHECK(Read(false, &seen).ok());
    CHECK(seen.empty());
  }
  for (const char* call : {"open", "read"}) {
    Intercept intercept(call, 1, [] { return EIO; });
    CHECK(FailedAt(Read(false, &seen), call, EIO));
  }
  Intercept intercept("open", 1, [] { return EINTR; });
  CHECK(Read(false, &seen).ok());
  CHECK(seen == Seen{{"/a", 11}});
}

// Five processes in two network namespaces, and what is no process, or has no namespace.
struct Spaces : Proc {
  Spaces() {
    File("net/unix", Line("0001 01", "1 /own"));
    Link("self/ns/net", "net:[101]");
    File("self/net/unix", Line("0001 01", "2 /not twice"));
    for (const char* pid : {"11", "12"}) Add(pid, "net:[101]", "3 /not twice either");
    for (const char* pid : {"21", "22", "23"}) Add(pid, "net:[102]", "4 /other");
    Add("31", "", "5 /without a namespace");
    Add("41", "usr:[104]", "6 /of another kind");
    Add("42", "netx[105]", "7 /of another kind");
    Add("43", std::string(200, 'x'), "8 /of another kind");
    Add("-5", "net:[106]", "9 /of no process");
    Add("51x", "net:[107]", "10 /of no process");
  }
  void Add(const std::string& pid, const std::string& space, const std::string& line) const {
    if (!space.empty()) Link(pid + "/ns/net", space);
    File(pid + "/net/unix", Line("0001 01", line));
  }
  Seen seen;
};

TEST_CASE("each network namespace is read once, by the first process of it that is met") {
  Spaces spaces;
  CHECK(Read(true, &spaces.seen).ok());
  CHECK(spaces.seen == Seen{{"/own", 1}, {"/other", 4}});
  CHECK(Read(false, &spaces.seen).ok());
  CHECK(spaces.seen == Seen{{"/own", 1}});
}

TEST_CASE(
    "where processes are hidden the own table is told, and what fails beside it ends the reading") {
  Spaces spaces;
  for (int errnum : {ENOENT, EACCES}) {
    Intercept intercept("openat", 1, [errnum] { return errnum; });
    CHECK(Read(true, &spaces.seen).ok());
    CHECK(spaces.seen == Seen{{"/own", 1}});
  }
  {
    Intercept intercept("readlink", [](int, const char*) { return EACCES; });
    CHECK(Read(true, &spaces.seen).ok());
    CHECK(spaces.seen == Seen{{"/own", 1}});
    CHECK(intercept.calls() > 9);
  }
  for (const char* call : {"openat", "fdopendir", "readdir"}) {
    Intercept intercept(call, 1, [] { return EIO; });
    CHECK(FailedAt(Read(true, &spaces.seen), call, EIO));
  }
  {
    Intercept intercept("readlink", [](int, const char*) { return EIO; });
    CHECK(FailedAt(Read(true, &spaces.seen), "readlink", EIO));
    CHECK(intercept.calls() == 1);
  }
  {
    int opened = 0;
    Intercept intercept("open", [&](int, const char*) { return ++opened >= 2 ? EIO : 0; });
    CHECK(FailedAt(Read(true, &spaces.seen), "open", EIO));
    CHECK(opened == 2);
  }
  Intercept intercept("realloc", 1, [] { return ENOMEM; });
  CHECK(FailedAt(Read(true, &spaces.seen), "malloc", ENOMEM));
}

TEST_CASE(
    "a holder is told with each of its sockets, the first of several where one is asked for") {
  Proc own;
  for (const char* pid : {"51", "52", "53"}) {
    own.Link(std::string(pid) + "/fd/3", "socket:[77]");
    own.Link(std::string(pid) + "/fd/4", "pipe:[78]");
    own.Link(std::string(pid) + "/fd/10", "socket:[8" + std::string(pid) + "]");
  }
  own.File("54/status", "");  // no descriptors, or not to be seen
  // The first thread of a process has ended, so that the descriptors are those of the others.
  own.File("55/fd/none", "");
  for (const char* thread : {"55", "56"}) own.File("55/task/" + std::string(thread) + "/comm", "");
  own.Link("56/fd/0", "socket:[856]");
  own.Link("self/fd/3", "socket:[79]");
  std::vector<std::pair<int64_t, uint64_t>> found;
  BoundSockets::ForEachHolder(&found, [](void* context, int64_t pid, uint64_t number) {
    static_cast<decltype(found)*>(context)->emplace_back(pid, number);
  });
  CHECK(found.size() == 8);
  std::map<uint64_t, int64_t> first;
  for (auto [pid, number] : found) first.emplace(number, pid);
  CHECK(first.size() == 5);
  for (auto [number, pid] : first) CHECK(BoundSockets::HolderOf(number) == pid);
  CHECK(first[852] == 52);
  CHECK(std::count(found.begin(), found.end(), std::pair<int64_t, uint64_t>(55, 856)) == 1);
  CHECK(BoundSockets::HolderOf(78) == 0);
  CHECK(BoundSockets::HolderOf(79) == 0);
}

struct stat LockAt(unsigned major_number, unsigned minor_number, ino_t number) {
  struct stat st = {};
  st.st_dev = makedev(major_number, minor_number);
  st.st_ino = number;
  return st;
}

TEST_CASE("who holds a lock is told by the line of its inode alone, be it the shortest") {
  struct stat lock = LockAt(0xfe, 8, 131075);
  auto owner = [&](const std::string& text) {
    Proc own;
    own.File("locks", text);
    return LockOwner(lock);
  };
  std::string right = "1: FLOCK ADVISORY WRITE 4711 fe:08:131075";
  CHECK(owner(right + "\n") == 4711);
  CHECK(owner(right + " 0 EOF\n") == 4711);
  CHECK(owner(right) == -1);
  for (const char* other : {"fex08:131075", "fe:08x131075", "fe:8:131075x", "fd:08:131075",
                            "fe:09:131075", "fe:08:131076"}) {
    CAPTURE(other);
    CHECK(owner("1: FLOCK ADVISORY WRITE 4711 " + std::string(other) + "\n") == -1);
  }
  std::string others;
  while (others.size() < 10'000) {
    others +=
        "2: POSIX ADVISORY WRITE 12 fe:08:131075 0 EOF\n3: FLOCK ADVISORY READ 13 fe:08:9 0\n";
  }
  CHECK(owner(others + right + " 0 EOF\n" + others) == 4711);
  // Read in two pieces, wherever the first one ends.
  for (size_t size = 6'140; size <= 6'200; size++) {
    std::string before = std::string(2'000, 'x') + "\n" + std::string(size, 'x') + "\n";
    CHECK(owner(before + right + "\n") == 4711);
  }
}

TEST_CASE("what a signal interrupts in the list of locks is read again, and no list has no owner") {
  struct stat lock = LockAt(0xfe, 8, 131075);
  Proc own;
  CHECK(LockOwner(lock) == -1);
  own.File("locks", "1: FLOCK  ADVISORY  WRITE 4711 fe:08:131075 0 EOF\n");
  for (const char* call : {"open", "read"}) {
    {
      Intercept intercept(call, 1, [] { return EINTR; });
      CHECK(LockOwner(lock) == 4711);
    }
    Intercept intercept(call, 1, [] { return EIO; });
    CHECK(LockOwner(lock) == -1);
  }
}

TEST_CASE("a file system whose sockets another kernel may serve is not served here") {
  statfs_type = 0x01021994;  // tmpfs
  CHECK(IsServedHere("/"));
  for (unsigned type :
       {0x6969U, 0x517bU, 0xff534d42U, 0xfe534d42U, 0x01021997U, 0x65735546U, 0x00c36400U,
        0x5346414fU, 0x6b414653U, 0x73757245U, 0x01161970U, 0x7461636fU, 0x0bd00bd0U, 0x47504653U,
        0x786f4256U, 0xbacbacbcU, 0x19830326U}) {
    statfs_type = type;
    CAPTURE(type);
    CHECK(!IsServedHere("/"));
  }
  statfs_type = 0x01021994;
  {
    Intercept intercept("statfs", 1, [] { return EIO; });
    CHECK(!IsServedHere("/"));
    CHECK(errno == EIO);
  }
  Intercept intercept("statfs", 1, [] { return EINTR; });
  CHECK(IsServedHere("/"));
  CHECK(errno == 0);
  statfs_type = 0;
}

}  // namespace
}  // namespace boxsockets::test
