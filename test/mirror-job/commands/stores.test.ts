/**
 * Tests `lifeboat sync` with several stores, over S3: filled together, one of them away, caught up, all of them away.
 */
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { createServer, type Server } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { s3ClientOf } from '../../support/bucket-reader.ts';
import { compareSnapshots, snapshot } from '../../support/bucket-snapshot.ts';
import { addImage, addStreamedLayer, tagAs } from '../../support/builder.ts';
import { emptyRepository, type Repository } from '../../support/content.ts';
import { startCountingProxy } from '../../support/counting-proxy.ts';
import { freePort, runProgram, type Finished } from '../../support/process.ts';
import { startRogueRegistry, type RogueRegistry } from '../../support/rogue-registry.ts';
import { NOBODYS } from '../../support/nobody.ts';
import { bundledJob, emptyBuckets } from '../../support/shared.ts';
import { walkBucket } from '../../support/walk-bucket.ts';

// The limits are wide, because processes are slow on a busy machine. Each wait in this file has its own limit.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const MAIN = await bundledJob();
const store = await emptyBuckets(2);
const [FIRST = '', SECOND = ''] = store.buckets;
/** The size is more than one part of a multipart upload. */
const LARGE_BYTES = 9_000_000;

let folder = '';
let registry: RogueRegistry;
const repository: Repository = emptyRepository();
/** A server that answers 501 to every request at once. */
let broken: Server;
let brokenAt = '';
/** The prefix of the current test. */
let prefix = '';
let tests = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-stores-'));
  const layers = [await addStreamedLayer(repository, 'large', LARGE_BYTES)];
  tagAs(repository, addImage(repository, { layers }), '1', '2');
  registry = await startRogueRegistry({ corpus: { repositories: new Map([['team/app', repository]]) } });
  const port = await freePort();
  brokenAt = `http://127.0.0.1:${port}`;
  broken = createServer((_, response) => {
    response.writeHead(501, { 'content-type': 'application/xml' });
    response.end('<?xml version="1.0"?><Error><Code>NotImplemented</Code></Error>');
  });
  await new Promise<void>((resolve) => {
    broken.listen(port, '127.0.0.1', resolve);
  });
});

beforeEach(() => {
  tests += 1;
  prefix = `test-${tests}/`;
});

afterEach(() => {
  registry.requests.length = 0;
});

afterAll(async () => {
  broken?.closeAllConnections();
  broken?.close();
  await registry?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** @param endpoints the endpoints of the first and of the second bucket */
async function run(
  command: readonly string[],
  endpoints: readonly [string, string] = [store.endpoint, store.endpoint],
): Promise<Finished> {
  const { region, accessKeyId, secretAccessKey } = store;
  const stores = endpoints.map((endpoint, index) => ({
    endpoint,
    bucket: store.buckets[index],
    region,
    accessKeyId,
    secretAccessKey,
    prefix,
  }));
  const images = [{ source: `${registry.host}/team/app`, name: 'mirror.test/team/app', tags: ['*'] }];
  const upstreams = { [registry.host]: { insecure: true, credentials: [] } };
  const file = join(folder, 'lifeboat.yaml');
  await writeFile(file, JSON.stringify({ stores, upstreams, images }));
  return runProgram(process.execPath, [MAIN, ...command, '-c', file], {
    timeout: 60_000,
    env: { ...NOBODYS, DOCKER_CONFIG: folder },
  });
}

async function expectBothWhole(): Promise<void> {
  const client = s3ClientOf(store);
  try {
    const [first, second] = [
      { client, bucket: FIRST, prefix },
      { client, bucket: SECOND, prefix },
    ];
    expect((await walkBucket(first)).problems).toEqual([]);
    expect((await walkBucket(second)).problems).toEqual([]);
    expect(compareSnapshots(await snapshot(first), await snapshot(second))).toEqual([]);
  } finally {
    client.destroy();
  }
}

/** Returns the last lines, without the duration of the run. */
function lastLines({ stdout }: Finished): string[] {
  return stdout
    .trimEnd()
    .split('\n')
    .slice(-3)
    .map((line) => line.replace(/ · [\d.]+ (?:m?s|min.*)$/, ''));
}

const inStep = (index: number) =>
  `in step  The bucket "${store.buckets[index - 1]}" (prefix "${prefix}") at ${store.endpoint}`;

test('both stores are filled, and the upstream sends each blob once', async () => {
  const finished = await run(['sync']);
  expect(lastLines(finished)).toEqual([inStep(1), inStep(2), '2 created · 2 blobs copied (9.0 MB)']);
  expect(finished.code).toBe(0);
  const blobs = registry.requests.filter(({ path }) => path.includes('/blobs/'));
  expect(blobs.length).toBe(2);
  await expectBothWhole();
  const again = await run(['sync']);
  expect([again.code, lastLines(again)]).toEqual([0, [inStep(1), inStep(2), '2 unchanged']]);
});

test('a store that is away is named, the other one is filled, and the next run brings the first up to date', async () => {
  const away = await run(['sync'], [store.endpoint, brokenAt]);
  expect(away.code).toBe(1);
  expect(away.stdout).toContain(`behind   The bucket "${SECOND}" (prefix "${prefix}") at ${brokenAt} since `);
  expect(away.stdout).toContain('2 created');
  registry.requests.length = 0;
  const next = await run(['sync']);
  expect(next.code).toBe(0);
  expect(registry.requests.filter(({ path }) => path.includes('/blobs/'))).toEqual([]);
  await expectBothWhole();
  const plan = await run(['plan'], [brokenAt, store.endpoint]);
  expect(plan.code).toBe(0);
  expect(plan.stdout).toContain('2 unchanged');
});

test('a run ends with exit code 2 when no store answers, and names each store with its line', async () => {
  const { code, stderr } = await run(['sync'], [brokenAt, brokenAt]);
  expect(code).toBe(2);
  expect(stderr).toContain(`:1: stores[0]: The bucket "${FIRST}"`);
  expect(stderr).toContain(`:1: stores[1]: The bucket "${SECOND}"`);
  expect(registry.requests).toEqual([]);
});

test('revert also records at its end that a store is not in step, whatever a run has recorded meanwhile', async () => {
  const client = s3ClientOf(store);
  const notes = { Bucket: FIRST, Key: `${prefix}state/_stores.json` };
  const name = `The bucket "${SECOND}" (prefix "${prefix}") at ${brokenAt}`;
  const certified = { store: name, inStep: true, since: '2026-01-01T00:00:00.000Z', run: 'another run' };
  let isReverting = false;
  const proxy = await startCountingProxy({
    target: new URL(store.endpoint).origin,
    after: async ({ method, path }) => {
      if (!isReverting || method !== 'PUT' || !path.includes('/_tags/')) return;
      await client.send(new PutObjectCommand({ ...notes, Body: JSON.stringify({ stores: [certified] }) }));
    },
  });
  const endpoints = [`${proxy.url}${new URL(store.endpoint).pathname}`, brokenAt] as const;
  const before = repository.tags.get('1');
  try {
    // Both stores are filled first, because otherwise the store without a note of its own could contain more than the
    // first.
    await run(['sync'], [endpoints[0], store.endpoint]);
    tagAs(repository, addImage(repository, { layers: [await addStreamedLayer(repository, 'b', 10)] }), '1');
    await run(['sync'], endpoints);
    isReverting = true;
    const { code, stderr } = await run(['revert', 'mirror.test/team/app:1'], endpoints);
    expect([code, stderr]).toEqual([0, expect.stringContaining('This run goes on without this store')]);
    const status = await (await client.send(new GetObjectCommand(notes))).Body?.transformToString();
    expect(JSON.parse(status ?? '{}')).toMatchObject({ stores: [{ store: name, inStep: false }] });
  } finally {
    if (before !== undefined) repository.tags.set('1', before);
    client.destroy();
    await proxy.stop();
  }
});

test('revert warns that the edge asks the primary first when the primary is not in step', async () => {
  const before = repository.tags.get('1');
  try {
    await run(['sync']);
    tagAs(repository, addImage(repository, { layers: [await addStreamedLayer(repository, 'c', 10)] }), '1');
    // The run moves the tag in the second store only, so the primary does not have the movement.
    await run(['sync'], [brokenAt, store.endpoint]);
    const { code, stdout, stderr } = await run(
      ['revert', 'mirror.test/team/app:1'],
      [brokenAt, store.endpoint],
    );
    expect(stdout).toContain('moved mirror.test/team/app:1 from ');
    const file = join(folder, 'lifeboat.yaml');
    // The command begins in another way if npm runs the tests, so its beginning is replaced.
    const output = stderr.replaceAll(/"[^"]* sync -c /g, '"lifeboat sync -c ');
    expect(output).toContain(
      `warning: The bucket "${FIRST}" (prefix "${prefix}") at ${brokenAt} was left out, although the edge asks it before the store that was changed: while it answers, clients get what it has. "lifeboat sync -c ${file}" catches it up.`,
    );
    expect(code).toBe(1);
  } finally {
    if (before !== undefined) repository.tags.set('1', before);
  }
});

test('a forged note in the second store does not move a tag of the first, and the run says what to do', async () => {
  const client = s3ClientOf(store);
  const before = repository.tags.get('1');
  const read = async (key: string): Promise<string> => {
    const object = await client.send(new GetObjectCommand({ Bucket: FIRST, Key: `${prefix}${key}` }));
    return (await object.Body?.transformToString()) ?? '';
  };
  try {
    expect((await run(['sync'])).code).toBe(0);
    const tag = await read('repositories/mirror.test/team/app/_tags/1');
    // These are the notes of the job itself, with one of them reversed.
    const notes = (await read('state/_stores.json')).replace('"inStep":true', '"inStep":false');
    expect(JSON.parse(notes)).toMatchObject({ stores: [{ inStep: false }, { inStep: true }] });
    const forged = { Bucket: SECOND, Key: `${prefix}state/_stores.json`, Body: notes };
    await client.send(new PutObjectCommand(forged));
    const evil = { Bucket: SECOND, Key: `${prefix}repositories/mirror.test/team/app/_tags/1` };
    await client.send(
      new PutObjectCommand({
        ...evil,
        Body: tag.replace(/"dev.lifeboat.moved":"\d+/, '"dev.lifeboat.moved":"2099'),
      }),
    );
    const { code, stdout } = await run(['sync']);
    expect(code).toBe(1);
    expect(await read('repositories/mirror.test/team/app/_tags/1')).toBe(tag);
    expect(stdout).toContain(
      `says that the bucket "${FIRST}" (prefix "${prefix}") at ${store.endpoint}, which is listed before it, is behind. Nothing shows that this job wrote that, so nothing was copied from it.`,
    );
    expect(stdout).toContain('Until somebody has decided, each run goes on without this store.');
  } finally {
    if (before !== undefined) repository.tags.set('1', before);
    client.destroy();
  }
});
