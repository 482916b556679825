// Where the command line writes to: what it makes of a terminal, of a pipe, and of what is being done at the moment.

import { afterEach, describe, expect, it, vi } from 'vitest';
import { Output } from '../../dist/cli/output.js';
import { BoxSockets } from '../../dist/index.js';
import { boxsockets } from './run.js';

afterEach(() => void vi.useRealTimers());
afterEach(() => void vi.restoreAllMocks());

type Terminal = { isTTY?: boolean; columns?: number };

function opened(stdout: Terminal, stderr: Terminal = {}, env: NodeJS.ProcessEnv = {}, platform?: NodeJS.Platform) {
  const written: string[] = [];
  const streamOf = (name: string) => ({ write: (text: string) => written.push(`${name} ${text}`) });
  const output = new Output({ ...streamOf('out'), ...stdout }, { ...streamOf('err'), ...stderr }, env, platform);
  return { output, written };
}

describe('the width', () => {
  it.each<[Terminal, width: number, prose: number]>([
    [{}, 80, 80],
    [{ columns: 200 }, 80, 80],
    [{ isTTY: true }, 80, 80],
    [{ isTTY: true, columns: 0 }, 80, 80],
    [{ isTTY: true, columns: 39 }, 40, 40],
    [{ isTTY: true, columns: 41 }, 41, 41],
    [{ isTTY: true, columns: 100 }, 100, 100],
    [{ isTTY: true, columns: 101 }, 101, 100],
  ])('of %j', (stdout, width, prose) => {
    const { output } = opened(stdout);
    expect([output.width, output.proseWidth]).toEqual([width, prose]);
  });
});

describe('letters that are not in ASCII', () => {
  it.each<[NodeJS.ProcessEnv, NodeJS.Platform | undefined, boolean]>([
    [{ LANG: 'C.UTF-8' }, 'linux', true],
    [{ LC_CTYPE: 'de_DE.utf8' }, 'linux', true],
    [{ LC_ALL: 'UTF-8' }, 'linux', true],
    [{ LC_ALL: 'C', LANG: 'C.UTF-8' }, 'linux', false],
    [{ LC_ALL: '', LC_CTYPE: 'C', LANG: 'C.UTF-8' }, 'linux', false],
    [{ LC_ALL: '', LC_CTYPE: '', LANG: 'C.UTF-8' }, 'linux', true],
    [{}, 'linux', false],
    [{}, 'darwin', true],
    [{ LANG: 'C' }, 'darwin', false],
    [{}, undefined, process.platform === 'darwin'],
  ])('%j on %s: %s', (env, platform, shown) => {
    const { glyphs } = opened({}, {}, env, platform).output;
    expect(glyphs).toEqual(
      shown
        ? {
            fill: '━',
            limit: '│',
            crossing: '┿',
            beyond: '━»',
            zone: '░',
            ellipsis: '…',
            good: '✓',
            bad: '✗',
            warning: '!',
            arrow: '→',
          }
        : {
            fill: '=',
            limit: '|',
            crossing: '#',
            beyond: '=>',
            zone: ':',
            ellipsis: '...',
            good: '+',
            bad: 'x',
            warning: '!',
            arrow: '->',
          },
    );
  });
});

describe('colours', () => {
  it.each<[Terminal, NodeJS.ProcessEnv, boolean]>([
    [{ isTTY: true }, {}, true],
    [{ isTTY: true }, { NO_COLOR: '', TERM: 'xterm' }, true],
    [{ isTTY: true }, { NO_COLOR: '1' }, false],
    [{ isTTY: true }, { TERM: 'dumb' }, false],
    [{}, {}, false],
    [{ isTTY: false }, {}, false],
  ])('on %j with %j: %s', (stdout, env, coloured) => {
    const { output } = opened(stdout, {}, env);
    expect(output.style('red', 'x')).toBe(coloured ? '\u001b[31mx\u001b[39m' : 'x');
    expect(output.style('red', '')).toBe('');
  });
});

describe('what is being done', () => {
  it('is one line of a terminal, which the next line of either stream takes away', () => {
    const { output, written } = opened({}, { isTTY: true, columns: 10 });
    output.progress('step\u001b and more');
    output.progress('two');
    output.line('answer');
    output.line();
    output.progress('three');
    output.complain('wrong');
    output.complain('more');
    output.clearProgress();
    expect(written).toEqual([
      'err \r\u001b[Kstep\\x1b ',
      'err \r\u001b[Ktwo',
      'err \r\u001b[K',
      'out answer\n',
      'out \n',
      'err \r\u001b[Kthree',
      'err \r\u001b[K',
      'err wrong\n',
      'err more\n',
    ]);
  });

  it('is cut at 79 columns where the terminal does not tell its width, and said to no pipe', () => {
    const { output, written } = opened({ isTTY: true }, { isTTY: true });
    output.progress('x'.repeat(100));
    expect(written).toEqual([`err \r\u001b[K${'x'.repeat(79)}`]);
    const pipe = opened({ isTTY: true }, { columns: 80 });
    pipe.output.progress('x');
    pipe.output.clearProgress();
    expect(pipe.written).toEqual([]);
  });
});

describe('text', () => {
  it('is broken at the width less what its lines begin with', () => {
    const { output, written } = opened({ isTTY: true, columns: 40 });
    output.prose('word '.repeat(12), '- ', '    ');
    const seven = 'word word word word word word word';
    expect(written).toEqual([`out - ${seven}\n`, `out     ${seven.slice(0, 'word '.length * 5 - 1)}\n`]);
    expect(`    ${seven} word`.length).toBeGreaterThan(40);
  });

  it('of a document is escaped, and ends with a line end', () => {
    const { output, written } = opened({});
    output.json({ a: 'b\u001b' });
    expect(written).toEqual(['out {\n  "a": "b\\u001b"\n}\n']);
  });
});

describe('--watch', () => {
  it('draws again every two seconds, on a terminal upon a wiped screen, elsewhere after a blank line', async () => {
    for (const [columns, wipes] of [
      [80, '\u001b[H\u001b[2J'],
      [undefined, '\n'],
    ] as const) {
      vi.useFakeTimers();
      let drawn = 0;
      vi.spyOn(BoxSockets, 'list').mockImplementation(async () => {
        if (++drawn > 3) throw Object.assign(new Error('enough'), { code: 'E' });
        return [];
      });
      const running = boxsockets(['list', '--watch'], { ...(columns && { columns }) });
      await vi.advanceTimersByTimeAsync(1999);
      expect(drawn).toBe(1);
      await vi.advanceTimersByTimeAsync(1);
      expect(drawn).toBe(2);
      await vi.advanceTimersByTimeAsync(4000);
      const { status, stdout, stderr } = await running;
      expect([status, stdout]).toEqual([1, `${`${wipes}No bindings.\n`.repeat(3)}${wipes}`]);
      expect(stderr).toBe('boxsockets: enough\n  code  E\n');
    }
  });
});
