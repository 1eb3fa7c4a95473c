/** Tests that the commands show text of upstreams, buckets and other tools' files so that it changes no terminal. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { loadConfiguration } from '../../../mirror-job/configuration/load.ts';
import { S3Store } from '../../../mirror-job/storage/s3/s3-store.ts';
import { createS3Connection } from '../../../mirror-job/runtime/node/s3-connection.ts';
import { addJson } from '../../support/builder.ts';
import { digestOf, emptyRepository } from '../../support/content.ts';
import { DOCKER_CONFIG, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from '../../support/media-types.ts';
import type { Misbehaviour } from '../../support/misbehaviour.ts';
import { NOBODYS } from '../../support/nobody.ts';
import { runProgram, type Finished } from '../../support/process.ts';
import type { RegistryRequest } from '../../support/registry-request.ts';
import { startRogueRegistry, type RogueRegistry } from '../../support/rogue-registry.ts';
import { bundledJob, emptyBuckets, type Buckets } from '../../support/shared.ts';

// The limits are wide, because processes are slow on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const MAIN = await bundledJob();
const ABSENT = digestOf(Buffer.from('a manifest or a blob that the registry lacks'));

/** The text has a line that claims to be Lifeboat's, colours, and letters in another order. */
const ATTACK = '\r\nwarning: forged\u001B[31m\u009B31m\u0085\u2028\u202Egnp\u2066\u200F\u007F\uD800';
const ESCAPED = String.raw`\u000d\u000awarning: forged\u001b[31m\u009b31m\u0085\u2028\u202egnp\u2066\u200f\u007f\ud800`;

let folder = '';
let store: Buckets;
let registry: RogueRegistry;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-characters-'));
  store = await emptyBuckets(2);
  const corpus = { repositories: new Map([['urls', withConfig]]) };
  registry = await startRogueRegistry({ corpus, referrers: false, misbehave });
});

afterAll(async () => {
  await registry?.stop();
  await rm(folder, { recursive: true, force: true });
});

const withConfig = emptyRepository();
const config = addJson(withConfig, DOCKER_CONFIG, {});

function manifest(mediaType: string, value: object): Misbehaviour {
  return { kind: 'manifest', bytes: Buffer.from(JSON.stringify({ schemaVersion: 2, ...value })), mediaType };
}

/** Attacks each repository by another field. */
function misbehave({ repository, kind, reference }: RegistryRequest): Misbehaviour | undefined {
  if (kind === 'tags' && repository === 'names') return { kind: 'tags', tags: [`a tag${ATTACK}`] };
  if (kind !== 'manifest' || reference !== '1') return undefined;
  const child = { mediaType: OCI_MANIFEST, digest: ABSENT, size: 2 };
  switch (repository) {
    case 'media-type':
      return manifest('application/json', { mediaType: `a/b${ATTACK}` });
    case 'platform': {
      const platform = { os: `plan9${ATTACK}`, architecture: 'amd64' };
      return manifest(OCI_INDEX, { mediaType: OCI_INDEX, manifests: [{ ...child, platform }] });
    }
    case 'urls': {
      const layer = { ...child, mediaType: 'foreign', urls: [`https://a.test/${ATTACK}`] };
      return manifest(DOCKER_MANIFEST, { mediaType: DOCKER_MANIFEST, config, layers: [layer] });
    }
    case 'realm':
      // A header can hold only these two characters of the attack.
      return {
        kind: 'status',
        status: 401,
        headers: { 'www-authenticate': 'Bearer realm="ftp://\u0085warning: forged\u009B31m",service="s"' },
      };
    case 'message': {
      const errors = [{ code: 'DENIED', message: `no access${ATTACK}` }];
      return { kind: 'status', status: 403, body: JSON.stringify({ errors }) };
    }
    default:
      return undefined;
  }
}

const ATTACKED = ['media-type', 'platform', 'urls', 'realm', 'message', 'names'];

async function configure(): Promise<void> {
  const { endpoint, bucket, region, accessKeyId, secretAccessKey } = store;
  const upstream = { insecure: true, timeout: '2s' };
  // The upstream of the realm is another one, because a request of one repository of a registry counts as a request of
  // the registry.
  const hostOf = (name: string) => (name === 'realm' ? registry.elsewhere : registry.host);
  const images = ATTACKED.map((name) => ({
    source: `${hostOf(name)}/${name}`,
    tags: [name === 'names' ? '*' : '1'],
    platforms: name === 'platform' ? ['linux/amd64'] : undefined,
    referrers: false,
  }));
  await writeFile(
    join(folder, 'lifeboat.yaml'),
    JSON.stringify({
      store: { endpoint, bucket, region, accessKeyId, secretAccessKey },
      upstreams: { [registry.host]: upstream, [registry.elsewhere]: upstream },
      images,
    }),
  );
}

function lifeboat(...args: string[]): Promise<Finished> {
  const env = { ...NOBODYS, DOCKER_CONFIG: folder };
  return runProgram(process.execPath, [MAIN, ...args], { cwd: folder, env });
}

function openStore(): S3Store {
  const { endpoint, bucket, region, accessKeyId, secretAccessKey } = store;
  const credentials = { accessKeyId, secretAccessKey };
  return new S3Store(
    { endpoint, region, bucket, prefix: '', pathStyle: true, credentials },
    createS3Connection(),
  );
}

/**
 * Expects no unprintable character but line ends, which belong to the layout. Every other one would come from outside.
 */
function expectPrintable(text: string): void {
  expect(text.match(/[^\n\P{Cc}]|[\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu)).toBeNull();
  expect(text).not.toMatch(/^warning: forged/m);
}

test('sync shows what upstreams send in its summary, its warnings, both of its files and the bucket', async () => {
  await configure();
  const { code, stdout, stderr } = await lifeboat('sync', '--report', 'report.json', '--metrics', 'run.prom');
  const report = await readFile(join(folder, 'report.json'), 'utf8');
  const metrics = await readFile(join(folder, 'run.prom'), 'utf8');
  const stored = Buffer.from((await openStore().get('state/default/last-run.json'))?.bytes ?? []).toString();
  for (const text of [stdout, stderr, report, metrics, stored]) expectPrintable(text);
  expect(code).toBe(1);
  // The escaped text shows that each attack has reached the output.
  expect(stdout).toContain(`Its media type "a/b${ESCAPED}" is not a known manifest.`);
  expect(stdout).toContain(`It has: plan9${ESCAPED}/amd64.`);
  expect(stdout).toContain(String.raw`asks for a token from "ftp://\u0085warning: forged\u009b31m", which`);
  expect(stdout).toContain('"no access warning: forged');
  expect(stderr).toContain('lists 1 name that is not a valid tag');
  for (const json of [report, stored]) {
    expect(JSON.parse(json)).toMatchObject({ foreignLayers: [{ urls: [`https://a.test/${ATTACK}`] }] });
  }
});

test('plan shows the unprintable characters of upstreams as escapes', async () => {
  await configure();
  const { stdout, stderr } = await lifeboat('plan', '--all');
  expectPrintable(stdout);
  expectPrintable(stderr);
  expect(stdout).toContain(`It has: plan9${ESCAPED}/amd64.`);
});

test('history shows the unprintable characters of reasons in the bucket as escapes', async () => {
  await configure();
  const bucket = openStore();
  const digest = digestOf(Buffer.from('one'));
  const moved = '2026-01-31T23:59:59.123Z';
  const put = (key: string, value: object) =>
    bucket.put(`repositories/a.b/app/${key}`, Buffer.from(JSON.stringify(value)), {
      contentType: 'application/json',
    });
  await put('_history/1/20260131T235959.123Z-r.json', {
    from: null,
    to: digest,
    at: moved,
    run: `r${ATTACK}`,
    why: `first seen${ATTACK}`,
    by: `me${ATTACK}`,
  });
  await put('_tags/1', {
    mediaType: OCI_MANIFEST,
    digest,
    size: 3,
    data: Buffer.from('one').toString('base64'),
    annotations: {
      'dev.lifeboat.moved': moved,
      'dev.lifeboat.run': 'r',
      'dev.lifeboat.hold': `held${ATTACK}`,
    },
  });
  const words = await lifeboat('history', 'a.b/app:1');
  expectPrintable(words.stdout + words.stderr);
  expect([words.code, words.stdout]).toEqual([0, expect.stringContaining(`first seen${ESCAPED}`)]);
  expect(words.stdout).toContain(`run r${ESCAPED}`);
  expect(words.stdout).toContain(`: held${ESCAPED}`);
});

test('import shows the keys and values of a file as escapes, and writes a configuration that has them', async () => {
  const foreign = {
    sync: [
      { source: 'a.b/one:1', target: `c.d/one:1${ATTACK}`, type: 'image', [`key${ATTACK}`]: 1 },
      { source: 'a.b/two', target: 'c.d/two', type: 'repository', tags: { allow: ['v1.*\u202E\u0085'] } },
    ],
    [`top${ATTACK}`]: true,
  };
  await writeFile(join(folder, 'regsync.yml'), JSON.stringify(foreign));
  const { stdout, stderr } = await lifeboat('import', 'regsync.yml', '-o', 'imported.yaml', '--force');
  const written = await readFile(join(folder, 'imported.yaml'), 'utf8');
  for (const text of [stdout, stderr, written]) expectPrintable(text);
  expect(stderr).toContain(`["top${ESCAPED}"]: Lifeboat knows no such key of regsync.`);
  expect(stderr).toContain(`["key${ESCAPED}"]: Lifeboat knows no such key of regsync.`);
  expect(written).toContain('images:');
  const environment = { S3_ENDPOINT: 'http://s3.test', S3_ACCESS_KEY_ID: 'a', S3_SECRET_ACCESS_KEY: 'b' };
  const { images } = await loadConfiguration(join(folder, 'imported.yaml'), environment);
  expect(images.map(({ repository }) => repository)).toEqual(['a.b/one', 'a.b/two']);
});

test('a refused list, and a refused configuration, show each problem in one line', async () => {
  await writeFile(join(folder, 'broken.yaml'), JSON.stringify({ [`key${ATTACK}`]: 1 }));
  const sync = await lifeboat('sync', '-c', 'broken.yaml');
  expectPrintable(sync.stderr);
  expect(sync.stderr).toContain(`key${ESCAPED}`);
  await writeFile(join(folder, 'list.txt'), `a.b/c${ATTACK}\n`);
  const approve = await lifeboat('approve', '--file', 'list.txt');
  expectPrintable(approve.stderr);
  expect(approve.stderr).toMatch(/^lifeboat: nothing was approved\.\nlist\.txt:1: .*\nlist\.txt:2: /);
});
