/** What `npx lifeboat` starts: the bundle that `npm ci` leaves, as long as nothing is newer. */
import { cp, mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addImage, addLayer, addStreamedLayer, tagAs } from '../support/builder.ts';
import { emptyRepository } from '../support/content.ts';
import { startLocalStore } from '../support/local-store.ts';
import { runProgram } from '../support/process.ts';
import { startRogueRegistry } from '../support/rogue-registry.ts';

const PROJECT = join(import.meta.dirname, '../..');
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-bundle-'));
});

afterAll(() => rm(folder, { recursive: true }));

/** Seconds since 1970, by file; each says its own name. */
async function started(files: Readonly<Record<string, number>>): Promise<string> {
  const clone = await mkdtemp(join(folder, 'clone-'));
  await mkdir(join(clone, 'mirror-job'));
  await writeFile(join(clone, 'package.json'), '{ "type": "module" }');
  await cp(join(PROJECT, 'mirror-job/lifeboat.js'), join(clone, 'mirror-job/lifeboat.js'));
  await utimes(join(clone, 'mirror-job/lifeboat.js'), 100, 100);
  for (const [file, time] of Object.entries(files)) {
    await mkdir(dirname(join(clone, file)), { recursive: true });
    await writeFile(join(clone, file), `process.stdout.write('${file}')`);
    await utimes(join(clone, file), time, time);
  }
  const { stdout } = await runProgram(process.execPath, [join(clone, 'mirror-job/lifeboat.js')]);
  return stdout;
}

const SOURCES = { 'mirror-job/main.ts': 100, 'core/deep/file.ts': 100, 'package-lock.json': 100 };
const BUNDLE = 'dist/job/main.js';

test.each([
  ['nothing was built', SOURCES, 'mirror-job/main.ts'],
  ['built after all of them', { ...SOURCES, [BUNDLE]: 200 }, BUNDLE],
  ['a file was edited since', { ...SOURCES, [BUNDLE]: 200, 'core/deep/file.ts': 300 }, 'mirror-job/main.ts'],
  ['packages were updated', { ...SOURCES, [BUNDLE]: 200, 'package-lock.json': 300 }, 'mirror-job/main.ts'],
  ['the bundle alone, as in a container', { [BUNDLE]: 200 }, BUNDLE],
])('%s', async (_name, files, expected) => {
  expect(await started(files)).toBe(expected);
});

test('the bundle mirrors, with what it loads only when it is needed', async () => {
  const target = join(folder, 'job');
  const built = await runProgram(process.execPath, [join(PROJECT, 'infra/bundle.js'), target]);
  expect([built.code, built.stderr]).toEqual([0, '']);
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');

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
    const { code, stderr } = await runProgram(process.execPath, [
      join(target, 'main.js'),
      'sync',
      '-c',
      configuration,
    ]);
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/^created .*team\/app:1\n1 created · 3 blobs copied/),
    ]);
  } finally {
    await registry.stop();
    await store.stop();
  }
});
