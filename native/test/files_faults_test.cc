// What is told, and what is left, where a call fails in reading, writing or making a file of a
// home.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../posix/files.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

using Names = std::vector<std::string>;

struct Home {
  DescriptorCheck descriptors;
  TempDirectory directory;
  std::string home = directory / "home", log = home + "/logs/log";

  Home() {
    MakeDirectory(home);
    MakeDirectory(home + "/logs");
  }
  FileAt at(const char* path = "logs/log") const { return {home.c_str(), path}; }
  Status Read(const char* path = "logs/log", size_t most = 100, bool from_end = false) {
    Vec<char> bytes;
    Status status = ReadFile(at(path), most, from_end, &bytes, &size);
    text = std::string(bytes.data() == nullptr ? "" : bytes.data(), bytes.size());
    return status;
  }
  Status Replace() const { return ReplaceFile(at(), "ours", 4, 0640); }

  std::string text;
  int64_t size = -1;
};

bool FailedAt(const Status& status, const char* call, int errnum) {
  return HasFailed(status, errnum) && strcmp(status.syscall, call) == 0 &&
         status.subject == Subject::kFile;
}

bool LacksMemory(const Status& status) {
  return HasFailed(status, ENOMEM) && strcmp(status.syscall, "malloc") == 0;
}

TEST_CASE("what a signal interrupts is done again, in reading and in writing a file") {
  Home home;
  for (const char* call : {"open", "openat2", "write", "pread"}) {
    Intercept intercept(call, 1, [] { return EINTR; });
    CAPTURE(call);
    CHECK(home.Replace().ok());
    CHECK(home.Read().ok());
    CHECK(home.text == "ours");
    CHECK(intercept.calls() > 1);
  }
}

TEST_CASE("a read that fails is told by its call, and one of as much as there is asks once") {
  Home home;
  MakeFile(home.log, std::string(9'000, 'a'));
  for (const char* call : {"open", "fstat", "pread"}) {
    Intercept intercept(call, 1, [] { return EIO; });
    CHECK(FailedAt(home.Read(), call, EIO));
  }
  for (int number : {1, 2}) {
    Intercept intercept("openat2", number, [] { return EIO; });
    CHECK(FailedAt(home.Read(), "openat", EIO));
  }
  for (bool from_end : {false, true}) {
    Intercept intercept("pread", [](int, const char*) { return 0; });
    CHECK(home.Read("logs/log", 9'000, from_end).ok());
    CHECK(home.text == std::string(9'000, 'a'));
    CHECK(home.size == 9'000);
    CHECK(intercept.calls() == 3);
  }
  Intercept intercept("realloc", 1, [] { return ENOMEM; });
  CHECK(LacksMemory(home.Read()));
}

TEST_CASE("a path that no kernel takes is refused as one, whatever its last name is") {
  Home home;
  MakeFile(home.home + "/log", "not this");
  for (size_t length : {PATH_MAX - 1, PATH_MAX, PATH_MAX + 1, 500'000}) {
    std::string above;
    while (above.size() < length) above += "n/";
    CAPTURE(length);
    CHECK(FailedAt(home.Read((above.substr(0, length) + "/log").c_str()), "openat",
                   length < PATH_MAX ? ENOENT : ENAMETOOLONG));
  }
}

TEST_CASE("what is not there, or cannot be opened, is not called somebody else's") {
  Home home;
  MakeFifo(home.home + "/fifo");
  CHECK(IsRefused(home.Read("fifo"), Refusal::kFileUntrusted));
  CHECK(FailedAt(home.Read("none"), "openat", ENOENT));
  CHECK(FailedAt(home.Read(".."), "openat", EXDEV));
  CHECK(FailedAt(home.Read("logs/.."), "openat", EXDEV));
  MakeFile(home.log);
  Intercept intercept("openat2", 2, [] { return EACCES; });
  CHECK(FailedAt(home.Read(), "openat", EACCES));
}

TEST_CASE("root reads the files of a home's owner, and nobody those of a third") {
  SKIP_UNLESS(IsRoot(), "needs two users");
  constexpr uid_t kOwner = 4711;
  Home home;
  MakeFile(home.log, "text");
  REQUIRE(chmod(home.log.c_str(), 0644) == 0);
  REQUIRE(chown(home.log.c_str(), kOwner, kOwner) == 0);
  Status status = home.Read();
  CHECK(IsRefused(status, Refusal::kFileUntrusted));
  CHECK(status.owner == kOwner);
  CHECK(status.expected == 0);
  CHECK(status.mode == (S_IFREG | 0644));
  for (const char* path : {"", "/logs"}) {
    REQUIRE(chown((home.home + path).c_str(), kOwner, kOwner) == 0);
    REQUIRE(chmod((home.home + path).c_str(), 0755) == 0);
  }
  CHECK(home.Read().ok());
  {
    Intercept intercept("fstat", 2, [] { return EIO; });
    CHECK(IsRefused(home.Read(), Refusal::kFileUntrusted));
  }
  REQUIRE(chmod(home.directory.path().c_str(), 0755) == 0);
  AsUser user(AsUser::Ordinary());
  status = home.Read();
  CHECK(IsRefused(status, Refusal::kFileUntrusted));
  CHECK(status.expected == AsUser::Ordinary());
}

TEST_CASE("a replacement that fails leaves the file as it was, and nothing beside it") {
  Home home;
  MakeFile(home.log, "before");
  struct Failing {
    const char* call;
    int number;
    const char* told;
  };
  for (const Failing& one : {Failing{"open", 1, "open"}, Failing{"openat2", 1, "openat"},
                             Failing{"openat2", 2, "openat"}, Failing{"fchmod", 1, "fchmod"},
                             Failing{"write", 1, "write"}, Failing{"renameat", 1, "renameat"}}) {
    CAPTURE(one.call);
    {
      Intercept intercept(one.call, one.number, [] { return EIO; });
      CHECK(FailedAt(home.Replace(), one.told, EIO));
    }
    CHECK(home.Read().ok());
    CHECK(home.text == "before");
    CHECK(EntriesOf(home.home + "/logs") == Names{"log"});
  }
}

TEST_CASE("what a killed replacement left is taken away where it is in the way, and then alone") {
  Home home;
  std::string left = home.home + "/logs/.log.new";
  MakeFile(left, "left");
  {
    Intercept intercept("openat2", 2, [] { return EIO; });
    CHECK(FailedAt(home.Replace(), "openat", EIO));
    CHECK(Exists(left));
  }
  {
    Intercept intercept("unlinkat", 1, [] { return EIO; });
    CHECK(FailedAt(home.Replace(), "openat", EIO));
  }
  CHECK(home.Replace().ok());
  CHECK(!Exists(left));
  Intercept intercept("openat2", [](int, const char*) { return 0; });
  errno = EEXIST;  // of another call
  CHECK(home.Replace().ok());
  CHECK(intercept.calls() == 2);
}

TEST_CASE("what is opened to be read is not made, can be read, and is not emptied") {
  Home home;
  Fd fd;
  CHECK(FailedAt(OpenFile(home.at(), Opening::kRead, 0600, &fd), "openat", ENOENT));
  CHECK(!Exists(home.log));
  MakeFile(home.log, "text");
  REQUIRE(OpenFile(home.at(), Opening::kRead, 0600, &fd).ok());
  char byte = 0;
  CHECK(read(fd.get(), &byte, 1) == 1);
  CHECK(byte == 't');
}

TEST_CASE("a file is emptied where it holds something, and one that cannot be is told") {
  Home home;
  for (int made : {0, 1}) {
    Intercept intercept("ftruncate", [](int, const char*) { return 0; });
    Fd fd;
    CHECK(OpenFile(home.at(), Opening::kEmpty, 0600, &fd).ok());
    CHECK(intercept.calls() == made);
    REQUIRE(write(fd.get(), "text", 4) == 4);
  }
  Fd fd;
  Intercept intercept("ftruncate", 1, [] { return EIO; });
  CHECK(FailedAt(OpenFile(home.at(), Opening::kEmpty, 0600, &fd), "ftruncate", EIO));
  CHECK(!fd.valid());
  CHECK(StatOf(home.log).st_size == 4);
}

TEST_CASE("nothing is found, or removed, below what is not there, and a failure is told") {
  Home home;
  MakeFile(home.log);
  struct stat st;
  for (const char* path : {"none/log", "logs/log/below", "logs/none"}) {
    bool found = true, removed = true;
    CAPTURE(path);
    CHECK(LookAt(home.at(path), &st, &found).ok());
    CHECK(!found);
    CHECK(RemoveFile(home.at(path), &removed).ok());
    CHECK(!removed);
  }
  for (const char* call : {"open", "openat2"}) {
    bool found = true, removed = true;
    Intercept intercept(call, [](int, const char*) { return EIO; });
    CHECK(FailedAt(LookAt(home.at(), &st, &found), call[4] == 'a' ? "openat" : "open", EIO));
    CHECK(FailedAt(RemoveFile(home.at(), &removed), call[4] == 'a' ? "openat" : "open", EIO));
    CHECK((!found && !removed));
  }
  bool found = true, removed = true;
  {
    Intercept intercept("fstatat", 1, [] { return EIO; });
    CHECK(FailedAt(LookAt(home.at(), &st, &found), "fstatat", EIO));
  }
  Intercept intercept("unlinkat", 1, [] { return EIO; });
  CHECK(FailedAt(RemoveFile(home.at(), &removed), "unlinkat", EIO));
  CHECK((!found && !removed));
}

TEST_CASE("a listing that fails is told by its call: what is no directory is not opened as one") {
  Home home;
  MakeFile(home.log);
  Strings names;
  Vec<FoundEntry> entries;
  auto list = [&](const char* path) { return ListDirectory(home.at(path), 9, &names, &entries); };
  CHECK(FailedAt(list("logs/log"), "openat", ENOTDIR));
  CHECK(FailedAt(list("none"), "openat", ENOENT));
  for (const char* call : {"open", "fdopendir", "readdir"}) {
    Intercept intercept(call, 1, [] { return EIO; });
    CHECK(FailedAt(list("logs"), call, EIO));
  }
  for (int number : {1, 2}) {
    Strings fresh_names;
    Vec<FoundEntry> fresh;
    Intercept intercept("realloc", number, [] { return ENOMEM; });
    CHECK(LacksMemory(ListDirectory(home.at("logs"), 9, &fresh_names, &fresh)));
  }
}

TEST_CASE("a directory that is there is one, and no link to it, and a failure to make it is told") {
  Home home;
  MakeLink("logs", home.home + "/link");
  bool made = true;
  CHECK(FailedAt(MakeDirectory(home.at("link"), 0700, &made), "mkdirat", EEXIST));
  CHECK(!made);
  {
    Intercept intercept("mkdirat", 1, [] { return EIO; });
    CHECK(FailedAt(MakeDirectory(home.at("logs"), 0700, &made), "mkdirat", EIO));
  }
  Intercept intercept("fstatat", 1, [] { return EIO; });
  CHECK(FailedAt(MakeDirectory(home.at("logs"), 0700, &made), "mkdirat", EEXIST));
}

}  // namespace
}  // namespace boxsockets::test
