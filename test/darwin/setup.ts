// Before each file of the package's tests that runs on the Darwin binary: it is really that one.

import { sunPathLimit } from '../../dist/index.js';
import { native } from '../../dist/native/load.js';

const { sunPathCapacity } = native();
if (process.platform !== 'darwin' || sunPathCapacity !== 104 || sunPathLimit().capacity !== 104) {
  throw new Error(`this is not the Darwin binary: ${process.platform}, an address of ${sunPathCapacity} bytes`);
}
