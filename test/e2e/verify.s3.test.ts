/** `lifeboat verify` over a real S3 server whose bucket was damaged: what it finds, and what it mends from a second store. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { compareSnapshots, snapshot } from '../support/bucket-snapshot.ts';
import { addArtifact, addImage, addIndex, addJson, addLayer, tagAs } from '../support/builder.ts';
import { emptyRepository } from '../support/content.ts';
import { SPDX } from '../support/media-types.ts';
import { MirroredServer, ROOT } from '../support/mirrored-server.ts';
import { pause } from '../support/process.ts';

const BLOB = /^blobs\/sha256\//;
/** Hashing this many blobs takes longer than the 15 seconds after which progress is saved. */
const LAYERS = 70;
const SLOW_MS = 1200;

interface Verified {
  readonly stores: readonly {
    readonly problems: readonly { readonly kind: string; readonly key: string }[];
    readonly deep?: { readonly blobs: number; readonly finished?: string };
  }[];
  readonly repaired: readonly { readonly key: string; readonly result: string; readonly detail: string }[];
}

let mirror: MirroredServer;
let file = '';

beforeAll(async () => {
  const repository = emptyRepository();
  const layers = await Promise.all(
    Array.from({ length: LAYERS }, (_, index) => addLayer(repository, `layer ${index}`)),
  );
  const children = [addImage(repository, { layers }), addImage(repository, { layers: layers.slice(1) })];
  const index = addIndex(repository, children);
  const sbom = addJson(repository, SPDX, { spdxVersion: 'SPDX-2.3' });
  addArtifact(repository, { artifactType: SPDX, subject: index, layers: [sbom] });
  tagAs(repository, index, '1', '2');
  mirror = await MirroredServer.start(2, repository);
  file = await mirror.configure('lifeboat', ['*']);
  const { code, stderr } = await mirror.lifeboat('sync', '-c', file);
  if (code !== 0) throw new Error(stderr);
});

afterAll(async () => {
  await mirror?.stop();
});

beforeEach(() => {
  mirror.holdEach();
  mirror.proxy.reset();
});

async function verify(...options: readonly string[]) {
  const { code, stdout } = await mirror.lifeboat('verify', '-c', file, '--json', ...options);
  const { stores, repaired }: Verified = JSON.parse(stdout);
  const problems = (stores[0]?.problems ?? []).map(({ kind, key }) => `${kind} ${key}`).toSorted();
  return { code, problems, others: stores[1]?.problems, repaired, deep: stores[0]?.deep };
}

/** The blobs that were read through the proxy. */
const blobsRead = (): string[] =>
  mirror.proxy.requests.flatMap(({ method, path }) => {
    const key = path.slice(`/${mirror.server.bucket}/`.length);
    return method === 'GET' && BLOB.test(key) ? [key] : [];
  });

test('a truncated blob, a lost manifest, a lost link and a stray are found, and all but the stray are mended from the second store', async () => {
  expect(await verify()).toMatchObject({ code: 0, problems: [], others: [] });
  const whole = await snapshot({ client: mirror.client, bucket: mirror.server.bucket });
  const [blob = ''] = await mirror.keys(BLOB);
  const [manifest = ''] = await mirror.keys(/\/_manifests\//);
  const link = (await mirror.keys(/\/_blobs\//)).find((key) => !blob.endsWith(key.slice(-64))) ?? '';
  const stray = `${ROOT}notes.txt`;
  const content = await mirror.reader().read(blob);
  await mirror.put(blob, (content?.bytes ?? Buffer.alloc(0)).subarray(0, 10));
  await mirror.delete(manifest);
  await mirror.delete(link);
  await mirror.put(stray, Buffer.from('x'));

  const damage = [
    `blob-size ${blob}`,
    `manifest-missing ${manifest}`,
    `link-missing ${link}`,
    `stray ${stray}`,
  ];
  expect(await verify()).toMatchObject({ code: 3, problems: damage.toSorted(), others: [] });
  expect(blobsRead()).toEqual([]);

  const mended = await verify('--repair');
  expect([mended.code, mended.problems]).toEqual([3, [`stray ${stray}`]]);
  const results = mended.repaired.map(({ key, result }) => [key, result]);
  expect(Object.fromEntries(results)).toEqual({
    [blob]: 'repaired',
    [manifest]: 'repaired',
    [link]: 'repaired',
    [stray]: 'left',
  });
  await mirror.delete(stray);
  expect(await verify()).toMatchObject({ code: 0, problems: [], others: [] });
  const now = await snapshot({ client: mirror.client, bucket: mirror.server.bucket });
  expect(compareSnapshots(whole, now)).toEqual([]);
  expect(await mirror.faults()).toEqual([]);
});

test('--deep that is killed goes on where it was, and remembers the wrong bytes that it has found', async () => {
  const blobs = await mirror.keys(BLOB);
  const [wrong = ''] = blobs;
  const content = await mirror.reader().read(wrong);
  const bytes = content?.bytes ?? Buffer.alloc(0);
  const flipped = Buffer.from(bytes);
  flipped[0] = (flipped[0] ?? 0) ^ 1;
  await mirror.put(wrong, flipped);
  mirror.holdEach(async ({ method, path }) => {
    if (method === 'GET' && path.includes('/blobs/')) await pause(SLOW_MS);
  });
  const first = await mirror.begin('verify', '-c', file, '--deep');
  const isSaved = () =>
    mirror.proxy.requests.some(
      ({ method, path, status }) => method === 'PUT' && path.endsWith('/verify.json') && status === 200,
    );
  while (first.running() && !isSaved()) await pause(50);
  first.kill('SIGKILL');
  await first.exited;
  expect(isSaved()).toBe(true);
  const state = await mirror.reader().read('state/default/verify.json');
  const { after }: { after: string } = JSON.parse(state?.bytes.toString() ?? '{}');
  expect(blobs.indexOf(after)).toBeGreaterThan(20);

  mirror.holdEach();
  mirror.proxy.reset();
  const second = await verify('--deep');
  expect([second.code, second.problems]).toEqual([3, [`blob-bytes ${wrong}`]]);
  // The wrong one is hashed again. Of the others, those that the first run had not noted.
  expect(blobsRead().toSorted()).toEqual([wrong, ...blobs.filter((key) => key > after)]);
  expect(second.deep?.finished).toBeDefined();

  const mended = await verify('--repair');
  expect([mended.code, mended.problems, mended.repaired.map(({ result }) => result)]).toEqual([
    0,
    [],
    ['repaired'],
  ]);
  expect((await mirror.reader().read(wrong))?.bytes.equals(bytes)).toBe(true);
});
