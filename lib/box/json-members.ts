// Members of a JSON object, taken out of its text. The rest stays as it is, byte for byte: numbers above 2^53, which
// rows of 64-bit programs hold, would not survive being parsed and written.

const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const [OPEN_BRACE, OPEN_BRACKET, CLOSE_BRACE, CLOSE_BRACKET] = [0x7b, 0x5b, 0x7d, 0x5d];

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],]/g;

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
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i);
    if (inString) {
      if (character === BACKSLASH) i++;
      else if (character === QUOTE) inString = false;
    } else if (character === QUOTE) inString = true;
    else if (character === OPEN_BRACE || character === OPEN_BRACKET) {
      if (++depth > levels) return true;
    } else if (character === CLOSE_BRACE || character === CLOSE_BRACKET) depth--;
  }
  return false;
}

function splitMembers(inside: string): string[] {
  const members: string[] = [];
  let depth = 0;
  let from = 0;
  for (const { 0: token, index } of inside.matchAll(TOKEN)) {
    if (token === '{' || token === '[') depth++;
    if (token === '}' || token === ']') depth--;
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
