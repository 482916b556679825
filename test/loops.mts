// A loop that passes over nothing asserts nothing: each `for … of` of a test with an `expect` inside is counted, and
// test/aftermath.setup.ts asks of every test whether those that it reached went round. Not of the proofs, whose races
// may end in many ways.

import type { Plugin } from 'vite';

interface Loop {
  start: number;
  right: { start: number; end: number };
  body: { start: number; end: number };
}

/** Of vitest's configuration. */
export const countLoops: Plugin = {
  name: 'count-loops',
  enforce: 'post',
  transform(code, id) {
    if (!/\/test\/(?!proofs\/)[^?]*\.test\.ts(?:\?|$)/.test(id)) return null;
    const loops = loopsIn(this.parse(code)).filter(({ body }) => /\bexpect/.test(code.slice(body.start, body.end)));
    const insertions = loops.flatMap(({ start, right, body }) => [
      { at: right.start, text: 'globalThis.countedLoop(' },
      { at: right.end, text: `, ${JSON.stringify(code.slice(start, body.start).trim())})` },
    ]);
    // From behind, so that what is left to do still lies where it was. No line is added: a trace names the right one.
    insertions.sort((a, b) => b.at - a.at);
    const text = insertions.reduce((sum, { at, text }) => sum.slice(0, at) + text + sum.slice(at), code);
    return loops.length === 0 ? null : { code: text, map: null };
  },
};

function loopsIn(node: unknown): Loop[] {
  if (typeof node !== 'object' || node === null) return [];
  const isLoop = (node as { type?: string }).type === 'ForOfStatement' && !(node as { await?: boolean }).await;
  return [...(isLoop ? [node as unknown as Loop] : []), ...Object.values(node).flatMap(loopsIn)];
}
