import { invalidArgType, invalidArgValue } from '../errors.js';

/**
 * Words for a POSIX shell, on one line: pasted into one, they come out as the strings that went in.
 *
 * @throws {TypeError} `ERR_INVALID_ARG_TYPE`; `ERR_INVALID_ARG_VALUE` for a NUL, which no argument can hold.
 * @example
 * shellQuote(['--bind', "/home/it's mine", '/x']); // --bind '/home/it'\''s mine' /x
 */
export function shellQuote(args: readonly string[]): string {
  if (!Array.isArray(args)) throw invalidArgType('args', 'an array of strings', args);
  return args.map((arg, index) => quoted(arg, `args[${index}]`)).join(' ');
}

function quoted(arg: unknown, name: string): string {
  if (typeof arg !== 'string') throw invalidArgType(name, 'a string', arg);
  if (arg.includes('\0')) throw invalidArgValue(name, arg, 'must not contain a NUL');
  // No '=' among the plain ones: as the first word, a=b is an assignment.
  return /^[A-Za-z0-9_@+:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`;
}
