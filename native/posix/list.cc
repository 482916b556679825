#include "list.h"

#include <errno.h>
#include <string.h>

#include "entries.h"
#include "parent.h"
#include "user.h"

namespace boxsockets {
namespace {

class Lister {
 public:
  Lister(const Paths& paths, Listing* listing) : paths_(paths), listing_(listing) {}

  Status Run(int parent, int64_t timeout_ms) {
    EntryReader reader(parent, paths_.parent, Depth::kSockets, timeout_ms);
    Status status;
    while (const ParentEntry* entry = reader.Next(&status)) {
      status = Describe(*entry);
      if (!status.ok()) return status;
    }
    // Where no file says that a box lives, the kernel's list may: a cleaner takes files.
    if (status.ok() && in_doubt_) status = BoundSockets::Read(true, this, Hear);
    return short_of_memory_ ? Status::OutOfMemory() : status;
  }

 private:
  Status Describe(const ParentEntry& found) {
    if (found.read_errnum == ENOENT) return Status::Ok();
    constexpr size_t kNone = Listing::kNone;
    Listing::Entry entry = {0, kNone, StateOf(found), 0, kNone, 0, false, false};
    if (!listing_->names.Add(found.name, &entry.id)) return Status::OutOfMemory();
    if (found.read_errnum == 0 && !listing_->names.Add(found.link.text(), &entry.target)) {
      return Status::OutOfMemory();
    }
    if (entry.state == BindingState::kUnreadable) entry.errnum = WhyUnreadable(found);
    // Of an entry that could not be read, or that did not answer, nothing else is known.
    entry.is_read = found.IsDangling() || (found.read_errnum == 0 && found.errnum == 0);
    for (size_t i = 0; entry.is_read && i < found.sockets.found.size(); i++) {
      const FoundSocket& socket = found.sockets.found[i];
      if (!AddSocket(&entry, found.sockets.names.at(socket.name), socket.verdict)) {
        return Status::OutOfMemory();
      }
    }
    entry.in_doubt = entry.state != BindingState::kLive && entry.target != kNone;
    in_doubt_ = in_doubt_ || entry.in_doubt;
    return listing_->entries.Append(entry) ? Status::Ok() : Status::OutOfMemory();
  }

  bool AddSocket(Listing::Entry* entry, const char* name, const Verdict& verdict) {
    Listing::Socket socket = {0, entry->socket, verdict};
    if (!listing_->names.Add(name, &socket.name) || !listing_->sockets.Append(socket)) return false;
    entry->socket = listing_->sockets.size() - 1;
    return true;
  }

  static BindingState StateOf(const ParentEntry& found) {
    if (found.read_errnum == EINVAL) return BindingState::kNotASymlink;
    if (found.IsDangling()) return BindingState::kDangling;
    if (found.read_errnum != 0 || found.errnum != 0) return BindingState::kUnreadable;
    const FoundSocket* foremost = found.sockets.Foremost();
    if (foremost == nullptr) return BindingState::kIdle;
    bool alive = foremost->verdict.judgement == Judgement::kAlive;
    return alive ? BindingState::kLive : BindingState::kUnreadable;
  }

  static int WhyUnreadable(const ParentEntry& found) {
    if (found.read_errnum != 0) return found.read_errnum;
    if (found.errnum != 0) return found.errnum;
    const FoundSocket* unknown = found.sockets.Foremost();
    return unknown->verdict.errnum != 0 ? unknown->verdict.errnum : EAGAIN;
  }

  static void Hear(void* context, const char* path, uint64_t) {
    Lister& self = *static_cast<Lister*>(context);
    const Strings& names = self.listing_->names;
    const char* in_parent = PathBelow(path, self.paths_.parent);
    for (Listing::Entry& entry : self.listing_->entries) {
      if (!entry.in_doubt) continue;
      const char* name = PathBelow(in_parent, names.at(entry.id), path, names.at(entry.target));
      if (name != nullptr) self.NoteHeld(&entry, name);
    }
  }

  // A socket that the kernel lists, and that no file was found of, or none that says it is held.
  void NoteHeld(Listing::Entry* entry, const char* name) {
    if (entry->state == BindingState::kIdle || entry->state == BindingState::kUnreadable) {
      entry->state = BindingState::kLive;
      if (entry->is_read) entry->errnum = 0;
    }
    for (size_t i = entry->socket; i != Listing::kNone; i = listing_->sockets[i].previous) {
      if (strcmp(listing_->names.at(listing_->sockets[i].name), name) != 0) continue;
      listing_->sockets[i].verdict = {Judgement::kAlive, Reason::kNone, 0};
      return;
    }
    // A process may bind and unlink for ever. Of files not looked at, none is known to be gone.
    entry->in_doubt = ++entry->lost < kSearchSockets;
    Verdict verdict = {Judgement::kAlive, entry->is_read ? Reason::kFileGone : Reason::kNone, 0};
    if (!entry->in_doubt) verdict = {Judgement::kUnknown, Reason::kTooMany, 0};
    bool noted = AddSocket(entry, entry->in_doubt ? name : "", verdict);
    short_of_memory_ = short_of_memory_ || !noted;
  }

  const Paths& paths_;
  Listing* const listing_;
  bool in_doubt_ = false;
  bool short_of_memory_ = false;
};

}  // namespace

Status List(const Paths& paths, int64_t timeout_ms, Listing* listing) {
  Parent parent;
  Status status = Parent::Open(paths, CurrentUids().effective, Access::kExisting, &parent);
  if (status.refusal == Refusal::kParentAbsent) return Status::Ok();
  return status.ok() ? Lister(paths, listing).Run(parent.fd(), timeout_ms) : status;
}

}  // namespace boxsockets
