import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// Nine projects. `npm test` runs the first three, which need Node alone; the others need programs that
// CONTRIBUTING.md lists, and fail by name where one is missing. A test may take 30 s, and what it needs before it a
// minute, because machines are busy: the defaults of 5 s and 10 s fail good tests there.
export default defineConfig({
  test: {
    // One more than cores, because many tests wait for processes and servers. Vitest's default is one fewer.
    maxWorkers: availableParallelism() + 1,
    projects: [
      {
        test: {
          name: 'node',
          include: ['test/{core,cluster,mirror-job,infra,simulation}/**/*.test.ts'],
          exclude: ['**/*.workers.test.ts'],
          globalSetup: ['test/support/shared-setup.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          // Test files share a process and its modules, which halves the CPU of a small file. docs/decisions/0130
          isolate: false,
        },
      },
      {
        plugins: [cloudflareTest({ wrangler: { configPath: './wrangler.toml' } })],
        test: {
          name: 'worker',
          include: ['test/worker/**/*.test.ts'],
          globalSetup: ['test/support/worker-buckets.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          // Test files share a workerd, whose start takes a second. docs/decisions/0130
          isolate: false,
        },
      },
      {
        plugins: [cloudflareTest({ wrangler: { configPath: './mirror-job/wrangler.toml' } })],
        test: {
          // Tests of single parts of the job that run inside of workerd. Tests of whole runs are in the project `node`, and
          // start the Worker as a process.
          name: 'job',
          include: ['test/mirror-job/**/*.workers.test.ts'],
          globalSetup: ['test/support/worker-buckets.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          isolate: false,
        },
      },
      {
        test: {
          name: 'clients',
          include: ['test/e2e/**/*.clients.test.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'cluster',
          include: ['test/e2e/**/*.cluster.test.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 's3',
          include: ['test/e2e/**/*.s3.test.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'faults',
          include: ['test/e2e/**/*.faults.test.ts'],
          globalSetup: ['test/support/faults/run-settings.ts'],
          // All pulls begin at once, and wait for their turn by themselves, because many of them only wait for a client.
          maxConcurrency: 1000,
          testTimeout: 1_200_000,
          hookTimeout: 600_000,
        },
      },
      {
        test: {
          name: 'pages',
          include: ['test/e2e/**/*.pages.test.ts'],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'conformance',
          include: ['test/e2e/conformance*.test.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
