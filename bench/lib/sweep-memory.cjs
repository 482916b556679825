// Prints by how many MiB the peak of this process's memory grows in a sweep, less what the returned names take.

const fs = require('node:fs');
const { BoxSockets } = require('../../dist/index.js');

const [, , base = '', uid] = process.argv;
const options = { base, uid: Number(uid) };

/** @param {'VmHWM' | 'VmRSS'} field */
function kibibytes(field) {
  const status = fs.readFileSync('/proc/self/status', 'utf8');
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]);
}

// The binary and the code of the operation are not what is asked for.
BoxSockets.sweepStaleSync({ ...options, base: `${base}/nothing` });
globalThis.gc?.();
const heapBefore = process.memoryUsage().heapUsed;
fs.writeFileSync('/proc/self/clear_refs', '5'); // the peak begins anew: proc_pid_clear_refs(5)
const before = kibibytes('VmRSS');
const result = BoxSockets.sweepStaleSync(options);
const peak = kibibytes('VmHWM');
globalThis.gc?.();
const names = process.memoryUsage().heapUsed - heapBefore;
if (result.removed.length === 0) throw new Error('nothing was removed');
console.log(((peak - before) / 1024 - names / 2 ** 20).toFixed(2));
