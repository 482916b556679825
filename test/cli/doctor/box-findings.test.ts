// What no test can break here: a file server that is silent, and sockets of which another kernel may know.

import { expect, it } from 'vitest';
import { causesOf, type Examined } from '../../../dist/cli/doctor/box-findings.js';
import type { BindingReport } from '../../../dist/cli/doctor/doctor-report.js';
import { makeBox } from '../run.js';
import { at } from './patient.js';

const request = { home: null, base: '/b', uid: 0, krun: null, names: [] };

function causes(binding: BindingReport, held: { name: string; held: unknown }[] = []) {
  const box = { id: 'b1', realDir: at.sockets('b1'), bindingDir: '/b/bl-0/b1', binding, deadZone: false, sockets: [] };
  return causesOf({ box, held, holders: null } as Examined, request);
}

it('a file server that does not answer is one cause, and its directory is not asked once more', () => {
  // It does not exist, which would be told if it were looked at.
  const [first, ...more] = causes({ state: 'unreadable', target: at.sockets('b1'), code: 'ETIMEDOUT' });
  expect([first?.code, more]).toEqual(['sockets-silent', []]);
  expect(first?.remedy).toEqual(['cat /proc/mounts', expect.stringMatching(/^# mend the server, or unmount it/)]);
});

it('what cannot be told of a socket is told, and is neither dead nor an error', () => {
  makeBox(at.home, 'b1');
  const held = [
    { name: 'box.sock', held: 'unknown' },
    { name: 'net.sock', held: false },
  ];
  const [first, ...more] = causes({ state: 'unreadable', target: '/', code: 'EAGAIN' }, held);
  expect([first?.code, more]).toEqual(['liveness-unknown', []]);
  expect(first?.says).toContain(': box.sock');
});

it('a binding that leads to another home of which it cannot be told whether it lives is not robbed', () => {
  makeBox(at.home, 'b1');
  const [first] = causes({ state: 'foreign', target: '/elsewhere', code: 'EAGAIN' });
  expect(first?.code).toBe('binding-in-use');
  expect(first?.remedy.filter((line) => !line.startsWith('#')).join('\n')).not.toContain('--takeover');
});
