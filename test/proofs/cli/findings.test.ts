// The findings that take a namespace, another user, another configuration of the machine or a package that is broken.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { at, bind, doctor, giveTo, paste, troubles } from '../../cli/doctor/patient.js';
import { isRoot, json, MAIN, makeBox, NOBODY, program, run } from '../../cli/run.js';
import { missingMount, missingTool, missingUser, promise } from '../../helpers.js';

const environment = () => ({ PATH: process.env.PATH, HOME: process.env.HOME });
const node = (file: string, args: string[]) => run(process.execPath, [file, ...args], { env: environment() });
const codes = (findings: { code: string; severity: string }[]) =>
  findings.filter(({ code, severity }) => severity !== 'info' && !code.startsWith('cleaner')).map(({ code }) => code);

describe('a package without its binary', () => {
  it('is one finding, and what needs no native code is shown all the same', () => {
    const copy = path.join(at.dir, 'p');
    fs.cpSync(path.dirname(path.dirname(MAIN)), path.join(copy, 'dist'), { recursive: true });
    fs.copyFileSync('package.json', path.join(copy, 'package.json'));
    makeBox(at.home, 'b1');
    const report = json(
      node(path.join(copy, 'dist/cli/main.js'), ['doctor', '--json', '--home', at.home, '--base', at.base]),
    );
    expect(codes(report.findings)).toEqual(['ERR_BOX_SOCKETS_NATIVE_UNAVAILABLE']);
    expect(report.findings[0].remedy).toContain('npm install');
    expect(report.boxes[0].sockets).toHaveLength(5);
    // Without a home too, and nothing is left behind.
    const alone = json(node(path.join(copy, 'dist/cli/main.js'), ['doctor', '--json', '--base', at.base]));
    expect(alone.findings.map(({ code }: { code: string }) => code)).toContain('direct-bind');
    expect(fs.readdirSync(at.base)).toEqual([]);
  });
});

describe('users', () => {
  const needsRoot = isRoot ? null : 'needs root';

  promise(
    needsRoot ?? missingTool('python3'),
    'two uids in one process are found, and by one of them all is well',
    async () => {
      await bind();
      const python = 'import os, sys; os.setresuid(65534, 0, 0); os.execv(sys.argv[1], sys.argv[1:])';
      const words = [process.execPath, MAIN, 'doctor', '--json', '--home', at.home, '--base', at.base];
      const report = json(run('python3', ['-c', python, ...words], { env: environment() }));
      expect(codes(report.findings)).toContain('uid-mismatch');
      expect(troubles(await doctor('self'))).toEqual([]);
    },
  );

  promise(
    needsRoot ?? missingUser(NOBODY.uid),
    "root on a user's sound home: all is well, and nothing of root's is made",
    async () => {
      await bind();
      giveTo('nobody');
      fs.chmodSync(at.base, 0o1777);
      const report = await doctor('self');
      expect([report.ok, report.boxes.map(({ binding }) => binding.state)]).toEqual([true, ['idle']]);
      expect(report.parent.path).toBe(at.parent('nobody'));
      expect(fs.readdirSync(at.base)).toEqual([path.basename(at.parent('nobody'))]);
      // That user may meddle with what is reported: no line of a remedy runs as root.
      fs.unlinkSync(at.binding('b1', 'nobody'));
      fs.chownSync(at.sockets('b1'), 0, 0);
      const { findings } = await doctor('self');
      expect(findings.map(({ code }) => code)).toEqual(['sockets-foreign']);
      const lines = findings[0]?.remedy.split('\n') ?? [];
      expect(lines.every((line) => /^(# needs root: sudo |sudo -u '#65534' sh -c )/.test(line))).toBe(true);
    },
  );

  promise(
    needsRoot ?? missingTool('unshare', ['-Ur', 'true']),
    'in a user namespace of one uid all is well, as ensure finds',
    () => {
      makeBox(at.home, 'b1');
      fs.chmodSync(at.base, 0o1777);
      const script =
        '"$0" "$1" ensure b1 "$2/boxes/b1/sockets" --base "$3" >&2; exec "$0" "$1" doctor --json --home "$2" --base "$3"';
      const words = ['-Ur', 'sh', '-c', script, process.execPath, MAIN, at.home, at.base];
      expect(codes(json(run('unshare', words, { env: environment() })).findings)).toEqual([]);
    },
  );
});

describe('the machine', () => {
  const namespaces = missingTool('unshare', ['-pfm', '--mount-proc', 'unshare', '-m', 'true']);

  promise(namespaces, 'a private base is found, and a base that both see is the remedy', () => {
    makeBox(at.home, 'b1');
    const doctorOn = (base: string) =>
      `'${process.execPath}' '${MAIN}' doctor --json --home '${at.home}' --base '${base}'`;
    const within = (command: string) => {
      const script = `unshare -m sh -c "mount -t tmpfs -o mode=1777 t '${at.base}' && ${command}"; exit 0`;
      return run('unshare', ['-pfm', '--mount-proc', 'sh', '-c', script], { env: environment() });
    };
    const found = json(within(doctorOn(at.base))).findings.find(
      ({ code }: { code: string }) => code === 'base-private',
    );
    expect(found).toMatchObject({ severity: 'warning', remedy: expect.stringContaining('in a pod: one emptyDir') });
    paste(found.remedy, 'self');
    expect(codes(json(within(doctorOn(at.ownBase))).findings)).not.toContain('base-private');
  });

  const missing = missingTool('systemd-tmpfiles') ?? missingMount() ?? missingTool('unshare');

  promise(missing, 'a cleaner that takes the link is found, and its remedy, pasted, protects it', async () => {
    await bind();
    const bin = path.join(at.dir, 'bin');
    fs.writeFileSync(path.join(bin, 'systemctl'), '#!/bin/sh\necho active\n', { mode: 0o755 });
    const look = `'${process.execPath}' '${MAIN}' doctor --json --home '${at.home}' --base '${at.base}'`;
    const machine = `mount -t tmpfs t /etc/tmpfiles.d; mkdir -p /run/systemd; mount -t tmpfs t /run/systemd; mkdir /run/systemd/system`;
    const line = `echo 'd ${at.base} - - - 10d' >/etc/tmpfiles.d/tmp.conf`;
    const remedy = `"$(cat '${at.dir}/remedy')"`;
    const script = `${machine}; ${line}; ${look} >'${at.dir}/before'; '${process.execPath}' -e "$0" >'${at.dir}/remedy'; sh -c ${remedy} >&2; ${look}`;
    const pick = `console.log(JSON.parse(require('fs').readFileSync('${at.dir}/before')).findings.find((one) => one.code === 'cleaner-takes-link').remedy)`;
    const after = json(run('unshare', ['-m', 'sh', '-c', script, pick], { env: environment() }));
    const before = JSON.parse(fs.readFileSync(path.join(at.dir, 'before'), 'utf8'));
    expect(before.findings[0]).toMatchObject({ code: 'cleaner-takes-link', message: expect.stringContaining('10d') });
    expect(fs.readFileSync(path.join(at.dir, 'remedy'), 'utf8')).toContain(`echo 'x ${at.base}/bl-*' | tee`);
    expect(after.findings).toEqual([]);
  });

  it('a base that cannot be written to, without a home: the remedy shows that another one works', async () => {
    const mine = isRoot ? NOBODY : {};
    fs.chmodSync(at.dir, 0o755);
    fs.chmodSync(at.base, 0o555);
    if (isRoot) fs.chownSync(path.join(at.dir, 'user'), NOBODY.uid, NOBODY.gid);
    const broken = json(program(['doctor', '--json', '--base', at.base], { ...mine, env: environment() }));
    expect(codes(broken.findings)).toEqual(['base-unwritable']);
    paste(broken.findings[0].remedy, 'nobody');
    const mended = json(program(['doctor', '--json', '--base', at.ownBase], { ...mine, env: environment() }));
    expect(codes(mended.findings)).toEqual([]);
  });
});
