#!/usr/bin/env node
// The `boxsockets` program.

import { runCli } from './cli.js';
import { Output } from './output.js';

// A reader that leaves early (`boxsockets list | head -1`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

runCli(process.argv.slice(2), new Output(process.stdout, process.stderr, process.env)).then((status) => {
  // Not process.exit(): it would cut off what a pipe has not taken yet.
  process.exitCode = status;
});
