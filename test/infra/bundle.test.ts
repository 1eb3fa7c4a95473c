/** What `npx lifeboat` starts: the bundle that `npm ci` leaves, as long as nothing is newer. */
import { cp, glob, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';
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

// Processes take what the machine lets them have; each wait in here has a bound of its own.
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

/** What starts the job or its bundle, older than either. */
async function copyStarter(clone: string): Promise<void> {
  await writeFile(join(clone, 'package.json'), '{ "type": "module" }');
  for (const file of ['lifeboat', 'runtime/node/bundled', 'runtime/node/node-version'].map(
    (name) => `mirror-job/${name}.js`,
  )) {
    await cp(join(PROJECT, file), join(clone, file));
    await utimes(join(clone, file), 100, 100);
  }
}

/** Seconds since 1970, by file; each says its own name. */
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

const SOURCES = { 'mirror-job/main.ts': 100, 'core/deep/file.ts': 100, 'package-lock.json': 100 };
const BUNDLE = 'dist/job/main.cjs';

test.each([
  ['nothing was built', SOURCES, 'mirror-job/main.ts'],
  ['built after all of them', { ...SOURCES, [BUNDLE]: 200 }, BUNDLE],
  ['a file was edited since', { ...SOURCES, [BUNDLE]: 200, 'core/deep/file.ts': 300 }, 'mirror-job/main.ts'],
  ['packages were updated', { ...SOURCES, [BUNDLE]: 200, 'package-lock.json': 300 }, 'mirror-job/main.ts'],
  ['the bundle alone, as in a container', { [BUNDLE]: 200 }, BUNDLE],
  ['the bundle alone, older than what starts it', { [BUNDLE]: 50 }, BUNDLE],
])('lifeboat.js starts the bundle only if no source is newer: %s', async (_name, files, expected) => {
  expect(await started(files)).toBe(expected);
});

/** Starts a bundle, as lifeboat.js does. @returns whether V8 took what is kept compiled of it, and what the bundle says */
async function startedFrom(bundle: string, env: Readonly<Record<string, string>> = {}) {
  const evaluated = `
    import { startBundle } from ${JSON.stringify(join(PROJECT, 'mirror-job/runtime/node/bundled.js'))};
    process.argv = ['node', 'lifeboat', '--version'];
    const { script } = startBundle(${JSON.stringify(bundle)});
    process.once('exit', () => console.log(script.cachedDataRejected === false));`;
  const args = ['--input-type=module', '--eval', evaluated];
  const { code, stdout, stderr } = await runProgram(process.execPath, args, { env });
  expect([code, stderr]).toEqual([0, '']);
  const [version, isTaken] = stdout.trim().split('\n');
  expect(version).toBe(`${about.name} ${about.version}`);
  return isTaken === 'true';
}

test('V8 takes the compiled form that the bundle keeps, which has more than what a script needs to begin', async () => {
  expect([built.code, built.stderr]).toEqual([0, '']);
  expect(await startedFrom(target)).toBe(true);
  const uncalled = new Script(await readFile(join(target, 'main.cjs'), 'utf8')).createCachedData();
  const kept = await readFile(join(target, 'main.cache'));
  expect(kept.length).toBeGreaterThan(2 * uncalled.length);
});

/** One more than it was. */
const changed = (bytes: Buffer, at: number) => {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) + 1;
  return copy;
};

test.each<[string, (kept: Buffer) => Buffer | undefined]>([
  ['missing', () => undefined],
  ['empty', () => Buffer.alloc(0)],
  ['cut off', (kept) => kept.subarray(0, 100_000)],
  ['damaged', (kept) => changed(kept, 500_000)],
  ['of another script', (kept) => changed(kept, 0)],
])('a bundle whose compiled form is %s starts without it', async (_name, change) => {
  const copy = await mkdtemp(join(folder, 'copy-'));
  await cp(join(target, 'main.cjs'), join(copy, 'main.cjs'));
  const kept = change(await readFile(join(target, 'main.cache')));
  if (kept !== undefined) await writeFile(join(copy, 'main.cache'), kept);
  expect(await startedFrom(copy)).toBe(false);
});

test('a bundle that was compiled with other flags starts without its compiled form', async () => {
  expect(await startedFrom(target, { NODE_OPTIONS: '--stack-trace-limit=50' })).toBe(false);
});

test('npm run build builds the bundle into any folder', async () => {
  const cwd = join(folder, 'elsewhere');
  await mkdir(cwd);
  const args = [join(PROJECT, 'infra/bundle.js'), 'here'];
  expect(await runProgram(process.execPath, args, { cwd })).toMatchObject({ code: 0, stderr: '' });
  expect(await startedFrom(join(cwd, 'here'))).toBe(true);
});

const KEYS = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' };
/** Nothing listens on port 9. */
const NO_AWS = { AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:9', AWS_ENDPOINT_URL_ECR: 'http://127.0.0.1:9' };

test.each([
  [
    'finds out where AWS itself is',
    KEYS,
    /could not read lifeboat\.json: it does not answer \(ECONNREFUSED\)/,
  ],
  ['finds out whose keys to use', {}, /could not read lifeboat\.json: no keys were found/],
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

test('the bundle has all that the job takes of the SDK', async () => {
  const taken = new Set<string>();
  for await (const source of glob('mirror-job/**/*.ts', { cwd: PROJECT })) {
    const text = await readFile(join(PROJECT, source), 'utf8');
    const named = /(?:import|const) \{([^}]+)\} (?:from|= await import\() ?'@aws-sdk\//g;
    for (const [, names = ''] of text.matchAll(named)) {
      for (const name of names.split(',')) if (!/^\s*(?:type .*)?$/.test(name)) taken.add(name.trim());
    }
  }
  expect([...taken]).toEqual(expect.arrayContaining(['S3Client', 'getSignedUrl', 'ECRClient']));
  const kept: unknown = createRequire(import.meta.url)(join(target, 'aws-sdk.cjs'));
  expect(Object.keys(kept ?? {})).toEqual(expect.arrayContaining([...taken]));
  // An import would not find them: Node reads a script's names from its text.
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
  // Whatever host is asked, the proxy asks this registry.
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
  // Larger than a part: the SDK's own client begins and completes its upload.
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
    // As people write it: the bundle has another build of the parser than the sources.
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
