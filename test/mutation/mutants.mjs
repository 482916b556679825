// The faults that a tired maintainer makes, as changes of text: what `npm run mutate -- native` puts in, one at a time.

/**
 * @typedef {object} Mutant
 * @property {string} file
 * @property {number} line
 * @property {string} kind
 * @property {string} before the line as it is, trimmed
 * @property {string} after the line as the mutant has it; of several lines, the first
 * @property {string} text the whole file as the mutant has it
 * @property {number} from the first line that it changes or leaves out
 * @property {number} to the last
 */

/** A change of `text` from `at` on, `size` characters of it. @typedef {{ at: number, size: number, text: string }} Change */

const FLAG =
  '(?:O_CLOEXEC|O_NOFOLLOW|O_NONBLOCK|O_EXCL|O_DIRECTORY|O_CREAT|O_NOATIME|AT_SYMLINK_NOFOLLOW|SOCK_CLOEXEC|SOCK_NONBLOCK|LOCK_NB|MSG_\\w+|RESOLVE_\\w+)';

/** Changes of what a pattern finds; `$1` and its like as in `replace`. @type {readonly [kind: string, pattern: RegExp, to: string][]} */
const PATTERNS = [
  ['flag dropped', new RegExp(`\\s*\\|\\s*${FLAG}\\b`, 'g'), ''],
  ['flag dropped', new RegExp(`\\b${FLAG}\\s*\\|\\s*`, 'g'), ''],
  ['flag dropped', /\bAT_SYMLINK_NOFOLLOW(?=\))/g, '0'],
  ['flag dropped', /\bF_DUPFD_CLOEXEC\b/g, 'F_DUPFD'],
  ['lock shared', /\bLOCK_EX\b/g, 'LOCK_SH'],
  ['comparison flipped', / == /g, ' != '],
  ['comparison flipped', / != /g, ' == '],
  ['comparison moved', / < /g, ' <= '],
  ['comparison moved', / <= /g, ' < '],
  ['comparison moved', / > /g, ' >= '],
  ['comparison moved', / >= /g, ' > '],
  ['one off', / [+-] 1\b/g, ''],
  ['negation dropped', /!(?=[a-zA-Z_(])/g, ''],
  ['claim turned', /\btrue\b/g, 'false'],
  ['claim turned', /\bfalse\b/g, 'true'],
  ['retry dropped', /\bStatus::Retry\(/g, 'Status::Refused('],
];

/** Statements that are left out: a call whose result nobody wants, and what is assigned to what is there already. */
const STATEMENT = /^(?:[\w:]+(?:(?:\.|->)\w+)*\(.*\)|(?:\*?\w+_?(?:(?:\.|->)\w+)*) = .*)$/s;

/**
 * @param {string} file its name, as the report has it
 * @param {string} source
 * @returns {Mutant[]}
 */
export function mutantsOf(file, source) {
  const code = maskInactive(maskComments(source));
  const dropped = [...operands(code), ...conditions(code)];
  const isWithin = (/** @type {Change} */ change) =>
    dropped.some(({ at, size }) => at <= change.at && change.at + change.size <= at + size);
  const found = PATTERNS.flatMap(([kind, pattern, to]) =>
    [...code.matchAll(pattern)].map((match) => ({ kind, at: match.index, size: match[0].length, text: to })),
  );
  const changes = [
    // Whoever notices that a condition is dropped notices that it is turned round.
    ...found.filter((change) => !/flipped|negation/.test(change.kind) || !isWithin(change)),
    ...dropped,
    ...retries(code),
    ...statements(code),
    ...failures(code),
  ];
  // Two ways to the same text are one mutant.
  const mutants = new Map(changes.map((change) => describe(file, source, change)).map((one) => [one.text, one]));
  return [...mutants.values()].sort((a, b) => a.line - b.line);
}

/** @param {string} file @param {string} source @param {Change & { kind: string }} change @returns {Mutant} */
function describe(file, source, { kind, at, size, text: replacement }) {
  const text = source.slice(0, at) + replacement + source.slice(at + size);
  const lineAt = (/** @type {string} */ within, /** @type {number} */ offset) =>
    within.slice(within.lastIndexOf('\n', offset - 1) + 1, (within.indexOf('\n', offset) + 1 || within.length + 1) - 1);
  const lineOf = (/** @type {number} */ offset) => source.slice(0, offset).split('\n').length;
  // A flag that begins a line is told from where it stands, not from the end of the line before.
  const begin = at + (source.slice(at, at + size).match(/^\s*/)?.[0].length ?? 0);
  const [from, to] = [lineOf(begin), lineOf(at + Math.max(size - 1, 0))];
  const after = lineAt(text, at).trim();
  return { file, line: from, kind, before: lineAt(source, begin).trim(), after, text, from, to };
}

/** Comments and what strings hold become spaces, so that only code is found, at the same places. @param {string} source */
function maskComments(source) {
  return source.replace(
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'/g,
    (found) => (found.startsWith('/') ? found.replace(/[^\n]/g, ' ') : `"${' '.repeat(found.length - 2)}"`),
  );
}

/** Lines that are for debug builds alone, or for another platform than Linux, and the preprocessor's own, become spaces. @param {string} code */
function maskInactive(code) {
  /** @type {{ taken: boolean, active: boolean }[]} */
  const nested = [];
  return code.replace(/^.*$/gm, (line) => {
    const [, word, rest = ''] = /^#\s*(\w+)(.*)$/.exec(line) ?? [];
    const holds = !/^ !|__APPLE__|MNT_IGNORE_OWNERSHIP|BOXSOCKETS_INVARIANTS/.test(rest);
    if (word?.startsWith('if')) nested.push({ taken: holds, active: holds });
    const innermost = nested.at(-1);
    if (innermost !== undefined && (word === 'elif' || word === 'else')) {
      innermost.active = !innermost.taken && holds;
      innermost.taken ||= innermost.active;
    }
    if (word === 'endif') nested.pop();
    if (/^\s*INVARIANT\(.*\);$/.test(line)) return ' '.repeat(line.length);
    return word === undefined && nested.every(({ active }) => active) ? line : ' '.repeat(line.length);
  });
}

/** One operand of `&&` or `||` is left out. @param {string} code */
function* operands(code) {
  for (const { 0: operator, index } of code.matchAll(/ (&&|\|\|)\s/g)) {
    // `&&` binds closer than `||`.
    const ends = /^ \|\|\s|^[?:;,{}]|^ [?:] /;
    const stop = operator.includes('&') ? /^ (?:&&|\|\|)\s|^[?:;,{}]|^ [?:] / : ends;
    const begin = beginning(code, index, operator.includes('&'));
    const kind = 'condition dropped';
    yield { kind, at: begin, size: index + operator.length - begin, text: '' };
    yield { kind, at: index, size: end(code, index + operator.length, stop) - index, text: '' };
  }
}

/** Where the expression ends that is under way at `from`: at what closes it, or at what `stop` finds. @param {string} code @param {number} from @param {RegExp} stop */
function end(code, from, stop) {
  let depth = 0;
  for (let at = from; at < code.length; at++) {
    if ('([{'.includes(code[at] ?? '')) depth++;
    else if (')]}'.includes(code[at] ?? '') && depth-- === 0) return at;
    if (depth > 0 || code.slice(at - 1, at + 2).includes('::')) continue;
    if (at > from && stop.test(code.slice(at, at + 4))) return at;
  }
  return code.length;
}

/** Where the operand begins that ends at `to`. @param {string} code @param {number} to @param {boolean} isOfAnd */
function beginning(code, to, isOfAnd) {
  let depth = 0;
  let at = to - 1;
  for (; at >= 0; at--) {
    if (')]}'.includes(code[at] ?? '')) depth++;
    else if ('([{'.includes(code[at] ?? '') && depth-- === 0) break;
    if (depth > 0 || code.slice(at - 1, at + 2).includes('::')) continue;
    const before = code.slice(Math.max(at - 7, 0), at + 1);
    if (/[?:;,]$|\breturn\s$|[^=!<>]=\s$/.test(before) || (isOfAnd ? /(?:\|\||&&)$/ : /\|\|$/).test(before)) break;
  }
  return at + 1 + (/^\s*/.exec(code.slice(at + 1))?.[0].length ?? 0);
}

/** A condition never holds; what is chosen is always the other. @param {string} code */
function* conditions(code) {
  const kind = 'condition dropped';
  for (const { 0: found, index } of code.matchAll(/\b(?:if|while) \(/g)) {
    const at = index + found.length;
    if (/^(?:true|false|const)/.test(code.slice(at, at + 5))) continue;
    yield { kind, at, size: end(code, at, /^;/) - at, text: 'false' };
  }
  for (const { index } of code.matchAll(/\s\? /g)) {
    const at = beginning(code, index, false);
    yield { kind, at, size: index - at, text: 'true' };
    yield { kind, at, size: index - at, text: 'false' };
  }
}

/** What is done again where it is interrupted, or where it has to begin anew, is done once. @param {string} code */
function* retries(code) {
  for (const { 0: found, index } of code.matchAll(/\b(?:RetryInterrupted|BeginAgain)\(/g)) {
    yield { kind: 'retry dropped', at: index, size: found.length, text: 'Once(' };
  }
}

/** @param {string} code */
function* statements(code) {
  for (const { 0: found, index } of code.matchAll(/(?<=[;{}]\s*)(?<=\s)[^\s;{}][^;{}]*;/g)) {
    // What an `if` guards is left out where its condition is.
    if (!STATEMENT.test(found.slice(0, -1)) || /^(?:return|else|case|if|for|while)\b/.test(found)) continue;
    yield { kind: 'statement dropped', at: index, size: found.length - 1, text: '' };
  }
}

/** A failure that is found is not told. @param {string} code */
function* failures(code) {
  for (const { 0: found, index } of code.matchAll(/\bStatus::(?:Failed|Refused|Retry)\(/g)) {
    if (/Status::Ok\(\)\s*:\s*$/.test(code.slice(0, index))) continue; // as where the condition always holds
    const size = end(code, index + found.length, /^;/) + 1 - index;
    yield { kind: 'failure not told', at: index, size, text: 'Status::Ok()' };
  }
}
