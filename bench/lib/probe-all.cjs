// The probes of a doctor without the doctor: ensures and probes every box of a home, `probe-all.cjs HOME BASE`.

const fs = require('node:fs');
const { BoxSockets } = require('../../dist/index.js');

const [, , home = '', base = ''] = process.argv;
const boxes = fs.readdirSync(`${home}/boxes`);

async function main() {
  for (const id of boxes) {
    const box = new BoxSockets(id, `${home}/boxes/${id}/sockets`, { base });
    const { ok } = await box.probe();
    if (!ok) throw new Error(`the probe of ${id} failed`);
  }
}

main();
