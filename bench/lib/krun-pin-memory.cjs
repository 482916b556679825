// Prints by how many MiB the peak of this process's memory grows while it checks a library.

const fs = require('node:fs');
const path = require('node:path');
const { checkKrunPinSync } = require('../../dist/index.js');

const [, , library = ''] = process.argv;

/** @param {'VmHWM' | 'VmRSS'} field */
function kibibytes(field) {
  const status = fs.readFileSync('/proc/self/status', 'utf8');
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]);
}

// The code of the operation is not what is asked for.
checkKrunPinSync({ library: path.join(__dirname, '../../package.json') });
fs.writeFileSync('/proc/self/clear_refs', '5'); // the peak begins anew: proc_pid_clear_refs(5)
const before = kibibytes('VmRSS');
checkKrunPinSync({ library });
console.log(((kibibytes('VmHWM') - before) / 1024).toFixed(2));
