// What never answers blocks a thread of its own, and nothing else.
#include "../posix/watch.h"

#include <unistd.h>

#include "../posix/clock.h"
#include "support.h"

namespace boxsockets::test {
namespace {

struct Asked {
  int pause_ms = 0;
  Signal* ended = nullptr;
  bool answered = false;
};
struct Nothing {};

void Look(Nothing*, Asked* asked) {
  SleepNs(int64_t{asked->pause_ms} * 1'000'000);
  asked->answered = true;
  if (asked->ended != nullptr) asked->ended->Send();
}

using Asking = WatchOver<Asked, Nothing>;

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
    CHECK(MsOf(asking, count, 2000) < 1000);
    for (size_t i = 0; i < count; i++) CHECK((asking->Answered(i) && (*asking)[i].answered));
    asking->Release();
  }
}

TEST_CASE("what does not answer is given up together, and the rest is looked at meanwhile") {
  Signal ended;
  Asking* asking = Asking::New(20, Look);
  for (size_t i = 0; i < 20; i += 4) {
    (*asking)[i].pause_ms = 1500;
    (*asking)[i].ended = &ended;
  }
  int64_t ms = MsOf(asking, 20, 500);
  CHECK(ms >= 500);
  CHECK(ms < 1400);
  for (size_t i = 0; i < 20; i++) CHECK(asking->Answered(i) == (i % 4 != 0));
  asking->Release();
  // Their threads end in their own time, and free what they looked at.
  for (int i = 0; i < 5; i++) ended.Await();
}

}  // namespace boxsockets::test
