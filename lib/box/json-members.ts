// Members of a JSON object, taken out of its text. The rest stays as it is, byte for byte: numbers above 2^53, which
// rows of 64-bit programs hold, would not survive being parsed and written.

// A string, which may not end in a text that is no JSON, or what nests and divides.
const TOKEN = /"(?:[^"\\]|\\.)*"?|[{}[\],]/gs;
const DEPTHS: Readonly<Record<string, number>> = { '{': 1, '[': 1, '}': -1, ']': -1 };

/** The text of a JSON object without the members of these names. `text` must be valid JSON, an object. */
export function withoutMembers(text: string, names: ReadonlySet<string>): string {
  const start = text.indexOf('{') + 1;
  const end = text.lastIndexOf('}');
  const members = splitMembers(text.slice(start, end));
  const kept = members.filter((member) => !names.has(nameOf(member)));
  return kept.length === members.length ? text : `${text.slice(0, start)}${kept.join(',')}${text.slice(end)}`;
}

/** Whether arrays and objects in a text nest deeper than that: looked at before a parser is, whose stack would tell. */
export function deeperThan(text: string, levels: number): boolean {
  let depth = 0;
  for (const [token] of text.matchAll(TOKEN)) {
    depth += DEPTHS[token] ?? 0;
    if (depth > levels) return true;
  }
  return false;
}

function splitMembers(inside: string): string[] {
  const members: string[] = [];
  let depth = 0;
  let from = 0;
  for (const { 0: token, index } of inside.matchAll(TOKEN)) {
    depth += DEPTHS[token] ?? 0;
    if (token !== ',' || depth > 0) continue;
    members.push(inside.slice(from, index));
    from = index + 1;
  }
  members.push(inside.slice(from));
  return members;
}

function nameOf(member: string): string {
  const [name] = /"(?:[^"\\]|\\.)*"/.exec(member) ?? ['""'];
  return JSON.parse(name) as string;
}
