/** The policies of infra/opentofu/aws-s3, as a real S3 server enforces them: they are enough for the job and for drills, and no more. */
import {
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { s3ClientOf } from '../support/bucket-reader.ts';
import { addImage, addLayer, addStreamedLayer, tagAs } from '../support/builder.ts';
import { emptyRepository } from '../support/content.ts';
import { startEdge } from '../support/edge.ts';
import { runProgram } from '../support/process.ts';
import { startRogueRegistry, type RogueRegistry } from '../support/rogue-registry.ts';
import { startS3Server, type Policy, type S3Server, type StoreUser } from '../support/s3-server.ts';

const PROJECT = resolve(import.meta.dirname, '../..');
const MAIN = join(PROJECT, 'mirror-job/start.ts');
/** The size is more than one part of a multipart upload. */
const LARGE_BYTES = 20_000_000;
const MANIFEST = z.object({ config: z.object({ digest: z.string() }) });

let server: S3Server;
let registry: RogueRegistry;
let folder: string;
let [reader, writer, cluster, pruner, driller]: StoreUser[] = [];
/** The digests of the large layers of two tags, and that of the tag 2. */
const layers = { one: '', weak: '' };
let second = '';

beforeAll(async () => {
  server = await startS3Server({ hasAccounts: true });
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-policies-'));
  const create = async (name: string) => server.createUser(name, await policyOf(name));
  reader = await create('reader');
  writer = await create('writer');
  cluster = await create('cluster');
  pruner = await create('pruner');
  driller = await create('drill');
  const app = emptyRepository();
  for (const [name, tag] of [
    ['one', '1'],
    ['weak', 'weak'],
  ] as const) {
    const layer = await addStreamedLayer(app, name, LARGE_BYTES);
    layers[name] = layer.digest;
    tagAs(app, addImage(app, { layers: [await addLayer(app, `small ${name}`), layer] }), tag);
  }
  const image = addImage(app, { layers: [await addLayer(app, 'second')] });
  second = image.digest;
  tagAs(app, image, '2');
  registry = await startRogueRegistry({ corpus: { repositories: new Map([['team/app', app]]) } });
  const spec = { containers: [{ name: 'a', image: `${registry.host}/team/app:2` }] };
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'a' }, spec };
  await writeFile(join(folder, 'pods.json'), JSON.stringify(pod));
});
afterAll(async () => {
  await Promise.all([server?.stop(), registry?.stop()]);
  if (folder !== undefined) await rm(folder, { recursive: true });
});

/** Reads a policy as OpenTofu does. */
async function policyOf(name: string): Promise<Policy> {
  const text = await readFile(join(PROJECT, `infra/opentofu/aws-s3/policies/${name}.json`), 'utf8');
  return JSON.parse(
    text
      .replaceAll('${arn}', `arn:aws:s3:::${server.bucket}`)
      .replaceAll('${cluster}', 'prod')
      .replaceAll('${mirror}', 'default'),
  );
}

/** Runs a command with the keys of a user. */
async function lifeboat(user: StoreUser | undefined, ...args: readonly string[]) {
  await configure(user);
  return runProgram(process.execPath, [MAIN, ...args], { cwd: folder });
}

async function configure(user: StoreUser | undefined): Promise<void> {
  if (user === undefined) throw new Error('The server has not started.');
  const { endpoint, bucket, region, accessKeyId, secretAccessKey } = user;
  const configuration = {
    store: { endpoint, bucket, region, accessKeyId, secretAccessKey },
    upstreams: { [registry.host]: { insecure: true, credentials: [] } },
    images: [{ source: `${registry.host}/team/app`, tags: ['1', '2', 'weak'] }],
  };
  await writeFile(join(folder, 'lifeboat.yaml'), JSON.stringify(configuration));
}

/** @returns for each call whether the server allows it */
async function allowed(
  user: StoreUser | undefined,
  calls: Readonly<Record<string, (client: S3Client) => unknown>>,
) {
  const client = s3ClientOf(user ?? server);
  const answers: Record<string, boolean | string> = {};
  for (const [name, call] of Object.entries(calls)) {
    try {
      await call(client);
      answers[name] = true;
    } catch (error) {
      const code = error instanceof Error ? error.name : String(error);
      answers[name] = code === 'AccessDenied' ? false : code;
    }
  }
  client.destroy();
  return answers;
}

const calls = (key: string) => {
  const Bucket = server.bucket;
  return {
    get: (client: S3Client) => client.send(new GetObjectCommand({ Bucket, Key: 'lifeboat.json' })),
    list: (client: S3Client) => client.send(new ListObjectsV2Command({ Bucket })),
    uploads: (client: S3Client) => client.send(new ListMultipartUploadsCommand({ Bucket })),
    put: (client: S3Client) => client.send(new PutObjectCommand({ Bucket, Key: key, Body: 'x' })),
    begin: (client: S3Client) => client.send(new CreateMultipartUploadCommand({ Bucket, Key: key })),
    remove: (client: S3Client) => client.send(new DeleteObjectCommand({ Bucket, Key: 'lifeboat.json' })),
  };
};

/** Leaves an upload of a layer open, as a run does that is killed in the middle of it. */
async function leaveUpload(digest: string): Promise<void> {
  const client = s3ClientOf(server);
  const Key = `blobs/${digest.replace(':', '/')}`;
  await client.send(new CreateMultipartUploadCommand({ Bucket: server.bucket, Key }));
  client.destroy();
}

/** @returns the keys of the uploads that are open */
async function openUploads(): Promise<readonly string[]> {
  const client = s3ClientOf(server);
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: server.bucket }));
  client.destroy();
  return Uploads.map(({ Key = '' }) => Key);
}

test('the writer mirrors, joins parts, aborts what a killed run has left, and moves tags by hand, without deleting an object', async () => {
  await leaveUpload(layers.one);
  const app = `${registry.host}/team/app`;
  const synced = await lifeboat(writer, 'sync', `${app}:1`, `${app}:2`);
  expect(synced).toMatchObject({ code: 0, stdout: expect.stringContaining('2 created') });
  expect(await openUploads()).toEqual([]);
  for (const args of [
    ['approve', `${app}:1@${second}`],
    ['revert', `${app}:1`],
  ]) {
    expect(await lifeboat(writer, ...args)).toMatchObject({ code: 0 });
  }
  expect(synced.stderr).not.toMatch(/denied|403|warning/i);
});

test('a run that may not abort uploads does its work, and warns that they stay', async () => {
  const { Version, Statement } = await policyOf('writer');
  const text = JSON.stringify(Statement).replace(',"s3:AbortMultipartUpload"', '');
  const weak = await server.createUser('weak', { Version, Statement: JSON.parse(text) });
  await leaveUpload(layers.weak);
  const { code, stdout, stderr } = await lifeboat(weak, 'sync', `${registry.host}/team/app:weak`);
  expect([code, stdout]).toEqual([0, expect.stringContaining('1 created')]);
  expect(stderr).toMatch(
    /could not abort the upload.*access is denied.* The next run clears unfinished uploads\./,
  );
  expect(await openUploads()).toEqual([`blobs/${layers.weak.replace(':', '/')}`]);
});

test('the reader is enough for a drill and for the edge, and a run with its key mirrors nothing', async () => {
  const image = { reference: `${registry.host}/team/app:2`, useCount: 1 };
  const published = await lifeboat(cluster, 'images', 'pods.json', '--cluster', 'prod', '--publish');
  expect(published).toMatchObject({ code: 0, stderr: expect.stringContaining('1 image of prod published') });
  const drill = await lifeboat(reader, 'drill', '--json');
  expect([drill.code, JSON.parse(drill.stdout)]).toMatchObject([
    0,
    { images: [{ reference: image.reference, outcome: 'served' }] },
  ]);
  const edge = await startEdge(reader ?? server);
  try {
    const path = `/v2/${registry.host.replace(':', '_')}/team/app`;
    const manifest = await fetch(`${edge.url}${path}/manifests/2`);
    expect(manifest.status).toBe(200);
    const { config } = MANIFEST.parse(await manifest.json());
    // The edge redirects to an address that it has signed with the reader's key.
    expect((await fetch(`${edge.url}${path}/blobs/${config.digest}`)).status).toBe(200);
    expect((await fetch(`${edge.url}${path}/manifests/absent`)).status).toBe(404);
  } finally {
    await edge.stop();
  }
  const synced = await lifeboat(reader, 'sync');
  expect([synced.code, synced.stdout]).toEqual([2, '']);
  expect(synced.stderr).toContain('could not write state/default/probe: access is denied');
});

test('the key of a drill writes the last drill of its mirror alone, which the edge then shows', async () => {
  const refused = await lifeboat(reader, 'drill', '--publish');
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringMatching(
      /not published: .*could not write state\/default\/last-drill\.json: access is denied/,
    ),
  ]);
  const published = await lifeboat(driller, 'drill', '--publish', '--require', '100');
  expect([published.code, published.stderr]).toEqual([0, expect.stringContaining('the drill is published')]);
  expect(await allowed(driller, calls('state/other/last-drill.json'))).toEqual({
    get: true,
    list: true,
    uploads: false,
    put: false,
    begin: false,
    remove: false,
  });
  const edge = await startEdge(reader ?? server);
  try {
    const status: unknown = await (await fetch(`${edge.url}/status.json`)).json();
    expect(status).toMatchObject({
      mirrors: [
        {
          lastDrill: { sums: { images: 1, pulled: 1, lost: 0, clusters: [{ name: 'cluster 1' }] }, lost: [] },
        },
      ],
    });
    const page = await (await fetch(`${edge.url}/status`, { headers: { Accept: 'text/html' } })).text();
    expect(page).toContain('Of 1 image of 1 cluster, 1 would still be pulled (100\u00a0%).');
  } finally {
    await edge.stop();
  }
});

test('the key of a cluster writes the list of that cluster, and no other object', async () => {
  const other = await lifeboat(cluster, 'images', 'pods.json', '--cluster', 'other', '--publish');
  expect(other).toMatchObject({ code: 1, stderr: expect.stringContaining('access is denied') });
  const list = 'state/_clusters/prod.json';
  const { put, get, remove, begin } = await allowed(cluster, calls('blobs/x'));
  expect({ put, get, remove, begin }).toEqual({ put: false, get: false, remove: false, begin: false });
  expect(await allowed(cluster, { put: calls(list).put })).toEqual({ put: true });
});

test('the reader may get and list, and nothing else', async () => {
  expect(await allowed(reader, calls('x'))).toEqual({
    get: true,
    list: true,
    uploads: false,
    put: false,
    begin: false,
    remove: false,
  });
});

test('the writer may do what the reader may, and write, but not delete', async () => {
  expect(await allowed(writer, calls('blobs/x'))).toEqual({
    get: true,
    list: true,
    uploads: true,
    put: true,
    begin: true,
    remove: false,
  });
});

const deletionOf = (key: string) => ({
  remove: (client: S3Client) => client.send(new DeleteObjectCommand({ Bucket: server.bucket, Key: key })),
});

test('the pruner may delete what prune deletes, and the writer may not prune', async () => {
  const { put, remove } = await allowed(pruner, calls('blobs/x'));
  expect({ put, remove }).toEqual({ put: true, remove: false });
  for (const key of ['blobs/x', 'repositories/x', 'state/x']) {
    expect([key, await allowed(pruner, deletionOf(key)), await allowed(writer, deletionOf(key))]).toEqual([
      key,
      { remove: true },
      { remove: false },
    ]);
  }
});
