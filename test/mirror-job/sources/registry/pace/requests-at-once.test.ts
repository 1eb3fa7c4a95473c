/** How many requests arrive at a registry at once when a run needs many. */
import { createServer } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { DEFAULT_CONCURRENCY } from '../../../../../mirror-job/sources/registry/registry-options.ts';
import type { Registry } from '../../../../../mirror-job/sources/registry/registry.ts';
import { close, listen } from '../../../../support/http-server.ts';
import { pause } from '../../../../support/process.ts';
import { registryAt, TestClock } from '../../../support/harness.ts';

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()));
});

interface RegistryBehaviour {
  /**
   * The first requests are answered in rounds of these sizes, each round once all its requests have arrived, so that a busy
   * machine sees as many at once as an idle one. Later requests are answered one by one.
   */
  readonly rounds: readonly number[];
  /** Whether the requests of the last round get a 429. */
  readonly refusesLastRound?: boolean;
}

/** A registry that answers a moment after it could, so that a request too many would arrive meanwhile. */
async function start({ rounds, refusesLastRound = false }: RegistryBehaviour) {
  const seen = { count: 0, running: 0, most: 0, mostAfterRounds: 0 };
  const waiting: (() => void)[] = [];
  let round = 0;
  const untilAnswered = async (): Promise<void> => {
    const size = rounds[round];
    if (size !== undefined && waiting.length + 1 < size) {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
      });
      return;
    }
    // This request is the last one of its round, or a later one.
    round += 1;
    const others = waiting.splice(0);
    await pause(20);
    for (const answer of others) answer();
  };
  const server = createServer((_request, response) => {
    const isRefused = refusesLastRound && round === rounds.length - 1;
    const isLater = round >= rounds.length;
    seen.count += 1;
    seen.running += 1;
    seen.most = Math.max(seen.most, seen.running);
    if (isLater) seen.mostAfterRounds = Math.max(seen.mostAfterRounds, seen.running);
    void untilAnswered().then(() => {
      seen.running -= 1;
      return isRefused
        ? response.writeHead(429, { 'Retry-After': '5' }).end()
        : response.writeHead(200).end();
    });
  });
  const host = `127.0.0.1:${await listen(server)}`;
  ends.push(() => close(server));
  return { host, seen };
}

async function askAll(registry: Registry, count: number): Promise<number[]> {
  const ask = async (index: number): Promise<number> => {
    const resource = `manifests/t${index}`;
    const { status } = await registry.request({ method: 'HEAD', path: 'team/app', resource }, [200]);
    return status;
  };
  return Promise.all(Array.from({ length: count }, (_, index) => ask(index)));
}

test('a registry gets as many requests at once as the window has grown to, and never more than the default', async () => {
  const { host, seen } = await start({ rounds: [1, 24, DEFAULT_CONCURRENCY] });
  const registry = await registryAt(host, { timeoutMs: 30_000 });
  await askAll(registry, 200);
  expect([seen.count, seen.most]).toEqual([200, DEFAULT_CONCURRENCY]);
});

test('a registry never gets more requests at once than `concurrency`', async () => {
  const { host, seen } = await start({ rounds: [1, 3] });
  const registry = await registryAt(host, { timeoutMs: 30_000, concurrency: 3 });
  await askAll(registry, 30);
  expect([seen.count, seen.most]).toEqual([30, 3]);
});

test('after a refusal all requests wait as long as the registry says, and then fewer are sent at once', async () => {
  const { host, seen } = await start({ rounds: [1, 24], refusesLastRound: true });
  const clock = new TestClock();
  const registry = await registryAt(host, { timeoutMs: 30_000, clock });
  expect(await askAll(registry, 60)).toEqual(Array.from({ length: 60 }, () => 200));
  // The first request is sent alone. 24 requests are refused and sent again, and 35 follow.
  expect([seen.count, seen.most]).toEqual([84, 24]);
  expect(seen.mostAfterRounds).toBeLessThan(24);
  // The 24 refusals come at one moment of this clock. They cause one wait, or two if an answer comes after the first wait.
  expect(new Set(clock.sleeps)).toEqual(new Set([5000]));
  expect(clock.sleeps.length).toBeLessThanOrEqual(24);
});
