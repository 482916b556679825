// A call that fails in an operation on a binding is told, with its own reason; and of each
// operation it is written down which calls may fail all the same, for there is another way.
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <set>

#include "../posix/binding.h"
#include "../posix/box_sockets.h"
#include "../posix/dial.h"
#include "../posix/files.h"
#include "../posix/inspect.h"
#include "../posix/list.h"
#include "../posix/probe.h"
#include "../posix/process.h"
#include "../posix/remove_tree.h"
#include "../posix/sweep.h"
#include "../posix/user.h"
#include "intercept.h"
#include "support.h"

namespace boxsockets::test {
namespace {

struct Scene : World {
  std::string other = MakeDirectory("other");
  void Bind(const std::string& target) {
    MakeParent();
    MakeLink(target, binding);
  }
};

using Operation = std::function<Status(Scene&)>;
using Prepare = std::function<void(Scene&)>;

std::set<std::string> CallsOf(const Prepare& prepare, const Operation& operation) {
  std::set<std::string> calls;
  Scene scene;
  prepare(scene);
  Intercept intercept("*", [&](int, const char* name) {
    calls.insert(name);
    return 0;
  });
  CHECK(operation(scene).ok());
  return calls;
}

// What becomes of an operation whose call of that number fails: "" where that is told, "!" where
// another reason is told than the call's, "ok" where it is fine all the same, "none" where it makes
// no such call.
std::string Outcome(const std::string& call, int failing, const Prepare& prepare,
                    const Operation& operation) {
  Scene scene;
  prepare(scene);
  int made = 0;
  Status status;
  {
    Intercept intercept(call, [&](int number, const char*) {
      made = number;
      return number == failing ? EIO : 0;
    });
    status = operation(scene);
  }
  if (made < failing) return "none";
  return status.ok() ? "ok" : status.errnum == EIO ? "" : "!";
}

// Fails each call in turn, in a scene of its own. `not_told` has those after which the operation is
// fine all the same, as in `stat 1 2, open 1`; with an exclamation mark where another reason is
// told.
void Expect(const std::string& not_told, const Prepare& prepare, const Operation& operation) {
  std::set<std::string> calls = CallsOf(prepare, operation);
  // What is read of the kernel and its processes is as long as they please, and openat2 merely
  // saves a wait.
  for (const char* left_out : {"read", "readlink", "readdir", "realloc", "openat2", "syscall"}) {
    calls.erase(left_out);
  }
  for (const std::string& call : calls) {
    size_t at = (", " + not_told).find(", " + call + " ");
    std::string numbers = at == std::string::npos ? "," : not_told.substr(at + call.size()) + ",";
    numbers = numbers.substr(0, numbers.find(',')) + " ";
    bool ends = false;
    for (int number = 1; !ends; number++) {
      std::string text = " " + std::to_string(number);
      std::string expected;
      if (numbers.find(text + " ") != std::string::npos) expected = "ok";
      if (numbers.find(text + "! ") != std::string::npos) expected = "!";
      std::string outcome;
      // A mount of somebody's makes the kernel forget for a moment what it knows by heart, and then
      // a thread looks, by other calls.
      for (int i = 0; i < 50; i++) {
        outcome = Outcome(call, number, prepare, operation);
        ends = outcome == "none" && expected.empty();
        if (outcome == expected || ends) break;
      }
      INFO(not_told);
      CAPTURE(call);
      CAPTURE(number);
      CHECK((ends || outcome == expected));
      REQUIRE(number < 1000);
    }
  }
}

Status Ensured(const Scene& scene, bool takeover = false) {
  EnsureResult result;
  EnsureOptions options;
  options.takeover = takeover;
  return Ensure(scene.paths(), options, &result);
}

void Nothing(Scene&) {}

// Looks that find nothing steady are followed by an ensure; what may not answer is left to a
// thread; a link that seems to dangle is looked at once more; what cannot be known of a socket is
// somebody's; and whoever takes over does not ask who is there.
TEST_CASE("whatever fails in an ensure is told") {
  SKIP_UNLESS(KnowsOpenat2(), kWithoutOpenat2);
  OverflowUid();  // read once in a process
  auto ensure = [](Scene& scene) { return Ensured(scene); };
  Expect("lstat 1, readlinkat 1, stat 1", Nothing, ensure);
  Expect(
      "lstat 1, readlinkat 1, stat 1 2 3", [](Scene& scene) { scene.Bind(scene.real_dir); },
      ensure);
  Expect(
      "fstat 3, fstatat 2, lstat 1, readlinkat 1, stat 1 2",
      [](Scene& scene) { scene.Bind("missing"); }, ensure);
  Expect(
      "connect 1!, fstat 3 4!, lstat 1, openat 3!, readlinkat 1, stat 1 2 3, statfs 1!",
      [](Scene& scene) {
        scene.Bind(scene.other);
        MakeDeadSocket(scene.other + "/s");
      },
      ensure);
  Expect(
      "fstat 3, fstatat 2, lstat 1, readlinkat 1, stat 1 2",
      [](Scene& scene) {
        scene.Bind("missing");
        MakeLink("left", scene.InParent(".box-1.new"));
      },
      ensure);
  Expect(
      "fdopendir 1, fstat 3, fstatat 1, lstat 1, openat 2, stat 1 2 3",
      [](Scene& scene) { scene.Bind(scene.other); },
      [](Scene& scene) { return Ensured(scene, true); });
}

TEST_CASE("whatever fails in an ensure of many is told of each") {
  SKIP_UNLESS(KnowsOpenat2(), kWithoutOpenat2);
  OverflowUid();
  auto ensure = [](Scene& scene) {
    Box second = scene.Sibling("box-2", scene.other);
    std::vector<BatchItem> items;
    for (const Box* box : {static_cast<const Box*>(&scene), static_cast<const Box*>(&second)}) {
      BatchItem item = {};
      item.paths = box->paths();
      items.push_back(item);
    }
    EnsureAll(items.data(), items.size(), {});
    return items[0].status.ok() ? items[1].status : items[0].status;
  };
  Expect("lstat 1, readlinkat 1 2, stat 1", Nothing, ensure);
  Expect(
      "fstat 3, fstatat 2, lstat 1, readlinkat 1 2, stat 1 2 3",
      [](Scene& scene) { scene.Bind("missing"); }, ensure);
}

TEST_CASE("whatever fails in a sweep, a list, or a look at a box is told") {
  SKIP_UNLESS(KnowsOpenat2(), kWithoutOpenat2);
  OverflowUid();
  auto stale = [](Scene& scene) { scene.Bind("missing"); };
  Expect("fstatat 2", stale, [](Scene& scene) {
    SweepResult result;
    Status status = SweepStale(scene.parent_paths(), {}, &result);
    for (const auto& skipped : result.skipped) {
      if (status.ok()) status = Status::Failed(skipped.errnum, "", Subject::kBinding);
    }
    return status;
  });
  auto bound = [](Scene& scene) {
    scene.Bind(scene.real_dir);
    MakeDeadSocket(scene.real_dir + "/s");
  };
  Expect("", bound, [](Scene& scene) {
    Listing listing;
    Status status = List(scene.parent_paths(), 2000, &listing);
    for (const Listing::Entry& entry : listing.entries) {
      if (status.ok() && entry.errnum != 0) {
        status = Status::Failed(entry.errnum, "", Subject::kBinding);
      }
    }
    return status;
  });
  Expect("stat 1", bound, [](Scene& scene) {
    BoxSockets box;
    Status status = JudgeBox({scene.binding.c_str(), scene.real_dir.c_str(), scene.base.c_str(),
                              5000, BoxDepth::kListed},
                             &box);
    if (status.ok() && box.errnum != 0) {
      status = Status::Failed(box.errnum, "", Subject::kRealDir);
    }
    for (const FoundSocket& socket : box.sockets.found) {
      if (status.ok() && socket.verdict.errnum != 0) {
        status = Status::Failed(socket.verdict.errnum, "", Subject::kSocket);
      }
    }
    return status;
  });
}

TEST_CASE("whatever fails in a probe, or a dial, is told") {
  SKIP_UNLESS(KnowsOpenat2(), kWithoutOpenat2);
  for (SocketType type : {SocketType::kStream, SocketType::kDatagram}) {
    Expect("", Nothing, [type](Scene& scene) {
      std::string path = scene.real_dir + "/.~standin";
      return Probe({path.c_str(), ".~standin", scene.real_dir.c_str(), type});
    });
  }
  Expect("", Nothing,
         [](Scene& scene) { return BindAnyLength((scene.real_dir + "/any").c_str()); });
}

TEST_CASE("whatever fails of a file, or in the removal of a tree, is told") {
  SKIP_UNLESS(KnowsOpenat2(), kWithoutOpenat2);
  auto file = [](Scene& scene) { MakeFile(scene.other + "/file", "text"); };
  auto at = [](Scene& scene) -> FileAt { return {scene.other.c_str(), "file"}; };
  Expect("", file, [&](Scene& scene) { return ReplaceFile(at(scene), "text", 4, 0600); });
  Expect("", file, [&](Scene& scene) {
    Vec<char> bytes;
    int64_t size;
    return ReadFile(at(scene), 10, false, &bytes, &size);
  });
  for (Opening opening : {Opening::kRead, Opening::kAppend, Opening::kEmpty}) {
    Expect("", file, [&](Scene& scene) {
      Fd fd;
      return OpenFile(at(scene), opening, 0600, &fd);
    });
  }
  Expect("", file, [&](Scene& scene) {
    struct stat st;
    bool found;
    return LookAt(at(scene), &st, &found);
  });
  Expect("", file, [&](Scene& scene) {
    bool removed;
    return RemoveFile(at(scene), &removed);
  });
  Expect("", file, [&](Scene& scene) {
    bool made;
    return boxsockets::MakeDirectory({scene.other.c_str(), "new"}, 0700, &made);
  });
  Expect("", file, [&](Scene& scene) {
    Strings names;
    Vec<FoundEntry> entries;
    return ListDirectory({scene.home.path().c_str(), "other"}, 10, &names, &entries);
  });
  Expect(
      "",
      [](Scene& scene) {
        MakeDirectory(scene.other + "/inner");
        MakeFile(scene.other + "/inner/file");
        MakeLink("file", scene.other + "/link");
      },
      [](Scene& scene) {
        TreeEntry failed;
        return RemoveTree(scene.home.path().c_str(), "other", "", &failed);
      });
}

TEST_CASE("whatever fails of a process is told") {
  OverflowUid();
  Expect("", Nothing, [](Scene&) {
    int64_t start_time;
    return StartTime(getpid(), &start_time);
  });
  Expect("", Nothing, [](Scene&) {
    int64_t start_time = 0;
    bool sent;
    Status status = StartTime(getpid(), &start_time);
    return status.ok() ? SignalProcess(getpid(), start_time, 0, &sent) : status;
  });
}

}  // namespace
}  // namespace boxsockets::test
