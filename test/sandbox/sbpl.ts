// Reads a Seatbelt profile and says what it allows: the part of SBPL that seatbeltPolicy() writes, and nothing else.

/** A list is an array, a symbol or number a string, a string literal an object: they must not be confused. */
export type Form = string | { readonly text: string } | readonly Form[];

export interface Rule {
  readonly decision: 'allow' | 'deny';
  readonly operation: string;
  readonly filters: readonly { readonly name: string; readonly path: string }[];
}

/** What the kernel asks about, and the wildcards of SBPL that take it in. */
const OPERATIONS: Record<string, readonly string[]> = {
  'file-read-data': ['file-read*', 'file*'],
  'file-read-metadata': ['file-read*', 'file*'],
  'file-write-create': ['file-write*', 'file*'],
  'file-write-data': ['file-write*', 'file*'],
  'file-write-unlink': ['file-write*', 'file*'],
  'network-bind': ['network*'],
  'network-inbound': ['network*'],
  'network-outbound': ['network*'],
};
const KNOWN = new Set([...Object.keys(OPERATIONS), ...Object.values(OPERATIONS).flat()]);

/** The forms of a text; throws where it is not balanced or a string is not closed. */
export function readForms(text: string): Form[] {
  const stack: Form[][] = [[]];
  const token = /;[^\n]*|\s+|([()])|"((?:[^"\\]|\\["\\])*)"|([^\s()";]+)/gy;
  while (token.lastIndex < text.length) {
    const at = token.lastIndex;
    const match = token.exec(text);
    if (match === null) throw new Error(`not SBPL at ${at}: ${text.slice(at, at + 40)}`);
    const [, bracket, literal, symbol] = match;
    const top = stack.at(-1) ?? [];
    if (literal !== undefined) top.push({ text: literal.replaceAll(/\\(["\\])/g, '$1') });
    if (symbol !== undefined) top.push(symbol);
    if (bracket === '(') stack.push([]);
    if (bracket === ')') {
      stack.pop();
      const outer = stack.at(-1);
      if (outer === undefined) throw new Error(`one ) too many at ${at}`);
      outer.push(top);
    }
  }
  if (stack.length !== 1) throw new Error(`${stack.length - 1} ( not closed`);
  return stack[0] ?? [];
}

/** The rules of a whole profile, which must deny by default. */
export function readProfile(text: string): Rule[] {
  const [version, fallback, ...rest] = readForms(text);
  if (JSON.stringify([version, fallback]) !== '[["version","1"],["deny","default"]]') {
    throw new Error(`does not begin with (version 1) (deny default): ${text.slice(0, 60)}`);
  }
  return rest.map(readRule);
}

export function readRule(form: Form): Rule {
  if (!Array.isArray(form)) throw new Error(`not a rule: ${JSON.stringify(form)}`);
  const [decision, operation, ...filters] = form as readonly Form[];
  if (decision !== 'allow' && decision !== 'deny') throw new Error(`unknown decision ${JSON.stringify(decision)}`);
  if (typeof operation !== 'string' || !KNOWN.has(operation)) throw new Error(`unknown operation ${operation}`);
  // A rule without a filter is one about everything.
  if (filters.length === 0) throw new Error(`${decision} ${operation} has no filter`);
  return { decision, operation, filters: filters.map(readFilter) };
}

function readFilter(form: Form): { name: string; path: string } {
  const [name, path, ...more] = (Array.isArray(form) ? form : []) as readonly Form[];
  if ((name !== 'literal' && name !== 'subpath') || typeof path !== 'object' || !('text' in path) || more.length > 0) {
    throw new Error(`unknown filter ${JSON.stringify(form)}`);
  }
  if (!path.text.startsWith('/')) throw new Error(`${name} of a path that is not absolute: ${path.text}`);
  return { name, path: path.text };
}

/** Whether the rules allow an operation on a path: the last one that matches decides, and without one it is denied. */
export function allows(rules: readonly Rule[], operation: string, path: string): boolean {
  const names = [operation, ...(OPERATIONS[operation] ?? [])];
  if (names.length === 1) throw new Error(`ask about one of ${Object.keys(OPERATIONS)}`);
  const matching = rules.filter(
    (rule) =>
      names.includes(rule.operation) &&
      rule.filters.some(
        (filter) =>
          filter.path === path ||
          (filter.name === 'subpath' && path.startsWith(filter.path === '/' ? '/' : `${filter.path}/`)),
      ),
  );
  return matching.at(-1)?.decision === 'allow';
}
