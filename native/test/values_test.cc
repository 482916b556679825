// The values that everything else is made from: Status, Fd, paths, Vec, Strings, the clock.
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "../posix/clock.h"
#include "../posix/vec.h"
#include "support.h"

namespace boxsockets::test {
namespace {

TEST_CASE("a status is fine only without a system call and without a refusal") {
  CHECK(Status::Ok().ok());
  CHECK(Status().ok());
  CHECK_FALSE(Status::Failed(EACCES, "open", Subject::kBase).ok());
  CHECK_FALSE(Status::Refused(Refusal::kRealDir, Subject::kRealDir).ok());
}

TEST_CASE("a failed call keeps its errno, its name and what it was about") {
  errno = EXDEV;
  Status status = Status::Failed("renameat", Subject::kTemporary);
  CHECK(status.errnum == EXDEV);
  CHECK(strcmp(status.syscall, "renameat") == 0);
  CHECK(status.subject == Subject::kTemporary);
  CHECK(status.refusal == Refusal::kNone);
  CHECK(status.owner == -1);
  CHECK(status.expected == -1);
  CHECK(status.mode == -1);
}

TEST_CASE("a descriptor is closed once, by its last owner") {
  size_t before = CountDescriptors();
  {
    Fd first(dup(0));
    REQUIRE(first.valid());
    Fd second(static_cast<Fd&&>(first));
    CHECK_FALSE(first.valid());  // NOLINT(bugprone-use-after-move): the promise under test
    CHECK(CountDescriptors() == before + 1);
    Fd third(dup(0));
    third = static_cast<Fd&&>(second);
    CHECK(CountDescriptors() == before + 1);
    Fd& same = third;
    third = static_cast<Fd&&>(same);
    CHECK(third.valid());
    int raw = third.Release();
    CHECK(CountDescriptors() == before + 1);
    close(raw);
  }
  CHECK(CountDescriptors() == before);
}

TEST_CASE("a descriptor is known by its inode, and a closed one by none") {
  TempDirectory directory;
  Fd fd(open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  CHECK(InodeOf(fd.get()) == static_cast<int64_t>(StatOf(directory.path()).st_ino));
  CHECK(InodeOf(-1) == -1);
}

TEST_CASE("an invalid descriptor is never closed") {
  Fd fd(-1);
  CHECK_FALSE(fd.valid());
  errno = 0;
  fd.Reset();
  CHECK(errno == 0);
}

TEST_CASE("the id of a binding is the last component of its path") {
  CHECK(strcmp(Paths{"/tmp", "/tmp/bl-0", "/tmp/bl-0/box", nullptr}.id(), "box") == 0);
  CHECK(strcmp(Paths{"", "", "box", nullptr}.id(), "box") == 0);
}

TEST_CASE("two paths are joined with a slash") {
  CHECK(strcmp(JoinedPath("/a/b", "c").c_str(), "/a/b/c") == 0);
  CHECK(strcmp(JoinedPath("", "").c_str(), "/") == 0);
}

TEST_CASE("a joined path that no kernel takes stays too long, wherever it is cut") {
  constexpr size_t kTooLong = PATH_MAX;
  for (size_t length : {kTooLong - 2, kTooLong, kTooLong + 1, 3 * kTooLong}) {
    std::string directory = "/" + std::string(length - 1, 'd');
    JoinedPath whole_directory(directory.c_str(), "name");
    CHECK(strlen(whole_directory.c_str()) >= PATH_MAX);
    CHECK(strlen(whole_directory.c_str()) <= PATH_MAX + 1);
    JoinedPath long_name("/", directory.c_str());
    CHECK(strlen(long_name.c_str()) >= PATH_MAX);
    struct stat st;
    CHECK(lstat(whole_directory.c_str(), &st) == -1);
    CHECK(errno == ENAMETOOLONG);
  }
}

TEST_CASE("the longest path that a kernel takes is joined whole") {
  std::string directory(PATH_MAX - 1 - strlen("/name"), 'd');
  JoinedPath joined(directory.c_str(), "name");
  CHECK(std::string(joined.c_str()) == directory + "/name");
  CHECK(strlen(joined.c_str()) == PATH_MAX - 1);
}

TEST_CASE("an array keeps its items while it grows") {
  Vec<int> numbers;
  CHECK(numbers.size() == 0);
  CHECK(numbers.begin() == numbers.end());
  for (int i = 0; i < 1000; i++) REQUIRE(numbers.Append(i));
  REQUIRE(numbers.size() == 1000);
  for (int i = 0; i < 1000; i++) REQUIRE(numbers[static_cast<size_t>(i)] == i);
  int more[100] = {7};
  REQUIRE(numbers.Append(more, 100));
  CHECK(numbers.size() == 1100);
  CHECK(numbers[1000] == 7);
}

TEST_CASE("strings are found again by their offset") {
  Strings strings;
  size_t empty, word, last;
  REQUIRE(strings.Add("", &empty));
  REQUIRE(strings.Add("word", &word));
  for (int i = 0; i < 1000; i++) REQUIRE(strings.Add("filler", &last));
  CHECK(strcmp(strings.at(empty), "") == 0);
  CHECK(strcmp(strings.at(word), "word") == 0);
  CHECK(strcmp(strings.at(last), "filler") == 0);
}

TEST_CASE("a deadline saturates instead of overflowing") {
  int64_t now = MonotonicNs();
  CHECK(DeadlineInMs(0) >= now);
  CHECK(DeadlineInMs(1000) >= now + 1'000'000'000);
  CHECK(DeadlineInMs(-1000) <= MonotonicNs());
  CHECK(DeadlineInMs(INT64_MAX) == INT64_MAX);
  CHECK(DeadlineInMs(INT64_MAX / 1'000'000) == INT64_MAX);
  CHECK(DeadlineInMs(INT64_MIN) == 0);
}

TEST_CASE("sleeping takes as long as it was told, or less where a signal arrives") {
  int64_t before = MonotonicNs();
  SleepNs(1'000'000);
  CHECK(MonotonicNs() - before >= 1'000'000);

  signal(SIGALRM, [](int) {});
  // Again and again: the first may come before the sleep has begun.
  struct itimerval soon = {{0, 1000}, {0, 1000}}, never = {};
  REQUIRE(setitimer(ITIMER_REAL, &soon, nullptr) == 0);
  SleepNs(int64_t{3600} * 1'000'000'000);  // this test would take an hour
  REQUIRE(setitimer(ITIMER_REAL, &never, nullptr) == 0);
  signal(SIGALRM, SIG_IGN);  // one may be on its way
}

}  // namespace
}  // namespace boxsockets::test
