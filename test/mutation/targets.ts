/** Lists the targets: which sources are mutated, and which tests have to notice. */
import { cloudflareTest } from '@cloudflare/vitest-plugin';
import type { ViteUserConfig } from 'vitest/config';

export interface Target {
  /** Globs of the sources. */
  readonly sources: readonly string[];
  /** Vitest's configuration of the tests, as in vitest.config.ts. */
  readonly tests: NonNullable<ViteUserConfig['test']>;
  readonly plugins: NonNullable<ViteUserConfig['plugins']>;
  /**
   * Whether all test files run in one process, because the process takes long to start. Then mutants of code that runs
   * at import are left out, because each of them needs a fresh process.
   */
  readonly sharesProcess?: boolean;
}

/**
 * The parts that keep the job from wrong writes. The rest of the engine needs servers for its tests, and would take
 * hours to mutate.
 */
const GUARDS = [
  'store/bucket',
  'store/compare-and-swap',
  'store/key-queue',
  'store/shutdown-deadline-store',
  'tags/tag-policy',
  'transfer/buffer-pool',
  'transfer/verify',
];
const GUARD_TESTS = [
  'store/bucket',
  'store/compare-and-swap',
  'store/refused-writes',
  'store/shutdown-deadline-store',
  'store/unconditional-store',
  'tags/tag-policy',
  'tags/tag-policy-properties',
  'transfer/buffer-pool',
  'transfer/upload',
  'transfer/verify',
];

export const TARGETS: Readonly<Record<string, Target>> = {
  core: {
    sources: ['core/**/*.ts'],
    tests: {
      include: ['test/core/**/*.test.ts'],
      // The test reads millions of values, which takes minutes with mutants in the code.
      exclude: ['test/core/bounded-values.test.ts'],
    },
    plugins: [],
  },
  cluster: {
    sources: ['cluster/**/*.ts'],
    tests: { include: ['test/cluster/**/*.test.ts'] },
    plugins: [],
  },
  worker: {
    sources: ['worker/**/*.ts'],
    tests: {
      include: ['test/worker/**/*.test.ts'],
      // These tests take seconds, and would run once for each mutant that survives.
      exclude: ['test/worker/request/{malformed,names-property}.test.ts'],
      globalSetup: ['test/support/worker-buckets.ts'],
    },
    plugins: [cloudflareTest({ wrangler: { configPath: './wrangler.toml' } })],
    sharesProcess: true,
  },
  engine: {
    sources: GUARDS.map((name) => `mirror-job/engine/${name}.ts`),
    tests: { include: GUARD_TESTS.map((name) => `test/mirror-job/engine/${name}.test.ts`) },
    plugins: [],
  },
};
