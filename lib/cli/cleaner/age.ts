// The age field of tmpfiles.d(5): `10d`, `1d12h`, `~1w`, `abcmABM:1h`.

/** A parsed age field. */
export interface Age {
  /** Milliseconds; `Infinity` for `infinity`, 0 for "at every run". */
  milliseconds: number;
  /** With a leading `~`, what lies directly in the directory is kept, and only deeper entries age. */
  keepsFirstLevel: boolean;
  /** Which of a file's own timestamps count: access, birth, change, modification. */
  fileTimes: ('a' | 'b' | 'c' | 'm')[];
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

// systemd.time(7): a month is 30.44 days, a year 365.25. A number without a unit is seconds.
const UNITS: [names: string[], milliseconds: number][] = [
  [['us', 'usec', 'µs', 'μs'], 0.001],
  [['ms', 'msec'], 1],
  [['', 's', 'sec', 'second', 'seconds'], SECOND],
  [['m', 'min', 'minute', 'minutes'], MINUTE],
  [['h', 'hr', 'hour', 'hours'], HOUR],
  [['d', 'day', 'days'], DAY],
  [['w', 'week', 'weeks'], 7 * DAY],
  [['M', 'month', 'months'], 2_629_800 * SECOND],
  [['y', 'year', 'years'], 31_557_600 * SECOND],
];

const UNIT_MILLISECONDS = new Map(UNITS.flatMap(([names, value]) => names.map((name) => [name, value])));

/** The age field, or null where systemd-tmpfiles would refuse the line for it. */
export function parseAge(field: string): Age | null {
  const keepsFirstLevel = field.startsWith('~');
  const text = keepsFirstLevel ? field.slice(1) : field;
  const colon = text.indexOf(':');
  const ageBy = colon === -1 ? null : text.slice(0, colon).replace(/\s/g, '');
  if (ageBy !== null && !/^[abcmABCM]+$/.test(ageBy)) return null;
  const milliseconds = parseTimeSpan(text.slice(colon + 1));
  if (milliseconds === null) return null;
  const named = (['a', 'b', 'c', 'm'] as const).filter((letter) => ageBy?.includes(letter));
  return { milliseconds, keepsFirstLevel, fileTimes: named.length > 0 ? named : ['a', 'b', 'c', 'm'] };
}

/** A time span as systemd reads it, in milliseconds: the sum of numbers with units, fractions allowed. */
export function parseTimeSpan(text: string): number | null {
  const trimmed = text.trim();
  if (trimmed === 'infinity') return Number.POSITIVE_INFINITY;
  const term = /\s*(\d+\.?\d*|\.\d+)\s*([a-zA-Zµμ]*)/y;
  let total = 0;
  do {
    const match = term.exec(trimmed);
    const unit = UNIT_MILLISECONDS.get(match?.[2] ?? '');
    if (match === null || typeof unit !== 'number') return null;
    total += Number(match[1]) * unit;
  } while (term.lastIndex < trimmed.length);
  return total;
}
