// The calls whose instructions are counted, each between two markers: os.getPriority(), which nothing else calls.

const os = require('node:os');
const { BoxSockets } = require('../../dist/index.js');

const [, , base = '', uid = '', realDir = ''] = process.argv;

async function main() {
  const { byIdentity, byStrings } = await import('./rivals.mjs');
  const box = new BoxSockets('box1', realDir, { base, uid: Number(uid) });
  const place = { base, parent: box.parentDir, binding: box.bindingDir, realDir };
  const createAndRemove = () => {
    box.removeSync();
    box.ensureSync();
  };
  box.ensureSync();
  /** @type {[name: string, operation: () => unknown, warmUp: number, calls: number][]} */
  const contenders = [
    ['an empty function', () => {}, 30_000, 30_000],
    ['ensureSync, steady', () => box.ensureSync(), 30_000, 30_000],
    ['removeSync, ensureSync', createAndRemove, 4000, 2000],
    ['constructor', () => new BoxSockets('box1', realDir), 5000, 5000],
    ['node:fs, identity', byIdentity(place), 2000, 1000],
    ['node:fs, strings', byStrings(place), 2000, 1000],
  ];
  for (const [, operation, warmUp, calls] of contenders) {
    const loop = new Function('operation', 'count', 'for (let i = 0; i < count; i++) operation();');
    loop(operation, warmUp);
    os.getPriority();
    loop(operation, calls);
    os.getPriority();
  }
  console.log(JSON.stringify(contenders.map(([name, , , calls]) => ({ name, calls }))));
}

main();
