// How long the proofs of this directory run: short in `npm test`, long in `node scripts/tools/soak.mjs`, which sets the variable.

const seconds = Number(process.env.BOXSOCKETS_SOAK_SECONDS ?? 0);

/** Whether everything is to be tried, not a sample. */
export const isSoak = seconds > 0;

/** How long each race runs, in milliseconds. */
export const raceMs = isSoak ? seconds * 1000 : 3000;

/** How long one test may take, in milliseconds. */
export const testTimeout = isSoak ? seconds * 2000 + 1_200_000 : 240_000;
