import { describe, expect, it } from 'vitest';
import { buildPathAccess, type PathAccess, type SandboxLayout, seatbeltPolicy } from '../../dist/sandbox/index.js';

const boxHome = '/no/such/home/boxes/b1';
const sockets: readonly PathAccess[] = [
  { path: `${boxHome}/sockets`, writable: true, kind: 'directory' },
  { path: '/tmp/bl-0/b1', writable: true, kind: 'directory', linkTo: `${boxHome}/sockets` },
  { path: '/tmp/bl-0', writable: false, kind: 'directory' },
];
const layout: SandboxLayout = { boxHome, sockets: { policyPaths: () => sockets } };
const refused = (code: string) => expect.objectContaining({ name: 'TypeError', code });
const access = (path: string, writable: boolean, kind = 'directory'): object => ({ path, writable, kind });

describe('buildPathAccess', () => {
  it('lists the sockets, what the shim writes, what it runs, and nothing that the host alone writes', () => {
    expect(buildPathAccess(layout)).toEqual([
      ...sockets,
      access(`${boxHome}/tmp`, true),
      access(`${boxHome}/disks`, true),
      access(`${boxHome}/shared`, true),
      access(`${boxHome}/logs`, true),
      access(`${boxHome}/bin`, false),
    ]);
  });

  it('adds what a shim of BoxLite opens, where that is said', () => {
    const home = '/no/such/home';
    expect(buildPathAccess(layout, [], { boxLite: true }).slice(8)).toEqual([
      access(`${boxHome}/boot`, false),
      access(`${boxHome}/ca`, false),
      access(`${home}/bases`, false),
      access(`${home}/images/disk-images`, false),
      access(`${boxHome}/exit`, true, 'file'),
    ]);
    expect(() => buildPathAccess(layout, [], { boxlite: true } as never)).toThrow(refused('ERR_INVALID_ARG_VALUE'));
  });

  it('adds volumes, ours and as a row of BoxLite spells them', () => {
    const volumes = [
      { hostPath: '/srv/data' },
      { hostPath: '/srv/golden/', readOnly: true },
      { hostPath: '/srv/one.img', readOnly: true, kind: 'file' as const },
      { host_path: '/srv/row', guest_path: '/data', read_only: true },
      { host_path: '', guest_path: '/managed', read_only: false, managed_volume: 'vol_1' },
      { host_path: '/srv/plain', guest_path: '/plain', read_only: false, managed_volume: null },
    ];
    expect(buildPathAccess(layout, volumes).slice(8)).toEqual([
      access('/srv/data', true),
      access('/srv/golden', false),
      access('/srv/one.img', false, 'file'),
      access('/srv/row', false),
      access('/srv/plain', true),
    ]);
  });

  it('is a policy as it comes', () => {
    expect(seatbeltPolicy(buildPathAccess(layout, [{ hostPath: '/srv' }]))).toContain('(subpath "/srv")');
  });

  it.each<[unknown, unknown, string, string]>([
    [null, [], 'ERR_INVALID_ARG_TYPE', '"layout"'],
    [{ ...layout, boxHome: 1 }, [], 'ERR_INVALID_ARG_TYPE', '"layout.boxHome"'],
    [{ ...layout, boxHome: 'relative' }, [], 'ERR_INVALID_ARG_VALUE', "'layout.boxHome'"],
    [layout, [null], 'ERR_INVALID_ARG_TYPE', '"volumes[0]"'],
    [layout, [{}], 'ERR_INVALID_ARG_TYPE', '"volumes[0].hostPath"'],
    [layout, [{ hostPath: '/a' }, { hostPath: 'b' }], 'ERR_INVALID_ARG_VALUE', "'volumes[1].hostPath'"],
    [layout, [{ hostPath: '/a/../etc' }], 'ERR_INVALID_ARG_VALUE', "'volumes[0].hostPath'"],
    [layout, [{ host_path: 'b' }], 'ERR_INVALID_ARG_VALUE', "'volumes[0].host_path'"],
    [layout, [{ hostPath: '/a', readOnly: 'yes' }], 'ERR_INVALID_ARG_TYPE', '"volumes[0].readOnly"'],
    [layout, [{ hostPath: '/a', kind: 'disk' }], 'ERR_INVALID_ARG_VALUE', "'volumes[0].kind'"],
    [layout, 1, 'ERR_INVALID_ARG_TYPE', '"volumes"'],
  ])('refuses %j with %j', (badLayout, volumes, code, name) => {
    const build = () => buildPathAccess(badLayout as SandboxLayout, volumes as []);
    expect(build).toThrow(refused(code));
    expect(build).toThrow(name);
  });
});
