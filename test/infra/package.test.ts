/** The package that `npm run package` makes. test/e2e/package.clients.test.ts installs it without a network. */
import { build } from 'esbuild';
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { distinctPackages, packagesOf } from '../../infra/package/bundled-packages.js';
import { noticeOf } from '../../infra/package/notice.js';
import about from '../../package.json' with { type: 'json' };
import { packInto, type Packed } from '../support/packed.ts';
import { runProgram } from '../support/process.ts';

const PROJECT = join(import.meta.dirname, '../..');

let folder = '';
let packed: Packed;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-package-'));
  packed = await packInto(folder);
}, 180_000);

afterAll(() => rm(folder, { recursive: true }));

test('the packed file has bundles, their licences and the schema, and nothing else', async () => {
  const { stdout } = await runProgram('tar', ['-tf', packed.file]);
  expect(stdout.trim().split('\n').toSorted()).toEqual(
    [
      'LICENSE',
      'NOTICE',
      'README.md',
      'dist/edge/edge.capnp',
      'dist/edge/index.js',
      'dist/edge/tls.capnp',
      'dist/edge/variables.capnp',
      'dist/job-worker/index.js',
      'dist/job/aws-sdk.cjs',
      'dist/job/kubernetes.cjs',
      'dist/job/main.cjs',
      'lifeboat.example.yaml',
      'lifeboat.schema.json',
      'mirror-job/lifeboat.js',
      'mirror-job/runtime/node/node-version.js',
      'mirror-job/runtime/node/project-node.js',
      'package.json',
      'sbom.cdx.json',
    ].map((file) => `package/${file}`),
  );
});

test('the package has no dependencies and no scripts, and names the versions of Node that start it', async () => {
  const described: unknown = JSON.parse(await readFile(join(packed.folder, 'package.json'), 'utf8'));
  expect(described).toEqual({
    name: 'lifeboat',
    version: about.version,
    description: about.description,
    license: 'Apache-2.0',
    type: 'module',
    bin: { lifeboat: 'mirror-job/lifeboat.js' },
    engines: { node: '^22.21 || >=24.5' },
    files: ['*'],
  });
});

/** Bundles the three programs once more, with all packages in them. @returns what esbuild says of their content */
async function contentOfBundles() {
  const sdk = [
    '@aws-sdk/client-s3',
    '@aws-sdk/s3-request-presigner',
    '@aws-sdk/client-ecr',
    '@kubernetes/client-node',
  ];
  const common = {
    absWorkingDir: PROJECT,
    bundle: true,
    write: false,
    metafile: true,
    tsconfigRaw: {},
  } as const;
  const conditions = ['workerd', 'worker', 'browser'];
  return Promise.all([
    build({ ...common, entryPoints: ['mirror-job/start.ts'], platform: 'node', external: sdk }),
    build({
      ...common,
      stdin: { contents: sdk.map((name) => `export * from '${name}';`).join('\n'), resolveDir: PROJECT },
      platform: 'node',
    }),
    build({ ...common, entryPoints: ['worker/index.ts'], format: 'esm', conditions }),
    build({
      ...common,
      entryPoints: ['mirror-job/workflow/index.ts'],
      format: 'esm',
      conditions,
      external: ['node:*', 'cloudflare:*'],
    }),
  ]);
}

test('NOTICE has the text of the licence of each package that is in a bundle, and the bill of materials has its version', async () => {
  const notice = await readFile(join(packed.folder, 'NOTICE'), 'utf8');
  const bill: { components: { purl: string }[] } = JSON.parse(
    await readFile(join(packed.folder, 'sbom.cdx.json'), 'utf8'),
  );
  const listed = new Set(bill.components.map(({ purl }) => purl.replace('%40', '@')));
  const folders = new Set(
    (await contentOfBundles())
      .flatMap(({ metafile }) => Object.values(metafile.outputs))
      .flatMap(({ inputs }) => Object.entries(inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0))
      .flatMap(([path]) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []),
  );
  expect(folders.size).toBeGreaterThan(30);
  for (const one of folders) {
    const { name, version }: { name: string; version: string } = JSON.parse(
      await readFile(join(PROJECT, one, 'package.json'), 'utf8'),
    );
    expect([name, listed.has(`pkg:npm/${name}@${version}`)]).toEqual([name, true]);
    const [, part = ''] = notice.split(`\n${name} ${version} (`);
    const text = part.split('-'.repeat(80))[0] ?? '';
    expect([name, /copyright|public domain|license/i.test(text) && text.length > 500]).toEqual([name, true]);
    const files = (await readdir(join(PROJECT, one))).filter((file) => /^licen[cs]e/i.test(file));
    for (const file of files)
      expect(text).toContain((await readFile(join(PROJECT, one, file), 'utf8')).trim());
  }
});

test('a package without a text of its licence is refused, and the message says where to put one', async () => {
  await mkdir(join(folder, 'node_modules/bare'), { recursive: true });
  const bare = { name: 'bare', version: '1.2.3', license: 'MIT', folder: 'node_modules/bare' };
  expect(() => noticeOf([bare], folder)).toThrow(
    'bare 1.2.3 is in the bundle, and brings no text of its licence (MIT). Add the text to infra/package/licences/, and a line to TEXTS in infra/package/notice.js.',
  );
  await writeFile(join(folder, 'node_modules/bare/LICENCE.txt'), 'Anybody may use it.');
  expect(noticeOf([bare], folder)).toContain('\nbare 1.2.3 (MIT)\n\nAnybody may use it.\n');
});

test('a package of which esbuild has left out everything is not named, and one in two bundles is named once', async () => {
  const inputs = {
    'node_modules/zod/index.js': { bytesInOutput: 10 },
    'node_modules/hono/dist/hono.js': { bytesInOutput: 0 },
  };
  const metafile = { inputs: {}, outputs: { 'main.cjs': { inputs, bytes: 10, imports: [], exports: [] } } };
  const packages = packagesOf(metafile, PROJECT);
  expect(packages.map(({ name }) => name)).toEqual(['zod']);
  expect(distinctPackages([...packages, ...packages])).toEqual(packages);
});

test('npm pack of the clone itself is refused, and says which command packs', async () => {
  const { code, stderr } = await runProgram('npm', ['pack', '--dry-run'], { cwd: PROJECT });
  expect([code, stderr]).toEqual([
    2,
    expect.stringContaining(
      'the clone is not the package. Run "npm run package", which writes it into dist/.',
    ),
  ]);
});

test('a folder that exists is not deleted to make the package in it', async () => {
  const script = join(PROJECT, 'infra/package/assemble.js');
  const { code, stderr } = await runProgram(process.execPath, [script, '--out', packed.folder]);
  expect([code, stderr]).toEqual([2, expect.stringContaining('it exists already')]);
  await expect(stat(join(packed.folder, 'NOTICE'))).resolves.toBeDefined();
});

test('the package starts where Node reads no TypeScript, and an old Node is told so without a word of the clone', async () => {
  const starter = join(packed.folder, 'mirror-job/lifeboat.js');
  const version = await runProgram(process.execPath, ['--no-strip-types', starter, '--version']);
  expect([version.code, version.stdout]).toEqual([0, `lifeboat ${about.version}\n`]);
  const code = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } });`;
  const old = await runProgram(process.execPath, [
    `--import=data:text/javascript,${encodeURIComponent(code)}`,
    starter,
  ]);
  expect([old.code, old.stderr]).toEqual([
    2,
    'lifeboat: this is Node 20.20.2, but 22.21, or 24.5 or newer, is needed. Install such a Node.\n',
  ]);
});
