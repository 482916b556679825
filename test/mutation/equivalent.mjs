// Mutants that change nothing that anybody can see, each with the reason: `npm run mutate -- native` leaves them out.

/** By file, then by the line as it is and as the mutant has it. @type {Readonly<Record<string, Readonly<Record<string, string>>>>} */
export const EQUIVALENT = Object.freeze({
  'native/posix/base.cc': {
    'if (size == 0 || used + 1 + size >= sizeof here_) return false;  =>  if (size == 0 || used + 1 + size > sizeof here_) return false;':
      'too long for the kernel, too; UndefinedBehaviorSanitizer ends a test that writes beyond the end',
    'if (size == 0 || used + 1 + size >= sizeof here_) return false;  =>  if (size == 0 || used + size >= sizeof here_) return false;':
      'too long for the kernel, too; UndefinedBehaviorSanitizer ends a test that writes beyond the end',
    'if (size == 0 || used + 1 + size >= sizeof here_) return false;  =>  if (size == 0) return false;':
      'too long for the kernel, too; UndefinedBehaviorSanitizer ends a test that writes beyond the end',
  },
  'native/posix/bound_sockets.cc': {
    'ssize_t size = readlink(link, target, sizeof target - 1);  =>  ssize_t size = readlink(link, target, sizeof target);':
      'a byte beyond the end: AddressSanitizer ends a test that writes it',
    'if (size < 0) return 0;  =>  if (size <= 0) return 0;': 'no link is empty (symlink(2), ENOENT)',
  },
  'native/posix/dial.cc': {
    'CopyText(path, directory, static_cast<size_t>(LeafOf(path) - path) + 1);  =>  CopyText(path, directory, static_cast<size_t>(LeafOf(path) - path));':
      'a directory without its last slash is the same one; none is /',
    'return false;  =>  return true;': 'a relative name then begins at /, where no real directory is',
    "if (*bound->text() != '/' && !WorkingDirectory(socket, &start)) return Misplaced();  =>  if (false) return Misplaced();":
      'a relative name then begins at /, where no real directory is',
    "if (*bound->text() != '/' && !WorkingDirectory(socket, &start)) return Misplaced();  =>  if (*bound->text() != '/') return Misplaced();":
      'Linux tells no working directory of a peer',
    'socklen_t size = sizeof bound->bytes - 1;  =>  socklen_t size = sizeof bound->bytes;':
      'the kernel writes no more than a sockaddr_un has, which is a byte less',
    "bool told = getpeername(socket.get(), &bound->generic, &size) == 0 && *bound->text() != '\\0';  =>  bool told = getpeername(socket.get(), &bound->generic, &size) == 0;":
      'who is connected to by a path has one, on Linux',
    'if (status.ok()) return status;  =>  if (false) return status;': 'it is returned a look later',
  },
  'native/posix/files.cc': {
    'if (size >= PATH_MAX) return Status::Failed(ENAMETOOLONG, "openat", kFile);  =>  if (size > PATH_MAX) return Status::Failed(ENAMETOOLONG, "openat", kFile);':
      'too long for the kernel, too; AddressSanitizer ends a test that writes beyond the end',
    'if (written < 0) return Status::Failed("write", kFile);  =>  if (written <= 0) return Status::Failed("write", kFile);':
      'no write of some bytes to a file writes none',
    'bool cut = from_end && st.st_size > static_cast<off_t>(most);  =>  bool cut = from_end && st.st_size >= static_cast<off_t>(most);':
      'of as many bytes as there are the offset is 0 either way',
    'size_t wanted = room < sizeof piece ? room : sizeof piece;  =>  size_t wanted = room <= sizeof piece ? room : sizeof piece;':
      'the same number either way',
  },
  'native/posix/link.cc': {
    'errnum = !taken && renameat(parent, name, parent, aside) != 0 ? errno : taken ? EEXIST : 0;  =>  errnum = !taken && renameat(parent, name, parent, aside) != 0 ? errno : false ? EEXIST : 0;':
      'what is taken is no link, and cannot be put back where the link is: EEXIST as well',
  },
  'native/posix/list.cc': {
    'Listing::Entry entry = {0, kNone, StateOf(found), 0, kNone, 0, false, false};  =>  Listing::Entry entry = {0, kNone, StateOf(found), 0, kNone, 0, true, false};':
      'it is set before it is read',
    'Listing::Entry entry = {0, kNone, StateOf(found), 0, kNone, 0, false, false};  =>  Listing::Entry entry = {0, kNone, StateOf(found), 0, kNone, 0, false, true};':
      'it is set before it is read',
    'entry.is_read = found.IsDangling() || (found.read_errnum == 0 && found.errnum == 0);  =>  entry.is_read = found.IsDangling() || (found.errnum == 0);':
      'a link that was not read has no target, so that none of its sockets is looked for',
  },
  'native/posix/occupant.cc': {
    'out->pid = listed.number() == 0 ? 0 : BoundSockets::HolderOf(listed.number());  =>  out->pid = false ? 0 : BoundSockets::HolderOf(listed.number());':
      'nobody holds a socket of number 0: time alone',
  },
  'native/posix/judgement.cc': {
    'char name[kSearchDepth * (NAME_MAX + 1)];  =>  char name[kSearchDepth * (NAME_MAX)];':
      'bytes beyond the end: AddressSanitizer ends a test that writes them',
    'char prefix[kSearchDepth * (NAME_MAX + 1) + 1];  =>  char prefix[kSearchDepth * (NAME_MAX) + 1];':
      'a prefix has a level less, and leaves room enough',
    'char prefix[kSearchDepth * (NAME_MAX + 1) + 1];  =>  char prefix[kSearchDepth * (NAME_MAX + 1)];':
      'a prefix has a level less, and leaves room enough',
    'if (!status.ok() || settled) return status;  =>  if (settled) return status;':
      'a question that fails leaves the verdict at gone',
  },
  'native/posix/process.cc': {
    'bool ended = false;  =>  bool ended = true;': 'it is set before it is read',
    'auto read_all = [&] { return read(fd.get(), text, sizeof text - 1); };  =>  auto read_all = [&] { return read(fd.get(), text, sizeof text); };':
      'a byte beyond the end: AddressSanitizer ends a test that writes it',
  },
  'native/posix/remove.cc': {
    'bool own, occupied = true;  =>  bool own, occupied = false;': 'where nobody could be looked for, that is told',
    '*link = found->link;  =>  ;': 'a link that was changed between two looks is looked at anew',
    'if (!status.ok() || *result != RemoveResult::kRemoved) return status;  =>  if (*result != RemoveResult::kRemoved) return status;':
      'of what failed none is to be removed',
  },
  'native/posix/remove_tree.cc': {
    'bool here = depth_ > 0 && RepairLevel(levels_[depth_ - 1]);  =>  bool here = depth_ >= 0 && RepairLevel(levels_[depth_ - 1]);':
      'before the first level: UndefinedBehaviorSanitizer ends a test that reads it',
    'bool here = depth_ > 0 && RepairLevel(levels_[depth_ - 1]);  =>  bool here = RepairLevel(levels_[depth_ - 1]);':
      'before the first level: UndefinedBehaviorSanitizer ends a test that reads it',
    'return fstatat(Here(), name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);  =>  return S_ISDIR(st.st_mode);':
      'what nobody saw was never written; valgrind ends a test that reads it',
  },
  'native/posix/beneath.cc': {
    'char name[NAME_MAX + 1];  =>  char name[NAME_MAX];':
      'a byte beyond the end: AddressSanitizer ends a test that writes it',
  },
  'native/posix/binding.cc': {
    "for (size_t i = 0; i + 1 < sizeof flipped && name[i] != '\\0'; i++) {  =>  for (size_t i = 0; i + 1 <= sizeof flipped && name[i] != '\\0'; i++) {":
      'no id is longer, and its NUL ends the loop',
    "for (size_t i = 0; i + 1 < sizeof flipped && name[i] != '\\0'; i++) {  =>  for (size_t i = 0; i < sizeof flipped && name[i] != '\\0'; i++) {":
      'no id is longer, and its NUL ends the loop',
    "for (size_t i = 0; i + 1 < sizeof flipped && name[i] != '\\0'; i++) {  =>  for (size_t i = 0; name[i] != '\\0'; i++) {":
      'no id is longer: what checks arguments refuses it',
    "for (size_t i = 0; i + 1 < sizeof flipped && name[i] != '\\0'; i++) {  =>  for (size_t i = 0; i + 1 < sizeof flipped; i++) {":
      'what follows the NUL of a name is no part of it',
    'if (strcmp(flipped, name) == 0) return Status::Ok();  =>  if (false) return Status::Ok();':
      'of a name without letters the directory says the same, in more time',
    'bool folds = fstatat(parent, name, &entry, AT_SYMLINK_NOFOLLOW) == 0 && SameInode(st, entry);  =>  bool folds = fstatat(parent, name, &entry, AT_SYMLINK_NOFOLLOW) == 0;':
      'of two inodes the directory lists both, in more time',
    'bool answers = !options.takeover || AnswersInTime(paths.binding);  =>  bool answers = !options.takeover;':
      'an ensure without the short look says the same, in more time',
    'const struct stat* base = look.base_trusted ? &look.base : nullptr;  =>  const struct stat* base = false ? &look.base : nullptr;':
      'the base is looked at once more',
    'bool asks = options.may_wait && status.ok();  =>  bool asks = status.ok();':
      'where no server is mounted, it is asked whether one answers: time alone',
    'if (left == 0) return;  =>  if (false) return;': 'where nothing is left, the parent is opened, and nothing done',
    'for (size_t i = 0; i < count; i++) {  =>  for (size_t i = 0; i <= count; i++) {':
      'an item beyond the end: AddressSanitizer ends a test that reads it',
    'return status.ok() ? Attempt(paths, parent, real_dir).CreateOrReplace(takeover, result) : status;  =>  return true ? Attempt(paths, parent, real_dir).CreateOrReplace(takeover, result) : status;':
      'the new link would lead nowhere, is given up, and the real directory refused when it begins again',
    'if (found->errnum == 0 && InodeOf(found->target) == real_dir_) {  =>  if (InodeOf(found->target) == real_dir_) {':
      'what nobody saw was never written; valgrind ends a test that reads it',
    'bool right = fstatat(parent_.fd(), paths_.id(), &st, 0) == 0 && InodeOf(st) == real_dir_;  =>  bool right = InodeOf(st) == real_dir_;':
      'what nobody saw was never written; valgrind ends a test that reads it',
  },
  'native/posix/box_sockets.cc': {
    'char binding[PATH_MAX + 1];  =>  char binding[PATH_MAX];': 'no kernel takes a path as long',
    'char real_dir[PATH_MAX + 1];  =>  char real_dir[PATH_MAX];': 'no kernel takes a path as long',
    'if (status.ok() && numbered_.size() == kSearchSockets) {  =>  if (numbered_.size() == kSearchSockets) {':
      'what is found beside a failure is not read',
    'CopyText(request.binding, watch->shared.binding, sizeof watch->shared.binding);  =>  ;':
      'a socket is asked through its binding on macOS alone',
    'watch->Release();  =>  ;': 'memory is lost: valgrind ends a test that loses it',
    'if (unknown == 0 || IsGone(unknown) || unknown == ENOTSUP || short_of_memory_) return;  =>  if (unknown == 0 || IsGone(unknown) || short_of_memory_) return;':
      'Linux never says that it is not supported',
    'bool leads_on = !takeover && text.Read(AT_FDCWD, paths.binding) && !text.Is(paths.real_dir);  =>  bool leads_on = !takeover && text.Read(AT_FDCWD, paths.binding);':
      'the real directory, which answers, is asked once more',
  },
  'native/posix/watch.cc': {
    'busy = busy || state == kClaimed || (looked_at && now - state < kPatienceNs);  =>  busy = busy || state == kClaimed || (now - state < kPatienceNs);':
      'what is done or given up was never looked at for as long',
    '*start_another = rest && !busy && now - last_start >= kPatienceNs;  =>  *start_another = rest && !busy && now - last_start > kPatienceNs;':
      'one more tick in that very nanosecond',
    '*start_another = rest && !busy && now - last_start >= kPatienceNs;  =>  *start_another = !busy && now - last_start >= kPatienceNs;':
      'a thread more, that finds nothing to look at',
    '*start_another = rest && !busy && now - last_start >= kPatienceNs;  =>  *start_another = rest && !busy;':
      'a thread more, where the last one has not begun yet',
    'last_start = MonotonicNs();  =>  ;': 'a thread more, where the last one has not begun yet',
    'waiting = waiting || state == kClaimed || (looked_at && !late);  =>  waiting = waiting || state == kClaimed || (looked_at);':
      'one more tick: what is late has been given up by then',
    'busy = busy || state == kClaimed || (looked_at && now - state < kPatienceNs);  =>  busy = busy || state == kClaimed || (looked_at && now - state <= kPatienceNs);':
      'one more tick in that very nanosecond',
    'busy = busy || state == kClaimed || (looked_at && now - state < kPatienceNs);  =>  busy = state == kClaimed || (looked_at && now - state < kPatienceNs);':
      'a thread more, for what another one would have come to',
    'pthread_condattr_init(&attributes);  =>  ;':
      'what nobody wrote is not zero but by chance; valgrind ends a test that reads it',
    'pthread_condattr_destroy(&attributes);  =>  ;': 'it frees nothing in a C library of Linux',
    'pthread_cond_destroy(&changed_);  =>  ;': 'it frees nothing in a C library of Linux',
    'pthread_mutex_destroy(&mutex_);  =>  ;': 'it frees nothing in a C library of Linux',
    'if (pthread_attr_init(&attributes) != 0) return false;  =>  if (pthread_attr_init(&attributes) != 0) return true;':
      'it does not fail in a C library of Linux',
    'pthread_attr_setstacksize(&attributes, kStackBytes);  =>  ;': 'a thread has more memory than it needs',
    'pthread_attr_destroy(&attributes);  =>  ;': 'memory is lost at most: valgrind ends a test that loses it',
    'bool looked_at = state > kNotBegun;  =>  bool looked_at = state >= kNotBegun;':
      'all that come before the next one have begun',
    'bool late = looked_at && now - state >= timeout_ms * kMs;  =>  bool late = looked_at && now - state > timeout_ms * kMs;':
      'one more look in that very nanosecond',
  },
  'native/posix/sweep.cc': {
    'if (answered && link.end == Doomed::kGone) return Status::Ok();  =>  if (link.end == Doomed::kGone) return Status::Ok();':
      'it is given up before or after its claim, and is gone since a moment ago only',
    'bool was_aside = false;  =>  bool was_aside = true;': 'it is set before it is read',
    'char id[kLongestId + 1] = {};  =>  char id[kLongestId] = {};':
      'a byte beyond the end: AddressSanitizer ends a test that reads it',
    'for (; status.ok() && *next < stale_.size() && count < kAtATime; ++*next) {  =>  for (; status.ok() && *next < stale_.size() && count <= kAtATime; ++*next) {':
      'an item beyond the end: AddressSanitizer ends a test that writes it',
  },
  'native/posix/listen.cc': {
    '*own = false;  =>  ;': 'what nobody wrote is not zero but by chance; valgrind ends a test that reads it',
    'status.ok() || fstatat(real_dir_.at(), entry_.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;  =>  status.ok() || fstatat(real_dir_.at(), entry_.c_str(), &st, 0) == 0;':
      'what a link leads to is another inode than what lstat sees at the path: misplaced either way',
    'Status led = seen && S_ISSOCK(st.st_mode) ? CheckPath(st) : Misplaced();  =>  Status led = S_ISSOCK(st.st_mode) ? CheckPath(st) : Misplaced();':
      'what nobody saw was never written; valgrind ends a test that reads it',
    'if (status.ok() && verdict.IsDead()) unlinkat(directory, name, 0);  =>  if (verdict.IsDead()) unlinkat(directory, name, 0);':
      'a question that fails leaves the verdict at gone',
    'bool landed_ = false;  // the path leads to a socket in the real directory: ours  =>  bool landed_ = true;  // the path leads to a socket in the real directory: ours':
      'it is set before it is read',
    'if (!status.ok() || !own) return status;  =>  if (!own) return status;':
      'what could not be looked at is not called own',
  },
  'native/posix/probe.cc': {
    'constexpr int kSendFlags = MSG_DONTWAIT | MSG_NOSIGNAL;  =>  constexpr int kSendFlags = MSG_NOSIGNAL;':
      'the socket that sends does not wait, whatever the flags say',
    'if (errno != ENOENT) return Status::Failed("unlink", Subject::kSocket);  =>  if (errno != ENOENT) return Status::Ok();':
      'that it landed elsewhere is told, and not how its removal went',
    'if (size == 1 && received == kByte) return Status::Ok();  =>  if (received == kByte) return Status::Ok();':
      'where nothing was received, no byte of ours was',
    'if (!IsStandIn(name) || !S_ISSOCK(entries.TypeOf(entry))) continue;  =>  if (!IsStandIn(name)) continue;':
      'what is no socket is not dead, whoever asks',
  },
  'native/posix/hold.cc': {
    'if (!there || !SameInode(held, now)) {  =>  if (!SameInode(held, now)) {':
      'what nobody saw was never written; valgrind ends a test that reads it',
  },
  'native/posix/lock.cc': {
    'if (now >= deadline) {  =>  if (now > deadline) {': 'one more look in that very nanosecond',
    'if (now >= slice) return Status::Retry(Refusal::kLockTimeout, subject);  =>  if (now > slice) return Status::Retry(Refusal::kLockTimeout, subject);':
      'one more look in that very nanosecond',
    'if (pause > kLongestPauseNs) pause = kLongestPauseNs;  =>  if (pause >= kLongestPauseNs) pause = kLongestPauseNs;':
      'the same number either way',
    'SleepNs(pause < deadline - now ? pause : deadline - now);  =>  SleepNs(pause <= deadline - now ? pause : deadline - now);':
      'the same number either way',
  },
  'native/posix/socket.cc': {
    'bool made = lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0 && st.st_nlink == 1;  =>  bool made = S_ISREG(st.st_mode) && st.st_size == 0 && st.st_nlink == 1;':
      'what nobody saw was never written; valgrind ends a test that reads it',
  },
  'native/posix/steady.cc': {
    'int64_t now = proof_ == Proof::kAwaited ? MonotonicNs() : 0;  =>  int64_t now = true ? MonotonicNs() : 0;':
      'the clock is read once more, and not asked',
    '} else if (proof_ == Proof::kAwaited && now - seen_at_ >= kSettledNs) {  =>  } else if (proof_ == Proof::kAwaited && now - seen_at_ > kSettledNs) {':
      'proven by the next run, in that very nanosecond',
    '} else if (proof_ == Proof::kAwaited && now - seen_at_ >= kSettledNs) {  =>  } else if (now - seen_at_ >= kSettledNs) {':
      'of a proof that is not awaited, the time is 0',
  },
});
