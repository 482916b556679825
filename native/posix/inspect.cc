#include "inspect.h"

#include "base.h"
#include "parent.h"
#include "user.h"

namespace boxsockets {

void Inspect(const Paths& paths, bool check_ancestry, Inspection* out) {
  uid_t uid = CurrentUids().effective;
  Inspected& base = out->base;
  Inspected& parent = out->parent;
  base.verdict = LookAtBase(paths.base, uid, &base.st);
  base.exists = stat(paths.base, &base.st) == 0;
  if (base.verdict.ok() && check_ancestry) base.verdict = CheckAncestry(paths.base, uid);
  parent.exists = lstat(paths.parent, &parent.st) == 0;
  if (!parent.exists) return;
  Parent opened;
  Status status = Parent::Open(paths, uid, Access::kExisting, &opened, &base.st);
  // One of ours that is closed to us is opened by the next ensure(); one that has just gone is
  // made.
  bool closed = status.errnum == EACCES && JudgeParent(parent.st, base.st, uid).ok();
  bool gone = status.refusal == Refusal::kParentAbsent;
  if (!closed && !gone) parent.verdict = status;
}

}  // namespace boxsockets
