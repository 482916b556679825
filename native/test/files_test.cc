// Whatever a box puts in the place of a file, the host neither follows it nor waits for it.
#include "../posix/files.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "support.h"

namespace boxsockets::test {
namespace {

struct Home {
  DescriptorCheck descriptors;
  TempDirectory directory;
  std::string home = directory / "home";
  std::string outside = directory / "outside";

  Home() {
    MakeDirectory(home);
    MakeDirectory(home + "/logs");
    MakeFile(outside, "secret");
  }
  FileAt at(const char* path) const { return {home.c_str(), path}; }
  bool OutsideIsWhole() const { return StatOf(outside).st_size == 6; }
};

struct Read {
  Read(const FileAt& file, size_t most, bool from_end = false) {
    Vec<char> bytes;
    status = ReadFile(file, most, from_end, &bytes, &size);
    text = std::string(bytes.data(), bytes.size());
  }
  Status status;
  std::string text;
  int64_t size = -1;
};

Status Replace(const FileAt& file, const std::string& text) {
  return ReplaceFile(file, text.data(), text.size(), 0640);
}

Status Open(const FileAt& file, Opening opening, Fd* out) {
  return OpenFile(file, opening, 0600, out);
}

}  // namespace

TEST_CASE("a file is read from either end, and no further than was asked") {
  Home home;
  MakeFile(home.home + "/logs/log", "0123456789");
  CHECK(Read(home.at("logs/log"), 100).text == "0123456789");
  CHECK(Read(home.at("logs/log"), 4).text == "0123");
  Read end(home.at("logs/log"), 4, true);
  CHECK(end.text == "6789");
  CHECK(end.size == 10);
  CHECK(Read(home.at("logs/log"), 100, true).text == "0123456789");
  CHECK(HasFailed(Read(home.at("logs/none"), 4).status, ENOENT));
  CHECK(HasFailed(Read(home.at("none/log"), 4).status, ENOENT));
}

TEST_CASE("what is no plain file of ours is neither read, written, emptied nor waited for") {
  Home home;
  std::string planted = home.home + "/logs/log";
  mode_t type = 0;
  SUBCASE("a link") {
    MakeLink(home.outside, planted);
    type = S_IFLNK;
  }
  SUBCASE("a link that leads nowhere") {
    MakeLink(home.outside + "-new", planted);
    type = S_IFLNK;
  }
  SUBCASE("a second link") {
    REQUIRE(link(home.outside.c_str(), planted.c_str()) == 0);
    type = S_IFREG;
  }
  SUBCASE("a FIFO") {
    MakeFifo(planted);
    type = S_IFIFO;
  }
  SUBCASE("a socket") {
    MakeDeadSocket(planted);
    type = S_IFSOCK;
  }
  SUBCASE("a directory") {
    MakeDirectory(planted);
    type = S_IFDIR;
  }
  SUBCASE("somebody else's file") {
    SKIP_UNLESS(IsRoot(), "needs two users");
    MakeFile(planted);
    REQUIRE(chown(planted.c_str(), AsUser::Ordinary(), 0) == 0);
    type = S_IFREG;
  }
  FileAt file = home.at("logs/log");
  CHECK(IsRefused(Read(file, 10).status, Refusal::kFileUntrusted));
  for (Opening opening : {Opening::kRead, Opening::kAppend, Opening::kEmpty}) {
    Fd fd;
    Status status = Open(file, opening, &fd);
    CHECK(IsRefused(status, Refusal::kFileUntrusted));
    CHECK((status.mode & S_IFMT) == type);
    CHECK_FALSE(fd.valid());
  }
  CHECK(home.OutsideIsWhole());
  CHECK_FALSE(Exists(home.outside + "-new"));
  if (type == S_IFDIR) return;
  // Replaced, it is a file of ours.
  CHECK(Replace(file, "ours").ok());
  CHECK(Read(file, 10).text == "ours");
  CHECK(ModeOf(planted) == 0640);
  CHECK(home.OutsideIsWhole());
  CHECK(EntriesOf(home.home + "/logs") == std::vector<std::string>{"log"});
}

TEST_CASE("no component of a path leads out of the directory") {
  Home home;
  MakeDirectory(home.directory / "elsewhere");
  MakeFile(home.directory / "elsewhere/log", "secret");
  REQUIRE(rmdir((home.home + "/logs").c_str()) == 0);
  MakeLink(home.directory / "elsewhere", home.home + "/logs");
  Fd fd;
  bool done;
  CHECK_FALSE(Read(home.at("logs/log"), 10).status.ok());
  CHECK_FALSE(Open(home.at("logs/log"), Opening::kEmpty, &fd).ok());
  CHECK_FALSE(Replace(home.at("logs/log"), "").ok());
  CHECK_FALSE(Replace(home.at("logs/new"), "").ok());
  CHECK_FALSE(MakeDirectory(home.at("logs/new"), 0700, &done).ok());
  CHECK(RemoveFile(home.at("logs/log"), &done).ok());
  CHECK_FALSE(done);
  CHECK(HasFailed(Read(home.at("../outside"), 10).status, EXDEV));
  CHECK(HasFailed(Read(home.at("logs/../../outside"), 10).status, EXDEV));
  CHECK(HasFailed(Read(home.at(home.outside.c_str()), 10).status, EXDEV));
  CHECK(EntriesOf(home.directory / "elsewhere") == std::vector<std::string>{"log"});
}

TEST_CASE("a file is opened at its end, or emptied, and made where it is missing") {
  Home home;
  FileAt file = home.at("logs/log");
  {
    Fd fd;
    REQUIRE(Open(file, Opening::kAppend, &fd).ok());
    REQUIRE(write(fd.get(), "one", 3) == 3);
  }
  CHECK(ModeOf(home.home + "/logs/log") == 0600);
  {
    Fd fd;
    REQUIRE(Open(file, Opening::kAppend, &fd).ok());
    REQUIRE(write(fd.get(), "two", 3) == 3);
  }
  CHECK(Read(file, 10).text == "onetwo");
  Fd fd;
  REQUIRE(Open(file, Opening::kEmpty, &fd).ok());
  CHECK(Read(file, 10).size == 0);
}

TEST_CASE("a replacement that was killed is no obstacle") {
  Home home;
  MakeLink(home.outside, home.home + "/logs/.log.new");
  CHECK(Replace(home.at("logs/log"), "ours").ok());
  CHECK(home.OutsideIsWhole());
  CHECK(EntriesOf(home.home + "/logs") == std::vector<std::string>{"log"});
}

TEST_CASE("directories are listed, up to a bound, made and left alone") {
  Home home;
  MakeFile(home.home + "/logs/a");
  MakeLink("a", home.home + "/logs/b");
  Strings names;
  Vec<FoundEntry> entries;
  REQUIRE(ListDirectory(home.at("logs"), 2, &names, &entries).ok());
  CHECK(entries.size() == 2);
  for (const FoundEntry& entry : entries) {
    CHECK(entry.type == (std::string(names.at(entry.name)) == "a" ? S_IFREG : S_IFLNK));
  }
  Vec<FoundEntry> too_many;
  CHECK(HasFailed(ListDirectory(home.at("logs"), 1, &names, &too_many), E2BIG));
  bool made, removed, found;
  struct stat st;
  CHECK(MakeDirectory(home.at("tmp"), 0700, &made).ok());
  CHECK(made);
  CHECK(MakeDirectory(home.at("tmp"), 0700, &made).ok());
  CHECK_FALSE(made);
  CHECK(HasFailed(MakeDirectory(home.at("logs/b"), 0700, &made), EEXIST));
  CHECK(LookAt(home.at("logs/b"), &st, &found).ok());
  CHECK(found);
  CHECK(S_ISLNK(st.st_mode));
  CHECK(RemoveFile(home.at("logs/b"), &removed).ok());
  CHECK(removed);
  CHECK(RemoveFile(home.at("logs/b"), &removed).ok());
  CHECK_FALSE(removed);
  CHECK(LookAt(home.at("logs/b"), &st, &found).ok());
  CHECK_FALSE(found);
}

}  // namespace boxsockets::test
