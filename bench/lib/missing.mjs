// What a claim needs and a machine may lack.

import { spawnSync } from 'node:child_process';

/**
 * @param {string} tool
 * @returns {string | null} why a claim cannot be measured
 */
export function missingTool(tool) {
  return spawnSync(tool, ['--version']).status === 0 ? null : `${tool} is not installed`;
}
