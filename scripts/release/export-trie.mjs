// The trie in which a Mach-O library states its exports: each edge carries a part of a name, each node may be a symbol.

/** @typedef {{ name: string, flags: number, address: number }} ExportedSymbol */
/** @typedef {{ symbol?: ExportedSymbol, edges: { label: string, node: TrieNode }[], offset: number }} TrieNode */

/**
 * @param {Buffer} bytes
 * @returns {ExportedSymbol[]} sorted by name
 */
export function readTrie(bytes) {
  /** @type {ExportedSymbol[]} */
  const symbols = [];
  if (bytes.length > 0) walk(bytes, 0, '', symbols);
  return symbols.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * @param {Buffer} bytes
 * @param {number} at
 * @param {string} name
 * @param {ExportedSymbol[]} symbols
 */
function walk(bytes, at, name, symbols) {
  // No name is longer than the trie: deeper than that, the trie leads in a circle.
  if (name.length > bytes.length) throw new Error('the exports lead in a circle');
  let [terminalSize, next] = readUleb(bytes, at);
  if (terminalSize > 0) {
    const [flags, afterFlags] = readUleb(bytes, next);
    const [address] = readUleb(bytes, afterFlags);
    symbols.push({ name, flags, address });
    next += terminalSize;
  }
  const children = bytes.readUInt8(next++);
  for (let child = 0; child < children; child++) {
    const end = bytes.indexOf(0, next);
    if (end === -1) throw new Error('the exports end within a name');
    const label = bytes.toString('latin1', next, end);
    const [node, after] = readUleb(bytes, end + 1);
    if (label === '') throw new Error('the exports lead nowhere');
    walk(bytes, node, name + label, symbols);
    next = after;
  }
}

/**
 * @param {readonly ExportedSymbol[]} symbols
 * @returns {Buffer}
 */
export function writeTrie(symbols) {
  const root = build(
    [...symbols].sort((a, b) => (a.name < b.name ? -1 : 1)),
    0,
  );
  const nodes = flatten(root);
  // A node's size depends on how long its children's offsets are written, so until they stay where they are.
  for (let moved = true; moved; ) {
    moved = false;
    let offset = 0;
    for (const node of nodes) {
      moved ||= node.offset !== offset;
      node.offset = offset;
      offset += encode(node).length;
    }
  }
  return Buffer.concat(nodes.map(encode));
}

/**
 * @param {ExportedSymbol[]} symbols sorted, with the same first `depth` characters
 * @param {number} depth
 * @returns {TrieNode}
 */
function build(symbols, depth) {
  const [first] = symbols;
  /** @type {TrieNode} */
  const node = { edges: [], offset: 0, ...(first?.name.length === depth && { symbol: first }) };
  const rest = node.symbol === undefined ? symbols : symbols.slice(1);
  for (const [, group] of groups(rest, depth)) {
    const label = commonPrefix(group.map(({ name }) => name.slice(depth)));
    node.edges.push({ label, node: build(group, depth + label.length) });
  }
  return node;
}

/**
 * @param {ExportedSymbol[]} symbols
 * @param {number} depth
 * @returns {Map<string, ExportedSymbol[]>} by the next character
 */
function groups(symbols, depth) {
  const found = new Map();
  for (const symbol of symbols) {
    const key = symbol.name[depth];
    found.set(key, [...(found.get(key) ?? []), symbol]);
  }
  return found;
}

/**
 * @param {string[]} names
 * @returns {string}
 */
function commonPrefix(names) {
  const [first = '', ...others] = names;
  let length = first.length;
  for (const other of others) while (!other.startsWith(first.slice(0, length))) length--;
  return first.slice(0, length);
}

/**
 * @param {TrieNode} node
 * @returns {TrieNode[]}
 */
function flatten(node) {
  return [node, ...node.edges.flatMap((edge) => flatten(edge.node))];
}

/**
 * @param {TrieNode} node
 * @returns {Buffer}
 */
function encode({ symbol, edges }) {
  const terminal = symbol === undefined ? [] : [...uleb(symbol.flags), ...uleb(symbol.address)];
  const children = edges.flatMap(({ label, node }) => [...Buffer.from(`${label}\0`, 'latin1'), ...uleb(node.offset)]);
  return Buffer.from([...uleb(terminal.length), ...terminal, edges.length, ...children]);
}

/**
 * @param {Buffer} bytes
 * @param {number} at
 * @returns {[value: number, next: number]}
 */
function readUleb(bytes, at) {
  let value = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes.readUInt8(at++);
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return [value, at];
  }
}

/**
 * @param {number} value
 * @returns {number[]}
 */
function uleb(value) {
  const bytes = [];
  let left = value;
  do {
    bytes.push((left % 128) + (left >= 128 ? 128 : 0));
    left = Math.floor(left / 128);
  } while (left > 0);
  return bytes;
}
