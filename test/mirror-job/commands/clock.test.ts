/**
 * Tests a machine whose clock is wrong: the exit code is 2, a sentence names the clocks that differ, and nothing is
 * mirrored.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { addImage, addLayer, tagAs } from '../../support/builder.ts';
import { emptyRepository } from '../../support/content.ts';
import { startCountingProxy, type CountingProxy, type ProxyOptions } from '../../support/counting-proxy.ts';
import { NOBODYS } from '../../support/nobody.ts';
import { runProgram, type Finished } from '../../support/process.ts';
import { startRogueRegistry, type RogueRegistry } from '../../support/rogue-registry.ts';
import { bundledJob, emptyBuckets } from '../../support/shared.ts';

// The limits are wide, because processes are slow on a busy machine. Each wait in this file has its own limit.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const MAIN = await bundledJob();
const store = await emptyBuckets(3);
const [FIRST = '', SECOND = ''] = store.buckets;
const IN_2000 = 'Tue, 28 Nov 2000 12:00:00 GMT';
const IN_2040 = 'Wed, 28 Nov 2040 12:00:00 GMT';
const TIME = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`;

let folder = '';
let registry: RogueRegistry;
let proxy: CountingProxy;
/** The proxy before the later stores, which sends the right time, because wrangler's own server sends no time. */
let rightProxy: CountingProxy;
/** The time that the proxy before the store sends. */
let date: string | null | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-clock-'));
  const options: ProxyOptions = {
    target: new URL(store.endpoint).origin,
    get date() {
      return date;
    },
  };
  proxy = await startCountingProxy(options);
  rightProxy = await startCountingProxy({ target: options.target });
  const app = emptyRepository();
  tagAs(app, addImage(app, { layers: [await addLayer(app, 'layer')] }), 'one');
  registry = await startRogueRegistry({ corpus: { repositories: new Map([['team/app', app]]) } });
  const { code, stderr } = await lifeboat(['sync']);
  if (code !== 0) throw new Error(`The bucket was not filled:\n${stderr}`);
});

afterAll(async () => {
  await registry?.stop();
  await proxy?.stop();
  await rightProxy?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** @param stores the numbers of the buckets */
async function lifeboat(command: readonly string[], stores: readonly number[] = [0]): Promise<Finished> {
  const { region, accessKeyId, secretAccessKey, buckets } = store;
  const all = stores.map((number, index) => {
    const { url } = index === 0 ? proxy : rightProxy;
    const endpoint = url + new URL(store.endpoint).pathname;
    return { endpoint, bucket: buckets[number], region, accessKeyId, secretAccessKey };
  });
  const file = join(folder, 'lifeboat.yaml');
  const upstreams = { [registry.host]: { insecure: true, credentials: [] } };
  const images = [`${registry.host}/team/app:one`];
  await writeFile(file, JSON.stringify({ stores: all, upstreams, images }));
  proxy.reset();
  registry.requests.length = 0;
  return runProgram(process.execPath, [MAIN, ...command, '-c', file], { env: NOBODYS });
}

function writes(): string[] {
  return proxy.requests.filter(({ write }) => write > 0).map(({ method, path }) => `${method} ${path}`);
}

test('a wrong clock does not make an empty bucket a mirror', async () => {
  date = IN_2040;
  const { code, stderr } = await lifeboat(['sync'], [2]);
  expect(stderr).toContain("this machine's clock cannot be believed");
  expect([code, writes(), registry.requests]).toEqual([2, [], []]);
});

test('a store that says 2040 ends the run before any request to an upstream, and before any write', async () => {
  date = IN_2040;
  const { code, stdout, stderr } = await lifeboat(['sync']);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(
    new RegExp(
      `^lifeboat: this machine's clock cannot be believed: it says ${TIME}, but the bucket "${FIRST}" at http://127\\.0\\.0\\.1:\\d+/\\S+ says 2040-11-28T12:\\d\\d:\\d\\dZ\\. The ages of digests would be wrong, so nothing was done\\. Set the clock that is wrong \\(chrony or systemd-timesyncd keeps this machine's right\\), and run again\\.\n$`,
    ),
  );
  expect([writes(), registry.requests]).toEqual([[], []]);
});

test.each(['plan', 'revert'])('%s is refused too, because ages and times would be wrong', async (command) => {
  date = IN_2000;
  const { code, stdout, stderr } = await lifeboat([command, `${registry.host}/team/app:one`]);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain("this machine's clock cannot be believed");
  expect(writes().filter((write) => !write.endsWith('/probe'))).toEqual([]);
});

test('if one of two stores has a wrong clock, the run names that store and goes on', async () => {
  date = IN_2000;
  const { code, stdout, stderr } = await lifeboat(['sync'], [1, 2]);
  expect(stderr).toMatch(
    new RegExp(
      `warning: The bucket "${SECOND}" at \\S+ says that it is 2000-11-28T12:\\d\\d:\\d\\dZ, but this machine says ${TIME}, and other servers agree with it\\. The run does not use the clock of the bucket "${SECOND}" at \\S+\\.\n`,
    ),
  );
  // The AWS SDK signs by the time that a store says. The server behind this proxy refuses that time, so that store is
  // behind.
  expect(stdout).toContain('1 created');
  expect(code).not.toBe(2);
});

test('an upstream with a wrong clock is named, and the run goes on, if the store agrees with this machine', async () => {
  date = undefined;
  registry.misbehave(() => ({ kind: 'headers', set: { date: IN_2000 } }));
  const { code, stderr } = await lifeboat(['sync']);
  registry.misbehave(undefined);
  expect(stderr).toMatch(
    new RegExp(
      `^warning: 127\\.0\\.0\\.1:\\d+ says that it is 2000-11-28T12:\\d\\d:\\d\\dZ, but this machine says ${TIME}, and other servers agree with it\\. `,
    ),
  );
  expect(code).toBe(0);
});

test('if the store does not say the time, the job asks an upstream for it, and the upstream decides', async () => {
  date = null;
  registry.misbehave(() => ({ kind: 'headers', set: { date: IN_2040 } }));
  const { code, stderr } = await lifeboat(['sync']);
  registry.misbehave(undefined);
  expect(code).toBe(2);
  expect(registry.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(['GET /v2/']);
  expect(stderr).toMatch(/but 127\.0\.0\.1:\d+ says 2040-11-28T12:/);
  expect(writes()).toEqual([]);
});
