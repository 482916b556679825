// What never answers blocks a thread of its own, and nothing else.
#include "../posix/watch.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "../posix/clock.h"
#include "support.h"

namespace boxsockets::test {
namespace {

struct Asked {
  const Signal* held = nullptr;  // what it waits for first
  int change_ms = -1;  // how long a change takes that is made after that; none where negative
  Signal* ended = nullptr;
  bool answered = false;
};
struct Nothing {};

int changes = 0;

using Asking = WatchOver<Asked, Nothing>;

void Look(Asking* asking, size_t index) {
  Asked& asked = (*asking)[index];
  if (asked.held != nullptr) asked.held->Await();
  asked.answered = true;
  if (asked.change_ms >= 0 && asking->Claim(index)) {
    __atomic_add_fetch(&changes, 1, __ATOMIC_RELAXED);
    SleepNs(int64_t{asked.change_ms} * 1'000'000);
  }
  if (asked.ended != nullptr) asked.ended->Send();
}

int64_t MsOf(Asking* asking, size_t count, int64_t timeout_ms) {
  int64_t before = MonotonicNs();
  asking->Run(count, timeout_ms);
  return (MonotonicNs() - before) / 1'000'000;
}

}  // namespace

TEST_CASE("all that answers is looked at") {
  DescriptorCheck descriptors;
  for (size_t count : {0, 1, 1000}) {
    Asking* asking = Asking::New(count, Look);
    CHECK(MsOf(asking, count, 60'000) < 30'000);
    for (size_t i = 0; i < count; i++) CHECK((asking->Answered(i) && (*asking)[i].answered));
    asking->Release();
  }
}

TEST_CASE(
    "no handler of the host's runs where it is looked, and its own signals stay as they are") {
  struct Mask {
    sigset_t set;
  };
  using Masked = WatchOver<Mask, Nothing>;
  Masked* masked = Masked::New(1, [](Masked* watch, size_t index) {
    pthread_sigmask(SIG_SETMASK, nullptr, &(*watch)[index].set);
  });
  sigset_t before, one, after;
  sigemptyset(&one);
  sigaddset(&one, SIGUSR1);
  REQUIRE(pthread_sigmask(SIG_SETMASK, &one, &before) == 0);
  masked->Run(1, 60'000);
  REQUIRE(pthread_sigmask(SIG_SETMASK, &before, &after) == 0);
  for (int number : {SIGHUP, SIGUSR1, SIGCHLD, SIGTERM}) {
    CAPTURE(number);
    CHECK(sigismember(&(*masked)[0].set, number) == 1);
    CHECK(sigismember(&after, number) == (number == SIGUSR1 ? 1 : 0));
  }
  masked->Release();
}

TEST_CASE(
    "one thread looks at all that answers, and at what follows a change that takes its time") {
  struct Looked {
    bool changes = false;
    pthread_t by;
  };
  using Looking = WatchOver<Looked, Nothing>;
  for (bool changes : {false, true}) {
    // On a busy machine a look may take longer than is waited for: not every time.
    bool alone = false;
    for (int attempt = 0; attempt < 200 && !alone; attempt++) {
      Looking* looking = Looking::New(8, [](Looking* watch, size_t index) {
        Looked& looked = (*watch)[index];
        looked.by = pthread_self();
        if (looked.changes) watch->Claim(index);
        SleepNs(int64_t{looked.changes ? 120 : 6} * 1'000'000);
      });
      (*looking)[0].changes = changes;
      looking->Run(8, 60'000);
      alone = true;
      for (size_t i = 1; i < 8; i++) {
        alone = alone && pthread_equal((*looking)[i].by, (*looking)[0].by) != 0;
      }
      looking->Release();
    }
    CAPTURE(changes);
    CHECK(alone);
  }
}

TEST_CASE("what does not answer is given up together, and the rest is looked at meanwhile") {
  Signal held, ended;
  Asking* asking = Asking::New(20, Look);
  for (size_t i = 0; i < 20; i += 4) {
    (*asking)[i].held = &held;
    (*asking)[i].ended = &ended;
  }
  int64_t ms = MsOf(asking, 20, 2000);
  CHECK(ms >= 2000);
  CHECK(ms < 10'000);  // as five of them would take, one after another
  for (size_t i = 0; i < 20; i++) CHECK(asking->Answered(i) == (i % 4 != 0));
  asking->Release();
  // Their threads end in their own time, and free what they looked at.
  for (int i = 0; i < 5; i++) held.Send();
  for (int i = 0; i < 5; i++) ended.Await();
}

TEST_CASE("what is being changed is waited for, and what was given up changes nothing any more") {
  Signal held, ended;
  Asking* asking = Asking::New(2, Look);
  (*asking)[0].change_ms = 2000;
  (*asking)[1].held = &held;
  (*asking)[1].change_ms = 0;
  (*asking)[1].ended = &ended;
  CHECK(MsOf(asking, 2, 1500) >= 2000);
  CHECK(asking->Answered(0));
  CHECK_FALSE(asking->Answered(1));
  asking->Release();
  held.Send();
  ended.Await();
  CHECK(__atomic_load_n(&changes, __ATOMIC_RELAXED) == 1);
}

}  // namespace boxsockets::test
