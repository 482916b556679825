// Prints by how many MiB the peak of this process's memory grows when a home is opened: `open-memory.cjs HOME BASE`.

const fs = require('node:fs');
const { BoxRuntime } = require('../../dist/runtime/index.js');

const [, , homeDir = '', base = ''] = process.argv;

/** @param {'VmHWM' | 'VmRSS'} field */
function kibibytes(field) {
  const status = fs.readFileSync('/proc/self/status', 'utf8');
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]);
}

async function main() {
  // The binary, SQLite and the code of the operation are not what is asked for.
  await (await BoxRuntime.open({ homeDir: `${homeDir}-empty`, base })).close();
  globalThis.gc?.();
  fs.writeFileSync('/proc/self/clear_refs', '5'); // the peak begins anew: proc_pid_clear_refs(5)
  const before = kibibytes('VmRSS');
  const runtime = await BoxRuntime.open({ homeDir, base });
  console.log(((kibibytes('VmHWM') - before) / 1024).toFixed(2));
  await runtime.close();
}

main();
