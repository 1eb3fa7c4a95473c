/** What `npx lifeboat` starts: the bundle that `npm ci` leaves, as long as nothing is newer. */
import { cp, glob, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addImage, addLayer, addStreamedLayer, tagAs } from '../support/builder.ts';
import { emptyRepository } from '../support/content.ts';
import { startLocalStore } from '../support/local-store.ts';
import { runProgram } from '../support/process.ts';
import { startRogueRegistry } from '../support/rogue-registry.ts';

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
  for (const file of ['mirror-job/lifeboat.js', 'mirror-job/bundled.js']) {
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
])('%s', async (_name, files, expected) => {
  expect(await started(files)).toBe(expected);
});

/** Starts a bundle, as lifeboat.js does. @returns what it says, and whether V8 refused what is kept compiled of it */
async function versionOf(bundle: string): Promise<string> {
  const script = `
    import { startBundle } from ${JSON.stringify(join(PROJECT, 'mirror-job/bundled.js'))};
    process.argv = ['node', 'lifeboat', '--version'];
    const script = startBundle(${JSON.stringify(bundle)});
    process.once('exit', () => console.log(script.cachedDataRejected));`;
  const evaluate = ['--input-type=module', '--eval', script];
  const { code, stdout, stderr } = await runProgram(process.execPath, evaluate);
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
}

test('what is kept compiled is taken, and is more than what a script’s begin needs', async () => {
  expect([built.code, built.stderr]).toEqual([0, '']);
  expect(await versionOf(target)).toBe('lifeboat 0.1.0\nfalse\n');
  const uncalled = new Script(await readFile(join(target, 'main.cjs'), 'utf8')).createCachedData();
  const kept = await readFile(join(target, 'main.cache'));
  expect(kept.length).toBeGreaterThan(2 * uncalled.length);
});

test.each([
  ['missing', undefined, undefined],
  ['empty', 0, true],
  ['of another version', 16, true],
  ['cut off', 100_000, true],
])('a bundle whose compiled form is %s starts without it', async (_name, length, isRejected) => {
  const copy = await mkdtemp(join(folder, 'copy-'));
  await cp(join(target, 'main.cjs'), join(copy, 'main.cjs'));
  const kept = await readFile(join(target, 'main.cache'));
  const bytes = length === 16 ? Buffer.alloc(kept.length) : kept.subarray(0, length);
  if (length !== undefined) await writeFile(join(copy, 'main.cache'), bytes);
  expect(await versionOf(copy)).toBe(`lifeboat 0.1.0\n${isRejected}\n`);
});

test('what is loaded of the SDK only when it is needed is all that the job takes of it', async () => {
  const sources = glob('mirror-job/**/*.ts', { cwd: PROJECT });
  const taken = new Set<string>();
  for await (const source of sources) {
    const text = await readFile(join(PROJECT, source), 'utf8');
    const named = /(?:import|const) \{([^}]+)\} (?:from|= await import\() ?'@aws-sdk\//g;
    for (const [, names = ''] of text.matchAll(named)) {
      for (const name of names.split(',')) if (!/^\s*(?:type .*)?$/.test(name)) taken.add(name.trim());
    }
  }
  expect([...taken]).toEqual(expect.arrayContaining(['S3Client', 'getSignedUrl', 'ECRClient']));
  const kept: unknown = createRequire(import.meta.url)(join(target, 'aws-sdk.cjs'));
  expect(Object.keys(kept ?? {})).toEqual(expect.arrayContaining([...taken]));
});

test('the bundle mirrors, with what it loads only when it is needed', async () => {
  const content = emptyRepository();
  // Larger than a part: the SDK's own client begins and completes its upload.
  const layers = [await addLayer(content, 'small'), await addStreamedLayer(content, 'large', 9_000_000)];
  tagAs(content, addImage(content, { layers }), '1');
  const store = await startLocalStore();
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
    const { code, stderr } = await runProgram(process.execPath, start);
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/^created .*team\/app:1\n1 created · 3 blobs copied/),
    ]);
  } finally {
    await registry.stop();
    await store.stop();
  }
});
