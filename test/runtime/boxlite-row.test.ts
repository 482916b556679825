// Which rows are refused because BoxLite could not read them: one of them keeps it from opening the home at all.

import { expect, it } from 'vitest';
import { checkBoxliteRow } from '../../dist/runtime/boxlite-tables.js';

const ROW = {
  created_at: '2026-11-26T00:00:00Z',
  container: { id: 'c' },
  engine_kind: 'Libkrun',
  options: { auto_remove: false },
};

/** What a row with these fields in place of the right ones is refused with; null where it is not. */
function refusal(fields: object): { field: string; said: string } | null {
  const json = JSON.stringify({ ...ROW, ...fields });
  try {
    checkBoxliteRow({ id: 'b', name: null, createdAt: 0, json });
  } catch (error) {
    const { code, field, message } = error as { code: string; field: string; message: string };
    expect(code).toBe('ERR_BOX_SOCKETS_ROW_INVALID');
    return { field, said: message.replace(/^The row of a box is refused: its "[^"]*" /, '') };
  }
  return null;
}
const withOption = (name: string, value: unknown) => refusal({ options: { auto_remove: false, [name]: value } });

it('a whole row is fine, of either engine, and with either word on when the box goes', () => {
  expect(refusal({})).toBeNull();
  expect(refusal({ engine_kind: 'Firecracker' })).toBeNull();
  expect(refusal({ options: { auto_delete: 60 } })).toBeNull();
  expect(refusal({ options: { auto_remove: true, auto_delete: 60, more: ['of', 'later', 'releases'] } })).toBeNull();
});

const MISSING = "is missing, which BoxLite's rows need";

it.each([
  ['created_at', { created_at: undefined }, MISSING],
  ['created_at', { created_at: 1 }, MISSING],
  ['container.id', { container: undefined }, MISSING],
  ['container.id', { container: null }, MISSING],
  ['container.id', { container: {} }, MISSING],
  ['container.id', { container: { id: 7 } }, MISSING],
  ['engine_kind', { engine_kind: undefined }, "must be one of Libkrun, Firecracker in a home of BoxLite's"],
  [
    'engine_kind',
    { engine_kind: 'libkrun' },
    "must be one of Libkrun, Firecracker in a home of BoxLite's. Received 'libkrun'",
  ],
  ['options', { options: undefined }, MISSING],
  ['options', { options: null }, MISSING],
  ['options', { options: 'none' }, MISSING],
  [
    'options.auto_remove',
    { options: { cpus: 2 } },
    'must be given: BoxLite takes a box without it for one to be removed',
  ],
])('%s of %j is refused: %s', (field, fields, said) => {
  expect(refusal(fields)).toEqual({ field, said });
});

const VALUES = { number: 4711, string: 'text', boolean: true, array: ['one'], object: { a: 1 } };

it.each([
  ['number', 'cpus memory_mib disk_size_gb auto_stop auto_delete'],
  ['string', 'working_dir user'],
  ['boolean', 'auto_remove detach tty auto_resume'],
  ['array', 'env volumes ports entrypoint cmd secrets'],
  ['object', 'rootfs network inbound_network advanced'],
])('an option of kind %s is that, and nothing else: %s', (kind, names) => {
  for (const name of names.split(' ')) {
    for (const [of, value] of Object.entries(VALUES)) {
      const refused = withOption(name, value);
      if (of === kind) expect(refused, `${name} of kind ${of}`).toBeNull();
      else {
        expect(refused?.field).toBe(`options.${name}`);
        expect(refused?.said).toMatch(
          new RegExp(`^must be of kind ${kind} for BoxLite\\. Received .*(4711|text|true|one|1)`),
        );
      }
    }
  }
});

it('null stands for an option that is left out, but for those that BoxLite has no such word for', () => {
  const options =
    'cpus memory_mib disk_size_gb auto_stop auto_delete working_dir user auto_resume entrypoint cmd network';
  for (const name of options.split(' ')) expect(withOption(name, null), name).toBeNull();
  for (const name of 'auto_remove detach tty env volumes ports secrets rootfs'.split(' ')) {
    expect(withOption(name, null), name).toEqual({
      field: `options.${name}`,
      said: expect.stringMatching(/^must be of kind \w+ for BoxLite\. Received null$/),
    });
  }
});
