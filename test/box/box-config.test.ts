import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { BoxConfig, type BoxConfigJson } from '../../dist/box/index.js';
import { BoxSockets } from '../../dist/index.js';
import { fixtures, ownUid } from '../helpers.js';

interface Row {
  id: string;
  name: string;
  created_at: number;
  json: string;
}

/** Rows that BoxLite 0.10.0 wrote, in a home of that path. */
function boxliteRows(home: string): Row[] {
  const text = fs.readFileSync(path.join(fixtures, 'boxlite-rows.json'), 'utf8');
  return JSON.parse(text.replaceAll('@HOME@', home)) as Row[];
}

const HOMES = [
  '/h',
  '/home/me/.boxlite',
  `/${'deep/'.repeat(60)}home`,
  '/home/with space/"quoted"\\'.replaceAll('"', ''),
];

describe.each(HOMES)('a row of BoxLite in %s', (home) => {
  // A backslash in a JSON text has to be escaped.
  const rows = boxliteRows(home.replaceAll('\\', '\\\\\\\\'));

  it.each(rows.map((row) => [row.id, row] as const))('%s loads, and is the row that it was', (id, row) => {
    const config = BoxConfig.parse(row.json);
    const original = JSON.parse(row.json) as BoxConfigJson;
    expect(config.id).toBe(id);
    expect(config.name).toBe(row.name);
    expect(config.boxHome).toBe(original.box_home);
    expect(config.createdAt).toBe(original.created_at);
    expect(config.containerId).toBe(original.container.id);
    expect(config.engineKind).toBe('Libkrun');
    expect(config.options).toEqual(original.options);
    expect(Math.floor(Date.parse(config.createdAt) / 1000)).toBe(row.created_at);
  });

  it('derives its paths from the home and the id, whatever their length', () => {
    for (const { json, id } of rows) {
      const config = BoxConfig.parse(json);
      const binding = `/tmp/bl-${ownUid}/${id}`;
      expect(config.sockets()).toBeInstanceOf(BoxSockets);
      expect(config.sockets().realDir).toBe(`${config.boxHome}/sockets`);
      expect(config.sockets().bindingDir).toBe(binding);
      expect(config.transport()).toEqual({ type: 'unix', path: `${binding}/box.sock` });
      expect(config.readyTransport()).toEqual({ type: 'unix', path: `${binding}/ready.sock` });
      expect(config.transport({ base: '/b', uid: 7 })).toEqual({ type: 'unix', path: `/b/bl-7/${id}/box.sock` });
      expect(config.layout({ base: '/b' }).sockets.boxSock).toBe(`/b/bl-${ownUid}/${id}/box.sock`);
      expect(config.layout().boxHome).toBe(config.boxHome);
    }
  });

  it('survives a round trip, byte for byte', () => {
    for (const { json } of rows) {
      expect(BoxConfig.parse(json).toString()).toBe(json);
      expect(JSON.stringify(BoxConfig.parse(json))).toBe(json);
    }
  });
});

const MINIMAL: BoxConfigJson = {
  id: 'b1',
  name: null,
  created_at: '2026-11-23T20:56:46.906183681Z',
  container: { id: 'c1' },
  options: { cpus: 1 },
  engine_kind: 'Libkrun',
  box_home: '/h/boxes/b1',
};
const text = (changes: object = {}): string => JSON.stringify({ ...MINIMAL, ...changes });

describe('a row of an older release', () => {
  const old = text({
    transport: { Unix: { socket_path: '/h/boxes/b1/sockets/box.sock' } },
    ready_socket_path: '/h/boxes/b1/sockets/ready.sock',
    further: { transport: 'kept, for it is not the row’s own' },
  });

  it('loads, and its persisted paths are ignored', () => {
    expect(BoxConfig.parse(old).transport().path).toBe(`/tmp/bl-${ownUid}/b1/box.sock`);
    expect(BoxConfig.parse(old).readyTransport().path).toBe(`/tmp/bl-${ownUid}/b1/ready.sock`);
  });

  it('is never written back with them, and with everything else', () => {
    const expected = text({ further: { transport: 'kept, for it is not the row’s own' } });
    expect(BoxConfig.parse(old).toString()).toBe(expected);
    expect(JSON.stringify(BoxConfig.parse(old))).toBe(expected);
    expect(JSON.stringify(BoxConfig.from(JSON.parse(old) as BoxConfigJson))).toBe(expected);
  });

  it.each([
    ['{"transport":1,"id":"b1","box_home":"/h"}', '{"id":"b1","box_home":"/h"}'],
    ['{"id":"b1","transport":{"a":[1,{"b":",}"}]},"box_home":"/h"}', '{"id":"b1","box_home":"/h"}'],
    ['{"id":"b1","box_home":"/h","ready_socket_path":null}', '{"id":"b1","box_home":"/h"}'],
    [' { "id" : "b1" ,\n "tr\\u0061nsport" : 1 , "box_home" : "/h" } ', ' { "id" : "b1" , "box_home" : "/h" } '],
    [
      '{"id":"b1","box_home":"/h","a":"\\",\\"transport\\":1"}',
      '{"id":"b1","box_home":"/h","a":"\\",\\"transport\\":1"}',
    ],
  ])('%s', (row, expected) => {
    expect(BoxConfig.parse(row).toString()).toBe(expected);
  });
});

describe('fields that are not known', () => {
  it('survive, in their order and at any depth', () => {
    const row = text({
      later: [1, { a: null }],
      engine_kind: 'Libkrun',
      'ünïcode ключ': '\u2028',
      options: { x: { y: [] } },
    });
    expect(BoxConfig.parse(row).toString()).toBe(row);
    expect(JSON.stringify(BoxConfig.parse(row))).toBe(row);
  });

  it('keep integers that a number of JavaScript does not hold, also in a row of an older release', () => {
    const limit = '"max_file_size":18446744073709551615';
    const row = `{"id":"b1","box_home":"/h/b1","options":{${limit}},"transport":{}}`;
    expect(BoxConfig.parse(row).toString()).toBe(`{"id":"b1","box_home":"/h/b1","options":{${limit}}}`);
  });

  it('are a copy of their own at each toJSON()', () => {
    const config = BoxConfig.parse(text({ later: [1] }));
    config.toJSON().later = 2;
    (config.toJSON().options as { cpus: number }).cpus = 9;
    expect(config.toJSON()).toEqual({ ...MINIMAL, later: [1] });
  });
});

const invalid = (field: string | undefined) =>
  expect.objectContaining({
    name: 'BoxSocketsError',
    code: 'ERR_BOX_SOCKETS_ROW_INVALID',
    ...(field !== undefined && { field }),
  });

describe('a row is refused, and the field named', () => {
  it.each<[string, string, string | undefined]>([
    ['not JSON', '{"id":', undefined],
    ['empty', '', undefined],
    ['an array', '[]', undefined],
    ['null', 'null', undefined],
    ['a string', '"b1"', undefined],
    ['no id', '{"box_home":"/h"}', 'id'],
    ['no home', '{"id":"b1"}', 'box_home'],
    ['an id that is a number', text({ id: 1 }), 'id'],
    ['an id that is null', text({ id: null }), 'id'],
    ...['', '.', '..', '../b2', 'a/b', 'a\\u0000', 'a b', 'ä', 'a,b', 'x'.repeat(129)].map(
      (id): [string, string, string] => [`id ${id}`, text().replace('"b1"', `"${id}"`), 'id'],
    ),
    ['a home that is null', text({ box_home: null }), 'box_home'],
    ['a relative home', text({ box_home: 'h/b1' }), 'box_home'],
    ['an empty home', text({ box_home: '' }), 'box_home'],
    ['a home with ..', text({ box_home: '/h/../etc' }), 'box_home'],
    ['a home with a NUL', text({ box_home: '/h\0' }), 'box_home'],
    ['a home of half a character', text().replace('/h/boxes', '/h\\ud800'), 'box_home'],
    ['a name that is a number', text({ name: 1 }), 'name'],
    ['a time that is a number', text({ created_at: 1 }), 'created_at'],
    ['a time that is none', text({ created_at: 'yesterday' }), 'created_at'],
    ['a time of no month', text({ created_at: '2026-13-01T00:00:00Z' }), 'created_at'],
    ['a container that is null', text({ container: null }), 'container'],
    ['a container whose id is a number', text({ container: { id: 1 } }), 'container.id'],
    ['options that are an array', text({ options: [] }), 'options'],
    ['an engine that is a number', text({ engine_kind: 1 }), 'engine_kind'],
  ])('%s', (_, row, field) => {
    const parse = (): BoxConfig => BoxConfig.parse(row);
    expect(parse).toThrow(invalid(field));
    if (field !== undefined) expect(parse).toThrow(`"${field}"`);
  });

  it('where it is no text at all', () => {
    for (const value of [undefined, null, 1, Buffer.from('{}')]) {
      expect(() => BoxConfig.parse(value as unknown as string)).toThrow(
        expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' }),
      );
    }
    expect(() => BoxConfig.from(null as unknown as BoxConfigJson)).toThrow(
      expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' }),
    );
  });
});

describe('what a row of a box may lack', () => {
  it('is all but its id and its home', () => {
    const config = BoxConfig.parse('{"id":"b1","box_home":"/h/b1/"}');
    expect({ ...config }).toEqual({
      id: 'b1',
      boxHome: '/h/b1',
      name: null,
      createdAt: '',
      containerId: '',
      options: {},
      engineKind: '',
    });
  });

  it('or hold null for, is its name', () => {
    expect(BoxConfig.parse(text({ name: null })).name).toBeNull();
    expect(BoxConfig.parse(text({ name: 'n' })).name).toBe('n');
  });
});

describe('a row that is too large', () => {
  const padded = (inside: string): string => `{"id":"b1","box_home":"/h/b1","x":${inside}}`;

  it.each<[string, string]>([
    ['a string of 8 MB', padded(`"${'x'.repeat(8 << 20)}"`)],
    ['five million brackets', '['.repeat(5_000_000)],
    ['five million pairs of them', padded('['.repeat(5_000_000) + ']'.repeat(5_000_000))],
    ['129 levels', padded('['.repeat(128) + ']'.repeat(128))],
  ])('is refused at once, with a code of its own: %s', (_, text) => {
    const began = performance.now();
    expect(() => BoxConfig.parse(text)).toThrow(expect.objectContaining({ code: 'ERR_BOX_SOCKETS_ROW_TOO_LARGE' }));
    expect(performance.now() - began).toBeLessThan(200);
  });

  it('is none with 128 levels, or brackets in strings', () => {
    expect(BoxConfig.parse(padded('['.repeat(127) + ']'.repeat(127))).id).toBe('b1');
    expect(BoxConfig.parse(padded(`"\\"${'[{'.repeat(1000)}"`)).id).toBe('b1');
  });
});
