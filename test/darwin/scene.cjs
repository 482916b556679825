// One second of everything that the addon does, told in lines. Where the lines of two platforms differ, they differ for
// a reason that scene.heavy.ts names. Runs in the directory that it is given.

const cp = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const B = require('../../dist/index.js');

const { BoxSockets } = B;
const root = process.argv[2];
const lines = [];

// What differs from run to run and says nothing: the directory, random names, numbers of the file system and of time.
function plain(value) {
  const json = JSON.stringify(value, (_key, each) => {
    if (typeof each === 'bigint') return String(each);
    if (!(each instanceof Error)) return each;
    const { code, syscall, message, cause } = each;
    return { code, syscall, message, ...(cause !== undefined && { cause: cause.code }) };
  });
  return String(json)
    .replaceAll(root, 'ROOT')
    .replace(/\.~?[A-Za-z0-9]{5,}/g, '.NAME')
    .replace(/"(pid|inode|ino|device|errno|mtimeMs)":-?\d+/g, '"$1":0');
}

async function say(name, act) {
  try {
    lines.push(`${name} ${plain(await act())}`);
  } catch (error) {
    lines.push(`${name} threw ${plain(error)}`);
  }
}

function realDir(id) {
  const directory = `${root}/home/${'x'.repeat(100)}/${id}`;
  fs.mkdirSync(directory, { recursive: true });
  return directory;
}

const base = { base: root };
const make = (id, at = id) => new BoxSockets(id, realDir(at), base);
const byId = (a, b) => (a.id < b.id ? -1 : 1);

async function bindings() {
  const box = make('b');
  await say('remove nothing', () => box.removeSync());
  await say('list nothing', () => BoxSockets.listSync(base));
  await say('ensure', () => box.ensureSync());
  await say('again', () => box.ensureSync());
  await say('async', () => box.ensure());
  await say('link', () => [(fs.statSync(box.parentDir).mode & 0o7777).toString(8), fs.readlinkSync(box.bindingDir)]);
  fs.chmodSync(box.parentDir, 0o755);
  await say('repair', () => [box.ensureSync(), fs.statSync(box.parentDir).mode]);
  await say('probe', () => box.probeSync());
  await say('probe async', () => box.probe());
  for (const bytes of [90, 103, 104, 108, 109, 120]) {
    await say(
      `path ${bytes}`,
      () => B.probeSocketPathSync(`${root}/${'p'.repeat(bytes - root.length - 1)}`).code ?? 'ok',
    );
  }
  await say('limit', () => [B.sunPathLimit(), B.measureSunPathLimitSync(root)]);
}

async function sockets() {
  const box = make('b', 'c');
  await say('replace', () => [box.ensureSync(), fs.readlinkSync(box.bindingDir)]);
  const server = net.createServer((socket) => socket.end('hello'));
  await say('listen', () => box.listen(server, 'box.sock'));
  await say('mode', () => (fs.statSync(`${box.realDir}/box.sock`).mode & 0o7777).toString(8));
  await say('in use', () => make('b').ensureSync());
  await say('taken', () => box.listen(net.createServer(), 'box.sock'));
  await say('connect', async () => {
    const socket = await box.connect('box.sock', { verifyPeer: true });
    return new Promise((resolve) => socket.on('data', (data) => resolve(String(data))));
  });
  await say('list', () => BoxSockets.listSync(base).map(({ id, state, sockets }) => [id, state, sockets]));
  await say('hold', async () => (await box.hold())[Symbol.dispose]?.());
  await say('closed', async () => {
    await new Promise((resolve) => server.close(resolve));
    return fs.readdirSync(box.realDir);
  });
  fs.writeFileSync(`${box.realDir}/file.sock`, '');
  await say('no socket', () => box.connect('file.sock', { verifyPeer: true }));
  fs.symlinkSync(`${root}/planted`, `${box.realDir}/link.sock`);
  await say('planted', () => box.listen(net.createServer(), 'link.sock'));
  await say('planted nothing', () => fs.existsSync(`${root}/planted`));
}

async function parents() {
  const { parentDir } = make('b');
  fs.symlinkSync('/nowhere', `${parentDir}/gone`);
  fs.symlinkSync('loop', `${parentDir}/loop`);
  fs.writeFileSync(`${parentDir}/file`, '');
  await say('list all', () => BoxSockets.listSync(base).sort(byId));
  await say('dry', () => BoxSockets.sweepStaleSync({ ...base, dryRun: true }));
  await say('sweep', () => BoxSockets.sweepStaleSync(base));
  await say('file', () => make('file').ensureSync());
  await say('loop', () => make('loop').ensureSync());
  await say('all', () => BoxSockets.ensureAll(['k1', 'k2', 'k3'].map((id) => make(id))));
  await say('no directory', () => new BoxSockets('n', `${root}/none`, base).ensureSync());
  await say('same', () => [B.sameInodeSync(root, `${root}/.`), B.sameInodeSync(root, '/')]);
  const holder = cp.spawn('flock', ['-x', `${parentDir}/.lock`, 'sh', '-c', 'echo locked; read line']);
  await new Promise((resolve) => holder.stdout.once('data', resolve));
  await say('timeout', () => {
    try {
      return make('t').ensureSync({ lockTimeout: 20 });
    } catch ({ code }) {
      return code;
    }
  });
  holder.stdin.end();
  await new Promise((resolve) => holder.once('close', resolve));
  fs.chmodSync(root, 0o777);
  await say('base', () => make('b').ensureSync());
  fs.chmodSync(root, 0o1777);
  await say('remove', () => [make('b', 'c').removeSync(), make('b', 'c').removeSync()]);
}

async function main() {
  await bindings();
  await sockets();
  await parents();
  process.stdout.write(lines.join('\n'), () => process.exit());
}
main();
