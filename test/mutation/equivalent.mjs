// Mutants that change nothing that anybody can see, each with the reason: `npm run mutate -- native` leaves them out.

/** By file, then by the line as the mutant has it. @type {Readonly<Record<string, Readonly<Record<string, string>>>>} */
export const EQUIVALENT = Object.freeze({
  'native/posix/listen.cc': {
    'status.ok() || fstatat(real_dir_.at(), entry_.c_str(), &st, 0) == 0;':
      'what a link leads to is another inode than what lstat sees at the path: misplaced either way',
    'Status led = S_ISSOCK(st.st_mode) ? CheckPath(st) : Misplaced();':
      'what nobody saw was never written; valgrind ends a test that reads it',
    'if (verdict.IsDead()) unlinkat(directory, name, 0);': 'a question that fails leaves the verdict at gone',
    'bool landed_ = true;  // the path leads to a socket in the real directory: ours': 'it is set before it is read',
    'if (!own) return status;': 'what could not be looked at is not called own',
  },
});
