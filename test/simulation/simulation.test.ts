/** Thousands of simulations break no promise of the engine, and the simulation finds each planted bug. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { BUGS } from './bugs.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
const TIMEOUT_MS = 240_000;
/** Half of them in each of two processes. */
const SEEDS = 2000;
/** Enough for each bug, by far. */
const SEEDS_FOR_A_BUG = 3000;

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process of its own, because the simulation replaces Web Crypto, and a planted bug stays in the modules. */
async function simulateSeeds(...options: readonly string[]): Promise<Run> {
  try {
    return {
      code: 0,
      ...(await promisify(execFile)(process.execPath, [MAIN, ...options], { maxBuffer: 2 ** 26 })),
    };
  } catch (error) {
    if (error instanceof Error && 'code' in error && 'stdout' in error && 'stderr' in error) {
      return { code: Number(error.code), stdout: String(error.stdout), stderr: String(error.stderr) };
    }
    throw error;
  }
}

test(
  'thousands of seeds break no promise',
  async () => {
    const half = String(SEEDS / 2);
    const runs = await Promise.all(
      ['1', String(1 + SEEDS / 2)].map((from) => simulateSeeds('--seeds', half, '--from', from)),
    );
    for (const { code, stdout } of runs) expect(stdout, `exit code ${code}`).toBe('');
  },
  TIMEOUT_MS,
);

test(
  'a seed gives the same trace in each process, byte for byte, with a bug and without one',
  async () => {
    const bug = ['--bug', 'an index is written before its children', '--no-shrink'];
    for (const options of [[], bug]) {
      const run = () => simulateSeeds('--seeds', '8', '--trace', ...options);
      const [one, other] = await Promise.all([run(), run()]);
      expect(one.code).toBe(options === bug ? 3 : 0);
      expect(one.stdout.split('\n').length).toBeGreaterThan(300);
      expect(other.stdout).toBe(one.stdout);
    }
  },
  TIMEOUT_MS,
);

describe('a planted bug is found', () => {
  test.each(BUGS.map(({ name, breaks, from = 1 }) => [name, breaks, from] as const))(
    '%s',
    async (name, breaks, from) => {
      const { code, stdout, stderr } = await simulateSeeds(
        '--bug',
        name,
        '--from',
        String(from),
        '--seeds',
        String(SEEDS_FOR_A_BUG),
        '--json',
        '--no-shrink',
      );
      expect(code, `it says: ${stderr}`).toBe(3);
      expect(breaks).toContain(JSON.parse(stdout).kind);
    },
    TIMEOUT_MS,
  );
});

test(
  'a failure is shrunk to fewer steps, which break the same promise',
  async () => {
    const options = ['--bug', 'the size of a manifest is not checked', '--seeds', '500', '--json'] as const;
    const { code, stdout } = await simulateSeeds(...options);
    const { kind, steps, shrunkSteps, trace } = JSON.parse(stdout);
    expect([code, kind]).toEqual([3, 'a wrong size']);
    expect(shrunkSteps).toBeLessThan(0.8 * steps);
    expect(trace.at(-1)).toContain('a wrong size');
  },
  TIMEOUT_MS,
);

test('options that cannot be used end it with exit code 2', async () => {
  expect(await simulateSeeds('--seeds', 'many')).toMatchObject({ code: 2, stdout: '' });
  expect(await simulateSeeds('--bug', 'none')).toMatchObject({ code: 2, stdout: '' });
});
