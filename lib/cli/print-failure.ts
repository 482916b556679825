// How a failed operation is shown: as a JSON document with everything the error carries, or as lines for a person.

import { BoxSocketsError } from '../index.js';
import type { Output } from './output.js';
import { printable } from './text.js';

/** An error as `--json` prints it, with all that it carries. */
export interface FailureDocument {
  code: string;
  message: string;
  /** The error that this one rests on. */
  cause?: FailureDocument;
}

/** The document of an error; null where it is no failure of an operation but a fault of the program. */
export function failureDocument(error: unknown): FailureDocument | null {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return null;
  const carried = Object.entries(error).filter(([, value]) => ['string', 'number'].includes(typeof value));
  const cause = failureDocument(error.cause);
  return { code: error.code, message: error.message, ...Object.fromEntries(carried), ...(cause !== null && { cause }) };
}

/** Whether the caller is to blame: an argument that the library refuses before it touches anything. */
export function isArgumentError(error: unknown): boolean {
  const code = failureDocument(error)?.code;
  return !(error instanceof BoxSocketsError) && (code === 'ERR_INVALID_ARG_TYPE' || code === 'ERR_INVALID_ARG_VALUE');
}

/** Prints a failure. */
export function printFailure(failure: FailureDocument, json: boolean, output: Output): void {
  if (json) {
    output.json({ ok: false, error: failure });
    return;
  }
  const [first = '', ...rest] = inOurWords(failure.message).split('\n').map(printable);
  output.complain(`boxsockets: ${first}`);
  for (const line of rest) output.complain(line);
  if (!failure.message.includes(failure.code)) output.complain(`  code  ${failure.code}`);
  if (failure.cause !== undefined) output.complain(`  cause ${printable(failure.cause.message)}`);
}

// The library speaks to whoever calls it: what it calls an option of a function is one of a command here.
const WORDS: readonly [RegExp, string][] = [
  [/(?:pass )?\{ takeover: true \}/g, 'add --takeover'],
  [/\(lockTimeout\)/g, '(--lock-timeout)'],
  [/[Cc]all ensure\(\)/g, 'run boxsockets ensure'],
  [/The (?:argument )?['"]options\.([a-z]+)(?:\[\d+\])?['"](?: argument)?/g, '--$1'],
];

function inOurWords(message: string): string {
  return WORDS.reduce((text, [theirs, ours]) => text.replace(theirs, ours), message);
}
