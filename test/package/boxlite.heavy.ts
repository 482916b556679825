// BoxLite's own process and ours, over one parent at one time. Its VM does not boot, for its image holds nothing; until it
// gives up, its sockets listen, and its link leads to them.

import { expect, test } from 'vitest';

import { missingBetterSqlite } from '../helpers/sqlite.js';
import { titled } from './installed.js';
import { runBesideBoxLite, whyNoBoxLite } from './own-tmp.js';

interface Report {
  during: { name: string; answer: unknown; times: number }[];
  after: Record<string, unknown>;
  boxlite: { start: string; removed: string };
}

const noSqlite = process.getBuiltinModule('node:sqlite') === undefined ? missingBetterSqlite : null;
const reason = noSqlite ?? whyNoBoxLite('boxlite');

test.skipIf(reason !== undefined)(
  titled("BoxLite's start and our operations leave each other's links, sockets and parent alone", reason),
  () => {
    const { during, after, boxlite } = runBesideBoxLite<Report>('boxlite-beside-us.cjs', 'boxlite');

    // A connection of ours to its ready.sock would have told it that its guest is ready.
    expect(boxlite.start).toContain('The VM failed to start');
    const answers = Object.fromEntries(during.map(({ name, answer }) => [name, answer]));
    expect(answers).toEqual({
      'list, of its box': 'live',
      'list, its sockets that are held': ['gvproxy-ctl.sock', 'net.sock', 'ready.sock'],
      'ensure, of its box from another home': 'ERR_BOX_SOCKETS_BINDING_IN_USE',
      'ensure, of its box': 'unchanged',
      'remove, of its box from another home': 'foreign',
      'probe, of its box': true,
      'listen, on its ready.sock': 'EADDRINUSE',
      'sweepStale, its link': 'kept',
      'ensure, remove and ensure, of a box of ours': 'created',
      'connect, to a server of ours': 'fine',
    });
    for (const { times } of during) expect(times).toBeGreaterThan(5);
    expect(after).toEqual({
      'its link': 'as it was',
      'our links': 'as they were',
      'connections to our listener': 0,
      'in its real directory': ['gvproxy-ctl.sock', 'net.sock', 'ready.sock'],
      'mode of the parent': '700',
      'our link after its remove()': 'as it was',
      'its link after its remove()': expect.stringMatching(/^(removed|swept)$/),
    });
  },
);
