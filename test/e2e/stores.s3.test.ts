/** One run fills two stores by different makers. One of the stores is killed during the run, and comes back. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { BucketReader, openMultiparts, s3ClientOf } from '../support/bucket-reader.ts';
import { compareSnapshots, snapshot } from '../support/bucket-snapshot.ts';
import { addArtifact, addImage, addIndex, addJson, addStreamedLayer, tagAs } from '../support/builder.ts';
import { emptyRepository, type Digest, type Repository } from '../support/content.ts';
import { startCountingProxy, type CountingProxy, type ProxiedRequest } from '../support/counting-proxy.ts';
import { startLocalStore, type Store } from '../support/local-store.ts';
import { isObject, readJson } from '../support/manifest-json.ts';
import { SPDX } from '../support/media-types.ts';
import { runProgram, type Finished } from '../support/process.ts';
import { startRogueRegistry, type RogueRegistry } from '../support/rogue-registry.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';
import { NOBODYS } from '../support/nobody.ts';
import { walkBucket } from '../support/walk-bucket.ts';

const MAIN = join(import.meta.dirname, '../../mirror-job/start.ts');
const IMAGE = 'mirror.test/team/app';
/** The size is more than one part of a multipart upload. */
const LARGE = 20_000_000;

let folder = '';
let local: Store;
let server: S3Server;
/** A proxy before the server, which kills the server at one request. */
let proxy: CountingProxy;
let isLast: (request: ProxiedRequest) => boolean = () => false;
let registry: RogueRegistry;
let repository: Repository;
/** The prefix of the current test. */
let prefix = '';
let tests = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-pair-'));
  local = await startLocalStore();
  server = await startS3Server();
  proxy = await startCountingProxy({
    target: server.endpoint,
    after: async (request) => {
      if (!isLast(request)) return undefined;
      isLast = () => false;
      server.program.kill('SIGKILL');
      await server.program.exited;
      return 'drop';
    },
  });
});

beforeEach(async () => {
  tests += 1;
  prefix = `test-${tests}/`;
  repository = emptyRepository();
  const layers = [await addStreamedLayer(repository, 'large', LARGE)];
  const index = addIndex(repository, [addImage(repository, { layers })]);
  const sbom = addJson(repository, SPDX, { spdxVersion: 'SPDX-2.3' });
  addArtifact(repository, { artifactType: SPDX, subject: index, layers: [sbom] });
  tagAs(repository, index, '1', '2');
  registry = await startRogueRegistry({ corpus: { repositories: new Map([['team/app', repository]]) } });
});

afterEach(async () => {
  await registry?.stop();
});

afterAll(async () => {
  await proxy?.stop();
  await server?.stop();
  await local?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** @param order the position of the server that may be killed */
async function run(order: 'first' | 'second', ...command: readonly string[]): Promise<Finished> {
  const stores = [storeOf(local, local.endpoint), storeOf(server, proxy.url)];
  const file = join(folder, 'lifeboat.yaml');
  const configuration = {
    stores: order === 'second' ? stores : stores.toReversed(),
    upstreams: { [registry.host]: { insecure: true, credentials: [] } },
    images: [{ source: `${registry.host}/team/app`, name: IMAGE, tags: ['*'] }],
  };
  await writeFile(file, JSON.stringify(configuration));
  const env = { ...NOBODYS, DOCKER_CONFIG: folder };
  return runProgram(process.execPath, [MAIN, ...command, '-c', file], { timeout: 100_000, env });
}

function storeOf({ bucket, region, accessKeyId, secretAccessKey }: Store, endpoint: string) {
  return { endpoint, bucket, region, accessKeyId, secretAccessKey, prefix };
}

/** Expects that both stores have the same content except for times, and that each has every object that it names. */
async function expectBothWhole(): Promise<void> {
  const clients = [local, server].map((store) => ({
    client: s3ClientOf(store),
    bucket: store.bucket,
    prefix,
  }));
  for (const bucket of clients) {
    const { problems, behind } = await walkBucket(bucket);
    expect([...problems, ...behind]).toEqual([]);
  }
  const [first, second] = await Promise.all(clients.map((bucket) => snapshot(bucket)));
  expect(first?.size).toBeGreaterThan(15);
  expect(compareSnapshots(first ?? new Map(), second ?? new Map())).toEqual([]);
  for (const { client } of clients) client.destroy();
}

async function tagIn(store: Store, tag: string): Promise<unknown> {
  const client = s3ClientOf(store);
  const reader = new BucketReader({ client, bucket: store.bucket, prefix });
  const object = await reader.read(`repositories/${IMAGE}/_tags/${tag}`);
  client.destroy();
  const json = object === undefined ? undefined : readJson(object.bytes);
  return isObject(json) ? json['digest'] : undefined;
}

const blobsAsked = (): string[] =>
  registry.requests.flatMap(({ path }) => (path.includes('/blobs/') ? [path] : []));

const MOMENTS = {
  'in the middle of a blob': ({ query, method }) => method === 'PUT' && query.has('partNumber'),
  'when it has a manifest': ({ path, method }) => method === 'PUT' && path.includes('/_manifests/'),
  'when it has a tag': ({ path, method }) => method === 'PUT' && path.includes('/_tags/'),
} satisfies Record<string, (request: ProxiedRequest) => boolean>;

for (const order of ['first', 'second'] as const) {
  test.each(Object.entries(MOMENTS))(
    `when the ${order} store is killed %s, the run goes on and names it, and the next run catches it up`,
    async (_, moment) => {
      isLast = moment;
      const alone = await run(order, 'sync');
      expect(server.program.running()).toBe(false);
      expect(alone.stdout).toContain(
        `behind   The bucket "${server.bucket}" (prefix "${prefix}") at ${proxy.url} since `,
      );
      expect(alone.stdout).not.toContain('failed');
      expect(alone.code).toBe(1);
      // The layer, the two configurations and the SBOM are each fetched once, although a store was lost.
      expect(blobsAsked().length).toBe(new Set(blobsAsked()).size);

      await server.restart();
      registry.requests.length = 0;
      const next = await run(order, 'sync');
      expect(next.stdout).toMatch(/in step {2}The bucket .+: caught up, \d+ objects? \([\d.]+ [kM]?B\)/);
      expect([next.code, blobsAsked()]).toEqual([0, []]);
      await expectBothWhole();
      const client = s3ClientOf(server);
      expect(await openMultiparts({ client, bucket: server.bucket, prefix })).toEqual([]);
      client.destroy();
    },
  );
}

test('revert and approve move a tag in both stores, and the next run catches up a store that was down', async () => {
  await run('second', 'sync');
  const before = repository.tags.get('1');
  const layers = [await addStreamedLayer(repository, 'newer', 1000)];
  const newer: Digest = addImage(repository, { layers }).digest;
  repository.tags.set('1', newer);
  expect((await run('second', 'sync')).code).toBe(0);
  expect((await run('second', 'revert', `${IMAGE}:1`)).code).toBe(0);
  expect([await tagIn(local, '1'), await tagIn(server, '1')]).toEqual([before, before]);
  await expectBothWhole();

  server.program.kill('SIGKILL');
  await server.program.exited;
  const approved = await run('second', 'approve', `${IMAGE}:1@${newer}`);
  expect(approved.stderr).toContain(`at ${proxy.url}: could not read`);
  expect(await tagIn(local, '1')).toBe(newer);
  await server.restart();
  expect(await tagIn(server, '1')).toBe(before);
  const next = await run('second', 'sync');
  expect(next.stdout).toContain(`1 tag of ${IMAGE} changed there when this store was caught up from`);
  expect(next.code).toBe(1);
  expect(await tagIn(server, '1')).toBe(newer);
  await expectBothWhole();
  expect((await run('second', 'sync')).code).toBe(0);
});
