// What a list says of a binding by what the kernel lists, where files say nothing, and where a call
// fails.
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <map>
#include <tuple>

#include "../posix/list.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

using Kind = std::tuple<Judgement, Reason, int>;
constexpr Judgement kAlive = Judgement::kAlive, kDead = Judgement::kDead;
const Kind kHeld = {kAlive, Reason::kNone, 0}, kNotHeld = {kDead, Reason::kNone, 0},
           kLost = {kAlive, Reason::kFileGone, 0};

struct Described {
  BindingState state;
  int errnum;
  std::map<std::string, Kind> sockets;
  bool Is(BindingState expected, int why, const std::map<std::string, Kind>& all) const {
    return state == expected && errnum == why && sockets == all;
  }
};

struct Scene : World {
  Scene() { MakeParent(); }

  Status List() {
    Listing listing;
    Status status = boxsockets::List(parent_paths(), 60'000, &listing);
    entries.clear();
    for (const Listing::Entry& entry : listing.entries) {
      Described& described = entries[listing.names.at(entry.id)];
      described.state = entry.state;
      described.errnum = entry.errnum;
      for (size_t i = entry.socket; i != Listing::kNone; i = listing.sockets[i].previous) {
        const Verdict& verdict = listing.sockets[i].verdict;
        described.sockets[listing.names.at(listing.sockets[i].name)] = {
            verdict.judgement, verdict.reason, verdict.errnum};
      }
    }
    return status;
  }
  std::string Bind(const std::string& id) const {
    std::string target = MakeDirectory("home-" + id);
    MakeLink(target, InParent(id));
    return target;
  }

  std::map<std::string, Described> entries;
};

TEST_CASE("what the kernel lists below a binding, or where it leads, is held, by its own name") {
  Scene scene;
  OwnProc own;
  std::string live = scene.Bind("live"), idle = scene.Bind("idle"), other = scene.Bind("other");
  MakeLink("missing/dir", scene.InParent("dangling"));
  MakeFile(scene.home / "file");
  MakeLink(scene.home / "file", scene.InParent("to-file"));
  MakeFile(scene.InParent("no-link"));
  Fd held = MakeSocket(live + "/held", SocketType::kStream);
  for (const char* name : {"a", "b", "c"}) MakeDeadSocket(idle + "/" + name);
  own.Listens({"1 " + live + "/lost", "2 " + idle + "/b", "3 " + scene.InParent("idle") + "/lost",
               "4 " + scene.InParent("dangling") + "/lost", "5 missing/dir/other",
               "6 " + scene.InParent("to-file") + "/s", "7 " + scene.InParent("no-link") + "/s",
               "8 " + scene.home.path() + "/s", "9 " + scene.InParent("unknown") + "/s"});
  REQUIRE(scene.List().ok());
  CHECK(scene.entries.size() == 6);
  CHECK(scene.entries["live"].Is(BindingState::kLive, 0, {{"held", kHeld}}));
  CHECK(scene.entries["idle"].Is(
      BindingState::kLive, 0, {{"a", kNotHeld}, {"b", kHeld}, {"c", kNotHeld}, {"lost", kLost}}));
  CHECK(scene.entries["other"].Is(BindingState::kIdle, 0, {}));
  CHECK(scene.entries["dangling"].Is(BindingState::kDangling, 0, {{"lost", kLost}}));
  // Its files were not looked at.
  CHECK(scene.entries["to-file"].Is(BindingState::kLive, ENOTDIR, {{"s", kHeld}}));
  CHECK(scene.entries["no-link"].Is(BindingState::kNotASymlink, 0, {}));
}

TEST_CASE(
    "the kernel's list is read where a binding is in doubt, and not where a file says it lives") {
  Scene scene;
  OwnProc own;
  Fd held = MakeSocket(scene.Bind("live") + "/s", SocketType::kStream);
  MakeFile(scene.InParent("no-link"));
  {
    Intercept intercept("readlink", [](int, const char*) { return 0; });
    REQUIRE(scene.List().ok());
    CHECK(intercept.calls() == 0);
  }
  CHECK(scene.entries["live"].state == BindingState::kLive);
  scene.Bind("idle");
  Intercept intercept("readlink", [](int, const char*) { return 0; });
  REQUIRE(scene.List().ok());
  CHECK(intercept.calls() == 1);
}

TEST_CASE("where a socket is unknown so is its binding, for the socket's reason or for none") {
  Scene scene;
  OwnProc own;
  MakeDeadSocket(scene.Bind("box") + "/s");
  statfs_type = 0x6969;  // NFS
  CHECK(scene.List().ok());
  CHECK(scene.entries["box"].Is(BindingState::kUnreadable, EAGAIN,
                                {{"s", {Judgement::kUnknown, Reason::kForeignFileSystem, 0}}}));
  own.Listens({"1 " + scene.InParent("box") + "/s"});
  CHECK(scene.List().ok());
  CHECK(scene.entries["box"].Is(BindingState::kLive, 0, {{"s", kHeld}}));
  statfs_type = 0;
  own.Listens({});
  Intercept intercept("connect", [](int, const char*) { return EIO; });
  CHECK(scene.List().ok());
  CHECK(scene.entries["box"].Is(BindingState::kUnreadable, EIO,
                                {{"s", {Judgement::kUnknown, Reason::kErrno, EIO}}}));
}

TEST_CASE("of two sockets that are unknown the first says why their binding is") {
  Scene scene;
  OwnProc own;
  std::string target = scene.Bind("box");
  MakeDeadSocket(target + "/a");
  MakeDeadSocket(target + "/b");
  Intercept intercept("connect",
                      [](int number, const char*) { return number == 1 ? EIO : EINVAL; });
  CHECK(scene.List().ok());
  CHECK(scene.entries["box"].errnum == EIO);
  CHECK(scene.entries["box"].sockets.size() == 2);
}

TEST_CASE("of a directory that could not be read to its end no socket is told") {
  Scene scene;
  OwnProc own;
  std::string target = scene.Bind("box");
  MakeDeadSocket(target + "/a");
  MakeDeadSocket(target + "/b");
  int asked = 0, failed = 0;
  Intercept intercept("*", [&](int, const char* name) {
    if (strcmp(name, "connect") == 0) asked++;
    bool fails = strcmp(name, "readdir") == 0 && asked == 1 && failed == 0;
    if (fails) failed++;
    return fails ? EIO : 0;
  });
  CHECK(scene.List().ok());
  CHECK(scene.entries["box"].Is(BindingState::kUnreadable, EIO, {}));
  CHECK(asked == 1);
}

TEST_CASE("of a thousand sockets without files the rest is one that nobody knows") {
  Scene scene;
  OwnProc own;
  scene.Bind("box");
  std::vector<std::string> lost;
  for (size_t i = 1; i <= kSearchSockets + 5; i++) {
    lost.push_back(std::to_string(i) + " " + scene.InParent("box") + "/" + std::to_string(i));
  }
  own.Listens(lost);
  REQUIRE(scene.List().ok());
  const Described& box = scene.entries["box"];
  CHECK(box.sockets.size() == kSearchSockets);
  CHECK(box.sockets.at("") == Kind{Judgement::kUnknown, Reason::kTooMany, 0});
  CHECK(box.sockets.at("1") == kLost);
  CHECK(box.sockets.at("999") == kLost);
  CHECK(box.sockets.count("1000") == 0);
}

TEST_CASE("a lack of memory is told, wherever it is met, and so is a list that cannot be read") {
  Scene scene;
  OwnProc own;
  std::string target = scene.Bind("box");
  MakeDeadSocket(target + "/a");
  std::vector<std::string> lost;
  for (int i = 1; i < 40; i++) lost.push_back(std::to_string(i) + " " + target + "/lost-of-many");
  for (int i = 1; i < 40; i++) lost[i - 1] += std::to_string(i);
  own.Listens(lost);
  int growths = 0;
  {
    Intercept intercept("realloc", [](int, const char*) { return 0; });
    REQUIRE(scene.List().ok());
    growths = intercept.calls();
  }
  CHECK(growths > 8);
  for (int number = 1; number <= growths; number++) {
    Intercept intercept("realloc", number, [] { return ENOMEM; });
    CAPTURE(number);
    Status status = scene.List();
    // Of a box whose sockets could not be noted, that is told, and the list goes on.
    bool of_box = status.ok() && scene.entries["box"].errnum == ENOMEM;
    CHECK((of_box || HasFailed(status, ENOMEM)));
  }
  {
    Intercept intercept("malloc", 1, [] { return ENOMEM; });
    CHECK(HasFailed(scene.List(), ENOMEM));
  }
  for (int i = 0; i < 520; i++) MakeLink("missing", scene.InParent("more-" + std::to_string(i)));
  Intercept intercept("readdir", 520, [] { return EIO; });
  CHECK(HasFailed(scene.List(), EIO));
  CHECK(scene.entries.size() > 500);
}

}  // namespace
}  // namespace boxsockets::test
