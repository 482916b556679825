// fnmatch(3) with FNM_PATHNAME | FNM_PERIOD, which is how systemd-tmpfiles compares a path with a glob: `*`, `?` and
// `[…]` never match a slash, nor a dot that begins a name.

/**
 * Whether a path matches a shell pattern.
 *
 * @param pattern `*`, `?`, `[a-z]`, `[!a]`, `[[:digit:]]` and backslash escapes.
 * @param path compared as a whole, name by name.
 */
export function fnmatch(pattern: string, path: string): boolean {
  const patterns = pattern.split('/');
  const names = path.split('/');
  return patterns.length === names.length && patterns.every((part, index) => matchesName(part, names[index] ?? ''));
}

/** `{a,b}` in a pattern, spelled out: glob(3) with GLOB_BRACE does this before it matches. */
export function expandBraces(pattern: string): string[] {
  const group = firstBraceGroup(pattern);
  if (group === null) return [pattern];
  const { start, end, parts } = group;
  const rest = expandBraces(pattern.slice(end + 1));
  return parts.flatMap((part) =>
    expandBraces(part).flatMap((middle) => rest.map((tail) => pattern.slice(0, start) + middle + tail)),
  );
}

function firstBraceGroup(pattern: string): { start: number; end: number; parts: string[] } | null {
  const start = pattern.indexOf('{');
  if (start === -1) return null;
  const parts: string[] = [];
  let depth = 0;
  let from = start + 1;
  for (let at = start; at < pattern.length; at++) {
    const char = pattern[at];
    if (char === '\\') at++;
    else if (char === '{') depth++;
    else if (char === ',' && depth === 1) {
      parts.push(pattern.slice(from, at));
      from = at + 1;
    } else if (char === '}' && --depth === 0) {
      parts.push(pattern.slice(from, at));
      return { start, end: at, parts };
    }
  }
  return null; // never closed: the brace stands for itself
}

type Token = { kind: 'star' } | { kind: 'one'; accepts: (char: string) => boolean };

function matchesName(pattern: string, name: string): boolean {
  if (name.startsWith('.') && !/^\\?\./.test(pattern)) return false;
  return matchesTokens(tokenize([...pattern]), [...name]);
}

// The usual walk with one point of return: a later star makes every earlier one final, so it is never exponential.
function matchesTokens(tokens: Token[], chars: string[]): boolean {
  let token = 0;
  let char = 0;
  let retry: { token: number; char: number } | null = null;
  while (char < chars.length) {
    const current = tokens[token];
    if (current?.kind === 'star') {
      retry = { token: token + 1, char };
      token++;
    } else if (current?.kind === 'one' && current.accepts(chars[char] ?? '')) {
      token++;
      char++;
    } else if (retry !== null) {
      retry.char++;
      token = retry.token;
      char = retry.char;
    } else return false;
  }
  return tokens.slice(token).every((rest) => rest.kind === 'star');
}

function tokenize(pattern: string[]): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at] ?? '';
    if (char === '*') tokens.push({ kind: 'star' });
    else if (char === '?') tokens.push({ kind: 'one', accepts: () => true });
    else if (char === '[') {
      const bracket = parseBracket(pattern, at);
      tokens.push(bracket === null ? literal('[') : { kind: 'one', accepts: bracket.accepts });
      if (bracket !== null) at = bracket.end;
    } else if (char === '\\') {
      at++;
      // A backslash at the very end matches nothing, as in glibc.
      tokens.push(at < pattern.length ? literal(pattern[at] ?? '') : { kind: 'one', accepts: () => false });
    } else tokens.push(literal(char));
  }
  return tokens;
}

function literal(expected: string): Token {
  return { kind: 'one', accepts: (char) => char === expected };
}

const CLASSES: Record<string, RegExp> = {
  alnum: /[a-z0-9]/i,
  alpha: /[a-z]/i,
  blank: /[ \t]/,
  cntrl: /[^ -~]/,
  digit: /[0-9]/,
  graph: /[!-~]/,
  lower: /[a-z]/,
  print: /[ -~]/,
  punct: /[!-/:-@[-`{-~]/,
  space: /[ \t\n\r\f\v]/,
  upper: /[A-Z]/,
  xdigit: /[0-9a-f]/i,
};

function parseBracket(pattern: string[], start: number): { end: number; accepts: (char: string) => boolean } | null {
  let at = start + 1;
  const negated = pattern[at] === '!' || pattern[at] === '^';
  if (negated) at++;
  const first = at;
  const tests: ((char: string) => boolean)[] = [];
  while (at < pattern.length) {
    if (pattern[at] === ']' && at > first) {
      return { end: at, accepts: (char) => tests.some((test) => test(char)) !== negated };
    }
    const named = pattern
      .slice(at, at + 12)
      .join('')
      .match(/^\[:([a-z]+):\]/);
    if (named !== null) {
      const expression = CLASSES[named[1] ?? ''];
      tests.push((char) => expression?.test(char) === true);
      at += named[0].length;
      continue;
    }
    if (pattern[at] === '\\') at++;
    const low = pattern[at] ?? '';
    at++;
    if (pattern[at] === '-' && at + 1 < pattern.length && pattern[at + 1] !== ']') {
      at++;
      if (pattern[at] === '\\') at++;
      const high = pattern[at] ?? '';
      at++;
      tests.push((char) => char >= low && char <= high);
    } else tests.push((char) => char === low);
  }
  return null; // never closed: the bracket stands for itself
}
