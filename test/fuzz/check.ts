// What the fuzzers share.

/** Ends the fuzzer, which keeps the input, where a promise does not hold. */
export function check(holds: boolean, promise: string, ...shown: unknown[]): asserts holds {
  if (!holds) throw new Error([promise, ...shown.map((value) => JSON.stringify(value))].join('\n  '));
}

export const ARGUMENT_CODES = ['ERR_INVALID_ARG_TYPE', 'ERR_INVALID_ARG_VALUE'];

/** What an action returned, or undefined where it threw an error of a documented code; any other error goes on. */
export function attempt<T>(action: () => T, codes: readonly string[] = ARGUMENT_CODES): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof Error && 'code' in error && codes.includes(String(error.code))) return undefined;
    throw error;
  }
}

/** Every text that the bytes may stand for: UTF-8 with replacements, a character for each byte, and UTF-16 of any kind. */
export function textsOf(data: Buffer): string[] {
  return [data.toString('utf8'), data.toString('latin1'), data.toString('utf16le')];
}

/** Whether each character is one of these. */
export function consistsOf(text: string, characters: string): boolean {
  for (const character of text) if (!characters.includes(character)) return false;
  return true;
}

export const DIGITS = '0123456789';
export const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
