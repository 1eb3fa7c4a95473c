/**
 * A mirror run as a process of its own, which a suite may kill. Its parts are so small that a small blob has several. Its one
 * argument is a `RunTarget` as JSON. It prints failures to stderr, and at the end its peak memory in bytes to stdout.
 */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { parseRepository, parseTag, parseUpstream } from '../../../../core/reference.ts';
import { openBucket } from '../../../../mirror-job/engine/store/bucket.ts';
import { BufferPool } from '../../../../mirror-job/engine/transfer/buffer-pool.ts';
import { MEMORY_BUDGET_BYTES } from '../../../../mirror-job/engine/run-state.ts';
import { DEFAULT_SETTINGS, type Image } from '../../../../mirror-job/engine/image.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { systemClock } from '../../../../mirror-job/runtime/node/clock.ts';
import { connect } from '../../../../mirror-job/runtime/node/connection.ts';
import { createEnvironment } from '../../../../mirror-job/assembly/environment.ts';
import { NO_BUDGET } from '../../../../mirror-job/sources/registry/pace/budget.ts';
import { DEFAULT_CONCURRENCY } from '../../../../mirror-job/sources/registry/registry-options.ts';
import { Registry } from '../../../../mirror-job/sources/registry/registry.ts';
import { RegistrySource } from '../../../../mirror-job/sources/registry/registry-source.ts';
import { EVERY_TAG } from '../../support/harness.ts';
import { S3Store } from '../../../../mirror-job/storage/s3/s3-store.ts';
import { createS3Connection } from '../../../../mirror-job/runtime/node/s3-connection.ts';
import { readTarget, type RunTarget } from '../../../support/run-process.ts';

const target = readTarget(process.argv[2] ?? '');
const log = { info: say, warn: say };
const { signal } = new AbortController();
for (const prefix of target.prefixes) await run(target, prefix);
process.stdout.write(`${await peakMemory()}\n`);

async function run(to: RunTarget, prefix: string): Promise<void> {
  const store = new S3Store(
    {
      endpoint: to.endpoint,
      region: to.region,
      bucket: to.bucket,
      prefix,
      pathStyle: true,
      credentials: { accessKeyId: to.accessKeyId, secretAccessKey: to.secretAccessKey },
    },
    createS3Connection(),
  );
  const environment = createEnvironment({ store, log, signal });
  await openBucket(store, { name: 'kill', audience: 'public', singleWriter: false, newId: randomUUID() });
  const limits = { ...environment.limits, partBytes: to.partBytes };
  const buffers = new BufferPool(MEMORY_BUDGET_BYTES, to.partBytes);
  const report = await runMirror({ ...environment, limits, buffers }, 'kill', await images(to));
  for (const { outcome } of report.items) if (outcome.result === 'failed') say(outcome.error);
  if (report.counts.failed > 0) process.exitCode = 1;
}

async function images({ upstream, repositories }: RunTarget): Promise<Image[]> {
  const registry = new Registry(parseUpstream(upstream), {
    httpClient: await connect(undefined),
    clock: systemClock,
    log,
    signal,
    accounts: [],
    insecure: true,
    timeoutMs: 10_000,
    retry: { attempts: 2, delayMs: 100, maxDelayMs: 1000 },
    concurrency: DEFAULT_CONCURRENCY,
    budget: NO_BUDGET,
  });
  return repositories.map(({ path, tags }) => ({
    ...DEFAULT_SETTINGS,
    source: new RegistrySource(registry, path),
    repository: parseRepository(`mirror.test/${path}`),
    tags: { explicit: tags.map((tag) => parseTag(tag)), rules: tags.length === 0 ? EVERY_TAG : undefined },
    mustBePublic: false,
    neighbours: [],
  }));
}

function say(message: string): void {
  process.stderr.write(`${message}\n`);
}

/**
 * In bytes. Linux counts the memory of the parent at the fork into `maxRSS`, but not into the high-water mark of the memory
 * itself.
 */
async function peakMemory(): Promise<number> {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024;
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1];
  return Number(kibibytes) * 1024;
}
