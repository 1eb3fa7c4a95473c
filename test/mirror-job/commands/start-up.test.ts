/** Tests that a run without news loads little, because its start takes most of its time. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { addImage, addLayer, tagAs } from '../../support/builder.ts';
import { emptyRepository } from '../../support/content.ts';
import { runProgram } from '../../support/process.ts';
import { startRogueRegistry, type RogueRegistry } from '../../support/rogue-registry.ts';
import { NOBODYS } from '../../support/nobody.ts';
import { emptyBuckets, type Buckets } from '../../support/shared.ts';

// The limits are wide, because processes are slow on a busy machine. Each wait in this file has its own limit.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const MAIN = join(import.meta.dirname, '../../../mirror-job/start.ts');

let folder = '';
let store: Buckets;
let registry: RogueRegistry;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-start-'));
  store = await emptyBuckets();
  const app = emptyRepository();
  tagAs(app, addImage(app, { layers: [await addLayer(app, 'layer')] }), 'one');
  registry = await startRogueRegistry({ corpus: { repositories: new Map([['team/app', app]]) } });
});

afterAll(async () => {
  await registry?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** @returns each package once: Node's own modules by their names, and the project's own as `own` */
async function packagesLoaded(file: string): Promise<ReadonlySet<string>> {
  const list = join(folder, 'loaded.txt');
  const hook = `
    import { registerHooks } from 'node:module';
    import { writeFileSync } from 'node:fs';
    const loaded = [];
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
    process.on('exit', () => writeFileSync(${JSON.stringify(list)}, loaded.join('\\n')));`;
  const args = ['--import', `data:text/javascript,${encodeURIComponent(hook)}`, MAIN, 'sync', '-c', file];
  const { code } = await runProgram(process.execPath, args, { env: NOBODYS });
  expect(code).toBe(0);
  const urls = (await readFile(list, 'utf8')).split('\n');
  return new Set(
    urls.map((url) => {
      if (url.startsWith('node:')) return url;
      return /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? 'own';
    }),
  );
}

test('a run with nothing to copy loads only the signer of the AWS SDK, and only the few packages that it uses', async () => {
  const { endpoint, bucket, region, accessKeyId, secretAccessKey } = store;
  const file = join(folder, 'lifeboat.yaml');
  const from = { endpoint, bucket, region, accessKeyId, secretAccessKey };
  const upstreams = { [registry.host]: { insecure: true, credentials: [] } };
  const images = [`${registry.host}/team/app:one`];
  await writeFile(file, JSON.stringify({ store: from, upstreams, images }));
  // A first run also lists the bucket, and copies.
  expect((await packagesLoaded(file)).has('@aws-sdk/client-s3')).toBe(false);
  const again = await packagesLoaded(file);
  const packages = [...again].filter((name) => !name.startsWith('node:')).toSorted();
  expect(packages).toEqual([
    '@smithy/core',
    '@smithy/signature-v4',
    '@smithy/types',
    'own',
    'p-limit',
    'picomatch',
    'semver',
    'yaml',
    'yocto-queue',
    'zod',
  ]);
});

test('a run that waits for something that never comes ends with exit code 1, and says so', async () => {
  const hook = `
    import { registerHooks } from 'node:module';
    const stuck = 'export const sync = { run: () => new Promise(() => {}) };';
    registerHooks({
      load: (url, context, next) =>
        url.endsWith('/commands/sync.ts') ? { format: 'module', source: stuck, shortCircuit: true } : next(url, context),
    });`;
  const args = ['--import', `data:text/javascript,${encodeURIComponent(hook)}`, MAIN, 'sync'];
  expect(await runProgram(process.execPath, args, { env: NOBODYS })).toMatchObject({
    code: 1,
    stderr:
      'lifeboat: this is a fault of Lifeboat: it waits for something that never comes. What the command has done so far stays. Please report this fault.\n',
  });
});
