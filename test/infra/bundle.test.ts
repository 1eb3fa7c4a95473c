/** Tests that `npx lifeboat` starts the bundle that `npm ci` builds, as long as no source file is newer. */
import { cp, glob, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import about from '../../package.json' with { type: 'json' };
import { addImage, addLayer, addStreamedLayer, tagAs } from '../support/builder.ts';
import { emptyRepository } from '../support/content.ts';
import { startEcrServer } from '../support/ecr-server.ts';
import { startForwardProxy } from '../support/forward-proxy.ts';
import { runProgram } from '../support/process.ts';
import { startRogueRegistry } from '../support/rogue-registry.ts';
import { NOBODYS } from '../support/nobody.ts';
import { emptyBuckets } from '../support/shared.ts';

// The limits are wide, because processes are slow on a busy machine. Each wait in this file has its own limit.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const PROJECT = join(import.meta.dirname, '../..');
let folder: string;

let target: string;
let built: Awaited<ReturnType<typeof runProgram>>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-bundle-'));
  target = join(folder, 'dist/job');
  built = await runProgram(process.execPath, [join(PROJECT, 'infra/bundle.js'), target]);
});

afterAll(() => rm(folder, { recursive: true }));

/** Copies the files that start the job or its bundle, and makes them older than either. */
async function copyStarter(clone: string): Promise<void> {
  await writeFile(join(clone, 'package.json'), '{ "type": "module" }');
  for (const file of ['mirror-job/lifeboat.js', 'mirror-job/runtime/node/node-version.js']) {
    await cp(join(PROJECT, file), join(clone, file));
    await utimes(join(clone, file), 100, 100);
  }
}

/**
 * Starts a clone whose files print their own names.
 * @param files the time at which each file was changed, in seconds since 1970
 */
async function started(files: Readonly<Record<string, number>>): Promise<string> {
  const clone = await mkdtemp(join(folder, 'clone-'));
  await copyStarter(clone);
  for (const [file, time] of Object.entries(files)) {
    await mkdir(dirname(join(clone, file)), { recursive: true });
    await writeFile(join(clone, file), `process.stdout.write('${file}')`);
    await utimes(join(clone, file), time, time);
  }
  const { stdout } = await runProgram(process.execPath, [join(clone, 'mirror-job/lifeboat.js')]);
  return stdout;
}

const SOURCES = { 'mirror-job/start.ts': 100, 'core/deep/file.ts': 100, 'package-lock.json': 100 };
const BUNDLE = 'dist/job/main.cjs';

test.each([
  ['nothing was built', SOURCES, 'mirror-job/start.ts'],
  ['the bundle is newer than all sources', { ...SOURCES, [BUNDLE]: 200 }, BUNDLE],
  [
    'a file was edited after the build',
    { ...SOURCES, [BUNDLE]: 200, 'core/deep/file.ts': 300 },
    'mirror-job/start.ts',
  ],
  [
    'packages were updated after the build',
    { ...SOURCES, [BUNDLE]: 200, 'package-lock.json': 300 },
    'mirror-job/start.ts',
  ],
  ['there is only the bundle, as in a container', { [BUNDLE]: 200 }, BUNDLE],
  ['there is only the bundle, and it is older than the file that starts it', { [BUNDLE]: 50 }, BUNDLE],
])('lifeboat.js starts the bundle only if no source is newer: %s', async (_name, files, expected) => {
  expect(await started(files)).toBe(expected);
});

test('the bundle prints its version, and is built without a warning', async () => {
  expect([built.code, built.stderr]).toEqual([0, '']);
  expect(await versionOf(target)).toBe(`${about.name} ${about.version}\n`);
});

async function versionOf(bundle: string): Promise<string> {
  const { code, stdout, stderr } = await runProgram(process.execPath, [
    join(bundle, 'main.cjs'),
    '--version',
  ]);
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
}

test('npm run build builds the bundle into any folder', async () => {
  const cwd = join(folder, 'elsewhere');
  await mkdir(cwd);
  const args = [join(PROJECT, 'infra/bundle.js'), 'here'];
  expect(await runProgram(process.execPath, args, { cwd })).toMatchObject({ code: 0, stderr: '' });
  expect(await versionOf(join(cwd, 'here'))).toBe(`${about.name} ${about.version}\n`);
});

const KEYS = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' };
/** No program listens on port 9. */
const NO_AWS = { AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:9', AWS_ENDPOINT_URL_ECR: 'http://127.0.0.1:9' };

test.each([
  [
    'finds the address of AWS itself',
    KEYS,
    /could not read lifeboat\.json: it does not answer \(ECONNREFUSED\)/,
  ],
  ['looks for keys', {}, /could not read lifeboat\.json: no keys were found/],
])('the bundle %s', async (_name, keys, said) => {
  await copyStarter(folder);
  const configuration = join(folder, 'aws.yaml');
  await writeFile(
    configuration,
    'store: { bucket: b, region: eu-central-1 }\nimages: [registry.test/app:1]\n',
  );
  const start = [join(folder, 'mirror-job/lifeboat.js'), 'sync', '-c', configuration];
  const env = { ...NOBODYS, ...NO_AWS, ...keys };
  const { code, stderr } = await runProgram(process.execPath, start, { env });
  expect([code, stderr]).toEqual([2, expect.stringMatching(said)]);
});

test('the bundle has every part of the SDK that the job uses', async () => {
  const used = new Set<string>();
  for await (const source of glob('mirror-job/**/*.ts', { cwd: PROJECT })) {
    const text = await readFile(join(PROJECT, source), 'utf8');
    const named = /(?:import|const) \{([^}]+)\} (?:from|= await import\() ?'@aws-sdk\//g;
    for (const [, names = ''] of text.matchAll(named)) {
      for (const name of names.split(',')) if (!/^\s*(?:type .*)?$/.test(name)) used.add(name.trim());
    }
  }
  expect([...used]).toEqual(expect.arrayContaining(['S3Client', 'getSignedUrl', 'ECRClient']));
  const bundled: unknown = createRequire(import.meta.url)(join(target, 'aws-sdk.cjs'));
  expect(Object.keys(bundled ?? {})).toEqual(expect.arrayContaining([...used]));
  // An import would not find the names, because Node finds the exported names of a script in its text.
  expect(await readFile(join(target, 'main.cjs'), 'utf8')).not.toMatch(/\bimport\(/);
});

test('the bundle asks Amazon ECR for its password', async () => {
  const content = emptyRepository();
  tagAs(content, addImage(content, { layers: [await addLayer(content, 'small')] }), '1');
  const host = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';
  const password = 'given by AWS';
  const registry = await startRogueRegistry({
    corpus: { repositories: new Map([['team/app', content]]) },
    auth: { kind: 'basic', username: 'AWS', password },
  });
  const ecr = await startEcrServer(
    () => password,
    () => Date.now() / 1000 + 3600,
  );
  // The proxy asks this registry, whatever host a request names.
  const proxy = await startForwardProxy({ port: Number(registry.host.split(':')[1]) });
  const store = await emptyBuckets();
  try {
    const { endpoint, region, accessKeyId, secretAccessKey } = store;
    const configuration = join(folder, 'ecr.json');
    await writeFile(
      configuration,
      JSON.stringify({
        store: {
          endpoint,
          region,
          accessKeyId,
          secretAccessKey,
          bucket: store.buckets[0],
          audience: 'token',
        },
        upstreams: { [host]: { insecure: true } },
        images: [`${host}/team/app:1`],
      }),
    );
    await copyStarter(folder);
    const { code, stdout } = await runProgram(
      process.execPath,
      [join(folder, 'mirror-job/lifeboat.js'), 'sync', '-c', configuration],
      {
        env: {
          ...NOBODYS,
          ...KEYS,
          AWS_ENDPOINT_URL_ECR: ecr.url,
          HTTP_PROXY: proxy.url,
          NO_PROXY: '127.0.0.1',
        },
      },
    );
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/^created .*team\/app:1\n(?:pull .*\n)?1 created/),
    ]);
    expect(ecr.calls).toEqual(['id eu-central-1']);
  } finally {
    await Promise.all([registry, ecr, proxy].map((server) => server.stop()));
  }
});

test('the bundle mirrors, and loads the SDK only when it is needed', async () => {
  const content = emptyRepository();
  // The second layer is larger than a part, so the SDK's own client begins and completes its upload.
  const layers = [await addLayer(content, 'small'), await addStreamedLayer(content, 'large', 9_000_000)];
  tagAs(content, addImage(content, { layers }), '1');
  const store = await emptyBuckets();
  const registry = await startRogueRegistry({ corpus: { repositories: new Map([['team/app', content]]) } });
  try {
    const {
      buckets: [bucket],
      endpoint,
      region,
      accessKeyId,
      secretAccessKey,
    } = store;
    const configuration = join(folder, 'lifeboat.yaml');
    // The file has a comment and an anchor, because the bundle uses another build of the parser than the sources.
    await writeFile(
      configuration,
      `
store: # where to
  endpoint: ${endpoint}
  bucket: ${bucket}
  region: ${region}
  accessKeyId: ${accessKeyId}
  secretAccessKey: '${secretAccessKey}'
upstreams:
  ${registry.host}: &plain { insecure: true }
  other.example.com: *plain
images:
  - ${registry.host}/team/app:1
`,
    );
    await copyStarter(folder);
    const start = [join(folder, 'mirror-job/lifeboat.js'), 'sync', '-c', configuration];
    const env = { ...NOBODYS, ...NO_AWS, ...KEYS };
    const run = async () => {
      const { code, stdout } = await runProgram(process.execPath, start, { env });
      return [code, stdout];
    };
    expect(await run()).toEqual([
      0,
      expect.stringMatching(/^created .*team\/app:1\npull .*\n1 created · 3 blobs copied/),
    ]);
    await rm(join(target, 'aws-sdk.cjs'));
    expect(await run()).toEqual([0, expect.stringMatching(/^1 unchanged/)]);
  } finally {
    await registry.stop();
  }
});
