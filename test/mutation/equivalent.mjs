// Mutants that change nothing that anybody can see, each with the reason: `npm run mutate -- native` leaves them out.

/** By file, then by the line as the mutant has it. @type {Readonly<Record<string, Readonly<Record<string, string>>>>} */
export const EQUIVALENT = Object.freeze({});
