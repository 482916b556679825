// Writes the ES module of each entry of the package beside its CommonJS one, and has the files that they share get
// Node's modules from lib/native/host.ts.

import fs from 'node:fs';
import path from 'node:path';

import { root } from '../tools/checkout.mjs';

const dist = path.join(root, 'dist');
const HOST = 'native/host.js';
/** In what is packed, as esbuild writes an import. */
const AT_ONCE = /^var import_\w+ = .*\.builtin\("(.*)"\);$/gm;
const BUILTIN = /\brequire\(["'](node:[\w/]+)["']\)/g;

/** @returns {string[]} the entries that package.json has, relative to dist/ */
export function entries() {
  const { exports } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  /** @type {{ require?: { default: string } }[]} */
  const all = Object.values(exports);
  return all.flatMap(({ require: condition }) => condition?.default.replace('./dist/', '') ?? []);
}

/**
 * @param {ReadonlyMap<string, readonly string[]>} exported what each of the entries exports
 */
export function writeEsModules(exported) {
  redirectBuiltins();
  const packed = fs.readFileSync(path.join(dist, 'index.js'), 'utf8');
  const modules = Array.from(packed.matchAll(AT_ONCE), ([, name = '']) => name).filter(
    (name, index, all) => all.indexOf(name) === index,
  );
  const imports = modules.map((name, index) => `import module${index} from '${name}';`);
  const table = modules.map((name, index) => `'${name}': module${index}`);
  write('native/host.mjs', [
    "import { createRequire } from 'node:module';",
    "import { fileURLToPath } from 'node:url';",
    ...imports,
    "import { setHost } from './host.js';",
    'const { url } = import.meta;',
    'setHost({',
    `  modules: { ${table.join(', ')} },`,
    // When it is asked for: importing never throws, wherever it is.
    "  get directory() { return url === undefined ? undefined : fileURLToPath(new URL('.', url)); },",
    '  require: (id) => createRequire(url)(id),',
    '});',
  ]);
  for (const [file, names] of exported) {
    const own = `./${path.basename(file)}`;
    const host = path.posix.join(path.relative(path.dirname(file), '.') || '.', 'native/host.mjs');
    write(file.replace(/\.js$/, '.mjs'), [
      `import '${host.startsWith('.') ? host : `./${host}`}';`,
      `export { ${names.join(', ')} } from '${own}';`,
    ]);
    write(file.replace(/\.js$/, '.d.mts'), [`export * from '${own}';`]);
  }
}

/** Not in the command line, which is a program of its own. */
function redirectBuiltins() {
  const files = fs.readdirSync(dist, { recursive: true, encoding: 'utf8' });
  const shared = files.filter((file) => file.endsWith('.js') && !file.startsWith('cli/') && file !== HOST);
  const asked = new Set();
  for (const file of shared) {
    const whole = path.join(dist, file);
    const to = path.posix.relative(path.posix.dirname(file), HOST);
    const from = to.startsWith('.') ? to : `./${to}`;
    const code = fs.readFileSync(whole, 'utf8').replace(BUILTIN, (_, name) => {
      asked.add(name);
      return `require("${from}").builtin("${name}")`;
    });
    fs.writeFileSync(whole, code);
  }
  const offered = [...fs.readFileSync(path.join(dist, HOST), 'utf8').matchAll(BUILTIN)].map(([, name = '']) => name);
  const missing = [...asked].filter((name) => !offered.includes(name));
  if (missing.length > 0) throw new Error(`lib/native/host.ts has no ${missing.join(', ')}`);
}

/**
 * @param {string} file
 * @param {string[]} lines
 */
function write(file, lines) {
  fs.writeFileSync(path.join(dist, file), `${lines.join('\n')}\n`);
}
