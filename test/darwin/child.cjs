// Runs the body of a test in a process of its own, on the Darwin binary where the preload is there: argv holds the
// function's text, the directory that is the test's, and a uid to become first. Prints what came of it.

const [source, directory, uid] = process.argv.slice(2);
const addon = require('../../dist/index.js');

async function main() {
  const host = globalThis.darwinHost?.();
  if (uid !== '') {
    // Everything is loaded that this user could not read.
    addon.measureSunPathLimitSync(directory);
    process.setgid(Number(uid));
    process.setuid(Number(uid));
  }
  const scene = {
    B: addon,
    ...require('../../dist/box/index.js'),
    fs: require('node:fs'),
    net: require('node:net'),
    path: require('node:path'),
    spawn: require('node:child_process').spawn,
    directory,
    host,
  };
  const body = new Function(`return (${source})`)();
  const tell = (value) => (value instanceof Error ? { code: value.code, message: value.message } : value);
  const outcome = await Promise.resolve(body(scene)).then(
    (result) => ({ result }),
    (error) => ({ error: { code: error.code, syscall: error.syscall, message: String(error.stack) } }),
  );
  const taken = Object.fromEntries((host?.rules() ?? []).map((rule) => [rule.name, rule.taken]));
  const replacer = (_key, value) => (typeof value === 'bigint' ? String(value) : tell(value));
  process.stdout.write(`\n${JSON.stringify({ ...outcome, taken, platform: process.platform }, replacer)}`, () =>
    process.exit(),
  );
}
main();
