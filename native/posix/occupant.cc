#include "occupant.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "beneath.h"
#include "syscalls.h"

namespace boxsockets {
namespace {

// The sockets that the kernel lists below a binding or where it leads.
class Listed {
 public:
  Listed(const Paths& paths, const char* target) : paths_(paths), target_(target) {}

  // Finds the one of that name; with null, any but ours.
  Status Find(const char* name) {
    sought_ = name;
    if (name == nullptr) {
      real_dir_ = Fd(RetryInterrupted([&] { return open(paths_.real_dir, kOpenDirectoryOnly); }));
      if (!real_dir_.valid() && !IsGone(errno)) return Status::Failed("open", Subject::kRealDir);
    }
    Status status = BoundSockets::Read(true, this, Hear);
    return status_.ok() ? status : status_;
  }

  const char* name() const { return name_; }
  uint64_t number() const { return number_; }  // 0 where none was found

 private:
  static void Hear(void* context, const char* path, uint64_t number) {
    Listed& self = *static_cast<Listed*>(context);
    const char* name = PathBelow(path, self.paths_.binding, path, self.target_);
    if (name == nullptr || self.number_ != 0) return;
    bool found = self.sought_ == nullptr ? !self.IsOurs(name) : strcmp(name, self.sought_) == 0;
    if (!found) return;
    self.number_ = number;
    CopyText(name, self.name_, sizeof self.name_);
  }

  bool IsOurs(const char* name) {
    Verdict verdict;
    status_ = question_.Ask(real_dir_.get(), paths_.real_dir, name, &verdict);
    return verdict.judgement == Judgement::kAlive;
  }

  const Paths& paths_;
  const char* const target_;
  Fd real_dir_;
  Question question_;
  Status status_;
  const char* sought_ = nullptr;
  char name_[128] = {};
  uint64_t number_ = 0;
};

}  // namespace

Status LookAtBinding(const Paths& paths, int parent, Inode real_dir, Depth depth, EntryWatch* watch,
                     ParentEntry** found) {
  Status status = watch->Start(parent, paths.parent, depth, 1);
  if (!status.ok()) return status;
  watch->Add(paths.id());
  watch->LeaveOut(real_dir);
  struct stat st;
  if (fstat(parent, &st) == 0 && LiesOn(paths.binding, st.st_dev, real_dir.device)) {
    watch->LookNow();
  } else {
    status = watch->Run(kAnswerTimeoutMs);
  }
  *found = watch->at(0);
  return status;
}

Status FindOccupant(const Paths& paths, const ParentEntry& found, bool* occupied, Occupant* out) {
  const FoundSocket* foremost = found.sockets.Foremost();
  bool alive = foremost != nullptr && foremost->verdict.judgement == Judgement::kAlive;
  Listed listed(paths, found.link.text());
  Status status;
  if (!alive) status = listed.Find(nullptr);
  bool lost = listed.number() != 0;
  *occupied = lost || foremost != nullptr;
  if (!status.ok() || !*occupied || out == nullptr) return status;
  const char* name = lost ? listed.name() : found.sockets.names.at(foremost->name);
  CopyText(found.link.text(), out->target, sizeof out->target);
  CopyText(name, out->socket, sizeof out->socket);
  out->verdict = foremost == nullptr ? Verdict() : foremost->verdict;
  if (lost) out->verdict = {Judgement::kAlive, Reason::kFileGone, 0};
  if (!lost) status = listed.Find(name);
  out->pid = listed.number() == 0 ? 0 : BoundSockets::HolderOf(listed.number());
  return status;
}

bool TellOccupant(const Paths& paths, Occupant* out) {
  Fd parent(RetryInterrupted([&] { return open(paths.parent, kOpenDirectoryOnly); }));
  EntryWatch watch;
  ParentEntry* found;
  bool occupied = false;
  Status status = LookAtBinding(paths, parent.get(), {}, Depth::kSockets, &watch, &found);
  if (status.ok() && found->read_errnum == 0) {
    status = FindOccupant(paths, *found, &occupied, out);
  }
  return status.ok() && occupied;
}

}  // namespace boxsockets
