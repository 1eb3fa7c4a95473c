/**
 * `npm run package` makes the package from this, in `dist/package`: bundles, with nothing to install. The images have
 * the same files. docs/decisions/0151 says why the package is not the clone.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { billOfMaterials } from './bill-of-materials.js';
import { distinctPackages, packagesOf } from './bundled-packages.js';
import { noticeOf } from './notice.js';
import { bundleJobWorker } from './job-worker.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** The files that the package has as they are, at the same paths. */
const FILES = [
  'LICENSE',
  'lifeboat.example.yaml',
  'lifeboat.schema.json',
  'mirror-job/lifeboat.js',
  'mirror-job/runtime/node/node-version.js',
  'mirror-job/runtime/node/project-node.js',
];
/** The versions that mirror-job/runtime/node/node-version.js accepts. */
const NODE = '^22.21 || >=24.5';

const DEFAULT_FOLDER = join(ROOT, 'dist/package');

const { values } = parseArgs({
  options: {
    // The name "lifeboat" alone may belong to somebody else, so a release sets one with a scope.
    name: { type: 'string' },
    // npm compares this address with that of the workflow that publishes the package.
    repository: { type: 'string' },
    out: { type: 'string', default: DEFAULT_FOLDER },
  },
});
const folder = values.out;
if (folder !== DEFAULT_FOLDER && existsSync(folder)) {
  process.stderr.write(
    `--out ${folder}: it exists already. Name a folder that does not, because its content would be deleted.\n`,
  );
  process.exit(2);
}
const about = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
const identity = { name: values.name ?? about.name, version: about.version };

await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });
for (const file of FILES) await cp(join(ROOT, file), join(folder, file));
await cp(fileURLToPath(new URL('README.md', import.meta.url)), join(folder, 'README.md'));

const bundled = [
  await bundle('infra/bundle.js', 'dist/job'),
  await bundle('infra/edge/bundle.js', 'dist/edge'),
  packagesOf(await bundleJobWorker(join(folder, 'dist/job-worker')), ROOT),
];
const packages = distinctPackages(bundled.flat());
await writeFile(join(folder, 'NOTICE'), noticeOf(packages, ROOT));
await writeJson('sbom.cdx.json', billOfMaterials(identity, packages));
await writeJson('package.json', {
  ...identity,
  description: about.description,
  license: about.license,
  ...(values.repository !== undefined && {
    repository: { type: 'git', url: `git+${values.repository}.git` },
  }),
  type: about.type,
  bin: about.bin,
  engines: { node: NODE },
  files: ['*'],
});

/**
 * @param {string} script writes a bundle, and the list of its packages beside it
 * @param {string} target
 * @returns {Promise<import('./bundled-packages.js').BundledPackage[]>}
 */
async function bundle(script, target) {
  execFileSync(process.execPath, [join(ROOT, script), join(folder, target)], { stdio: 'inherit' });
  const list = join(folder, target, 'packages.json');
  const inBundle = JSON.parse(await readFile(list, 'utf8'));
  await rm(list);
  return inBundle;
}

/**
 * @param {string} file
 * @param {unknown} value
 */
async function writeJson(file, value) {
  await writeFile(join(folder, file), `${JSON.stringify(value, undefined, 2)}\n`);
}
