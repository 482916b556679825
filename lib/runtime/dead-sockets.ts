// Socket files that a shim left when it ended: a bind to one fails, and few programs remove it before they bind.

import * as fs from 'node:fs';
import type { BoxLayout } from '../box/index.js';
import { probeSocketPath } from '../operations/probe-path.js';
import { SOCKET_NAME } from '../paths/names.js';

/** Removes the sockets of a box that no process holds; those that one does are left to it. */
export async function removeDeadSockets(layout: BoxLayout): Promise<void> {
  for (const entry of await fs.promises.readdir(layout.socketsDir, { withFileTypes: true })) {
    if (!entry.isSocket() || !SOCKET_NAME.test(entry.name)) continue;
    const file = `${layout.socketsDir}/${entry.name}`;
    const { ino } = await fs.promises.lstat(file);
    const { code, held } = await probeSocketPath(layout.sockets.socket(entry.name));
    if (code !== 'EADDRINUSE' || held !== false) continue;
    // Not one that somebody has put in its place meanwhile.
    if (fs.lstatSync(file, { throwIfNoEntry: false })?.ino === ino) fs.unlinkSync(file);
  }
}
