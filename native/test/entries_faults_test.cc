// What is told of an entry that changes while it is looked at, or that does not answer.
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../posix/clock.h"
#include "../posix/entries.h"
#include "../posix/list.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

// A parent with one binding, which leads to a home that is away.
struct Away : World {
  Away() {
    MakeParent();
    MakeLink(away, binding);
  }
  std::string away = home / "away";
};

struct Told {
  explicit Told(const World& world, int64_t timeout_ms = 60'000) {
    Listing listing;
    status = List(world.parent_paths(), timeout_ms, &listing);
    count = listing.entries.size();
    if (count != 1) return;
    const Listing::Entry& entry = listing.entries[0];
    state = entry.state;
    errnum = entry.errnum;
    sockets = entry.socket == Listing::kNone ? 0 : 1;
    if (entry.target != Listing::kNone) target = listing.names.at(entry.target);
  }
  bool Is(BindingState expected, int why, const std::string& leads_to) const {
    return status.ok() && count == 1 && state == expected && errnum == why && target == leads_to;
  }

  Status status;
  size_t count = 0, sockets = 0;
  BindingState state = BindingState::kLive;
  int errnum = -1;
  std::string target;
};

TEST_CASE("a home that is back between two looks is told as it is then") {
  Away world;
  Intercept intercept("fstatat", 2, [&] {
    MakeDirectory(world.away);
    return 0;
  });
  CHECK(Told(world).Is(BindingState::kIdle, 0, world.away));
  CHECK(intercept.calls() == 3);
}

TEST_CASE("a link that leads nowhere is called so where a second look says that, and no other") {
  Away world;
  Intercept intercept("fstatat", [](int number, const char*) { return number == 2 ? EIO : 0; });
  CHECK(Told(world).Is(BindingState::kDangling, 0, world.away));
  CHECK(intercept.calls() == 4);
}

TEST_CASE("a home that comes and goes is looked at eight times, and is not called gone") {
  Away world;
  Intercept intercept("fstatat", [&](int number, const char*) {
    // It is away where the link is followed, and there where its text is.
    if (number % 2 == 0) MakeDirectory(world.away);
    if (number % 2 == 1 && number > 1) REQUIRE(rmdir(world.away.c_str()) == 0);
    return 0;
  });
  CHECK(Told(world).Is(BindingState::kUnreadable, EAGAIN, world.away));
  CHECK(intercept.calls() == 16);
}

TEST_CASE("a link that is gone for a moment is told, and one that has gone is looked for twice") {
  Away world;
  MakeDirectory(world.away);
  for (int returns : {2, 3}) {
    unlink(world.binding.c_str());
    MakeLink(world.away, world.binding);
    Intercept intercept("readlinkat", [&](int number, const char*) {
      if (number == 1) unlink(world.binding.c_str());
      if (number == returns) MakeLink(world.away, world.binding);
      return 0;
    });
    Told told(world);
    CAPTURE(returns);
    CHECK(told.count == (returns == 2 ? 1 : 0));
    CHECK(intercept.calls() == 2);
  }
}

TEST_CASE("nothing is looked for in what is no link, and nothing but a directory is opened") {
  World world;
  world.MakeParent();
  MakeDirectory(world.binding);
  {
    Fd held = MakeSocket(world.binding + "/s", SocketType::kStream);
    Intercept intercept("connect", [](int, const char*) { return 0; });
    CHECK(Told(world).Is(BindingState::kNotASymlink, 0, ""));
    CHECK(intercept.calls() == 0);
  }
  REQUIRE(unlink((world.binding + "/s").c_str()) == 0);
  REQUIRE(rmdir(world.binding.c_str()) == 0);
  // Whoever writes to a FIFO must not find a reader.
  std::string fifo = world.home / "fifo";
  MakeFifo(fifo);
  MakeLink(fifo, world.binding);
  bool had_reader = false;
  Intercept intercept("*", [&](int, const char*) {
    had_reader = had_reader || Fd(open(fifo.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)).valid();
    return 0;
  });
  CHECK(Told(world).Is(BindingState::kUnreadable, ENOTDIR, fifo));
  CHECK_FALSE(had_reader);
}

TEST_CASE("of a home that does not answer, where its link leads is told, and that it does not") {
  Away world;
  MakeDirectory(world.away);
  Signal answer;
  Intercept intercept("fstatat", 1, [&] {
    answer.Await();
    return 0;
  });
  Told told(world, 60);
  answer.Send();
  CHECK(told.Is(BindingState::kUnreadable, ETIMEDOUT, world.away));
  CHECK(told.sockets == 0);
  while (EntriesOf("/proc/self/task").size() > 1) SleepNs(1'000'000);
}

TEST_CASE("where there can be no thread, or no further one, all is looked at nevertheless") {
  Away world;
  MakeDirectory(world.away);
  {
    Intercept intercept("pthread_create", [](int, const char*) { return EAGAIN; });
    CHECK(Told(world).Is(BindingState::kIdle, 0, world.away));
    CHECK(intercept.calls() == 1);
  }
  // The first waits, and whoever is to go on with the second cannot be started at once.
  struct Waiting {
    Signal held;
  };
  using Watched = WatchOver<int, Waiting>;
  Watched* watched = Watched::New(2, [](Watched* watch, size_t index) {
    if (index == 0) watch->shared.held.Await();
    if (index == 1) watch->shared.held.Send();
  });
  Intercept intercept("pthread_create", 2, [] { return EAGAIN; });
  watched->Run(2, 60'000);
  CHECK(intercept.calls() == 3);
  CHECK(watched->Answered(0));
  CHECK(watched->Answered(1));
  watched->Release();
}

TEST_CASE("who is given up looks on in a parent of its own, which the caller may close") {
  Away world;
  MakeDirectory(world.away);
  MakeDeadSocket(world.away + "/s");
  Signal answer, asked;
  Fd parent(open(world.parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Intercept intercept("*", [&](int, const char* name) {
    if (strcmp(name, "fstatat") == 0) answer.Await();
    if (strcmp(name, "connect") == 0) asked.Send();
    return 0;
  });
  {
    EntryWatch watch;
    REQUIRE(watch.Start(parent.get(), world.parent.c_str(), Depth::kSockets, 1).ok());
    watch.Add("box-1");
    REQUIRE(watch.Run(20).ok());
    CHECK(watch.at(0)->errnum == kNoAnswer);
  }
  parent.Reset();
  answer.Send();
  while (EntriesOf("/proc/self/task").size() > 1) SleepNs(1'000'000);
  CHECK(asked.Pending() == 1);
}

}  // namespace
}  // namespace boxsockets::test
