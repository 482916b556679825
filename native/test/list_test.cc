// list: describes every entry and changes none.
#include "../posix/list.h"

#include <errno.h>
#include <unistd.h>

#include <map>

#include "support.h"

namespace boxsockets::test {
namespace {

struct Described {
  BindingState state;
  std::string target;  // "-" where there is none
  int errnum;
  std::map<std::string, bool> sockets;
};

struct Listed {
  explicit Listed(const World& world) {
    Listing listing;
    status = List(world.parent_paths(), 2000, &listing);
    for (const Listing::Entry& entry : listing.entries) {
      Described described = {entry.state, "-", entry.errnum, {}};
      if (entry.target != Listing::kNone) described.target = listing.names.at(entry.target);
      for (size_t i = entry.socket; i != Listing::kNone; i = listing.sockets[i].previous) {
        const Listing::Socket& socket = listing.sockets[i];
        described.sockets[listing.names.at(socket.name)] =
            socket.verdict.judgement == Judgement::kAlive;
      }
      entries[listing.names.at(entry.id)] = described;
    }
  }

  Status status;
  std::map<std::string, Described> entries;
};

TEST_CASE("a missing parent has no bindings, and none is made") {
  World world;
  Listed listed(world);
  CHECK(listed.status.ok());
  CHECK(listed.entries.empty());
  CHECK_FALSE(Exists(world.parent));
}

TEST_CASE("a binding is live where a socket is held in it, and idle where none is") {
  World world;
  world.MakeParent();
  std::string other = world.MakeDirectory("other");
  MakeLink(world.real_dir, world.InParent("live"));
  MakeLink(other, world.InParent("idle"));
  Fd held = MakeSocket(world.real_dir + "/box.sock", SocketType::kStream);
  Fd datagram = MakeSocket(world.real_dir + "/net.sock", SocketType::kDatagram);
  MakeDeadSocket(world.real_dir + "/ready.sock");
  MakeFile(world.real_dir + "/file");
  MakeDeadSocket(other + "/dead.sock");
  Listed listed(world);
  REQUIRE(listed.status.ok());
  REQUIRE(listed.entries.size() == 2);
  const Described& live = listed.entries["live"];
  CHECK(live.state == BindingState::kLive);
  CHECK(live.target == world.real_dir);
  CHECK(live.sockets ==
        std::map<std::string, bool>{{"box.sock", true}, {"net.sock", true}, {"ready.sock", false}});
  const Described& idle = listed.entries["idle"];
  CHECK(idle.state == BindingState::kIdle);
  CHECK(idle.sockets == std::map<std::string, bool>{{"dead.sock", false}});
  CHECK_FALSE(HasVisitor(held));
  CHECK_FALSE(HasVisitor(datagram));
}

TEST_CASE("what leads nowhere, or cannot be told, or is no link, is said to be so") {
  AsUser user(AsUser::Ordinary());
  World world;
  world.MakeParent();
  std::string locked = world.MakeDirectory("locked");
  MakeDirectory(locked + "/inner");
  std::string unlistable = world.MakeDirectory("unlistable");
  MakeFile(world.home / "file");
  MakeLink("missing", world.InParent("dangling"));
  MakeLink(world.InParent("loop"), world.InParent("loop"));
  MakeLink(locked + "/inner", world.InParent("locked"));
  MakeLink(unlistable, world.InParent("unlistable"));
  MakeLink(world.home / "file", world.InParent("to-file"));
  MakeFile(world.InParent("file"));
  MakeFifo(world.InParent("fifo"));
  MakeDirectory(world.InParent("directory"));
  MakeDeadSocket(world.InParent("socket"));
  REQUIRE(chmod(locked.c_str(), 0000) == 0);
  REQUIRE(chmod(unlistable.c_str(), 0300) == 0);
  Listed listed(world);
  REQUIRE(listed.status.ok());
  auto is = [&](const char* id, BindingState state, int errnum) {
    CAPTURE(id);
    REQUIRE(listed.entries.count(id) == 1);
    CHECK(listed.entries[id].state == state);
    CHECK(listed.entries[id].errnum == errnum);
    CHECK(listed.entries[id].sockets.empty());
    bool has_target = listed.entries[id].target != "-";
    CHECK(has_target == (state != BindingState::kNotASymlink));
  };
  is("dangling", BindingState::kDangling, 0);
  is("loop", BindingState::kUnreadable, ELOOP);
  is("locked", BindingState::kUnreadable, EACCES);
  is("unlistable", BindingState::kUnreadable, EACCES);
  is("to-file", BindingState::kUnreadable, ENOTDIR);
  for (const char* id : {"file", "fifo", "directory", "socket"}) {
    is(id, BindingState::kNotASymlink, 0);
  }
  CHECK(listed.entries.size() == 9);
}

TEST_CASE("entries that begin with a dot are not bindings") {
  World world;
  world.MakeParent();
  MakeFile(world.InParent(".lock"));
  MakeLink(world.real_dir, world.InParent(".box-1.new"));
  CHECK(Listed(world).entries.empty());
}

TEST_CASE("listing changes nothing and takes no lock") {
  World world;
  world.MakeParent(0755);
  MakeLink("missing", world.InParent("gone"));
  Listed listed(world);
  CHECK(listed.status.ok());
  CHECK(ModeOf(world.parent) == 0755);
  CHECK(EntriesOf(world.parent) == std::vector<std::string>{"gone"});
}

TEST_CASE("a link of any length is described whole") {
  World world;
  world.MakeParent();
  std::string target = world.real_dir;
  while (target.size() + 2 <= PATH_MAX - 1) target += "/.";
  bool possible = symlink(target.c_str(), world.InParent("long").c_str()) == 0;
  SKIP_UNLESS(possible, "this file system has no links of that length");
  Listed listed(world);
  REQUIRE(listed.entries.count("long") == 1);
  CHECK(listed.entries["long"].target == target);
}

TEST_CASE("an entry name of 255 bytes, and many entries, are listed") {
  World world;
  world.MakeParent();
  MakeLink("missing", world.InParent(std::string(255, 'n')));
  for (int i = 0; i < 500; i++) MakeLink(world.real_dir, world.InParent(std::to_string(i)));
  Listed listed(world);
  CHECK(listed.entries.size() == 501);
  CHECK(listed.entries.count(std::string(255, 'n')) == 1);
}

TEST_CASE("a parent that is no directory is not listed") {
  World world;
  MakeFile(world.parent);
  CHECK(IsRefused(Listed(world).status, Refusal::kParentNotDirectory));
}

TEST_CASE("a parent of another user is not listed") {
  SKIP_UNLESS(IsRoot(), "needs root, to give a directory to another user");
  World world;
  world.MakeParent();
  REQUIRE(chown(world.parent.c_str(), 4711, 4711) == 0);
  CHECK(IsRefused(Listed(world).status, Refusal::kParentForeign));
}

}  // namespace
}  // namespace boxsockets::test
