/**
 * `npm run build`, and with it `npm ci`, makes the edge for workerd on a machine of one's own: the Worker as one module, and
 * workerd's configuration beside it, in `dist/edge` or the folder that is given.
 */
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packagesOf } from '../package/bundled-packages.js';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const [, , FOLDER = join(PROJECT, 'dist/edge')] = process.argv;
const TARGET = resolve(FOLDER);
const CONFIGURATION = ['edge.capnp', 'tls.capnp', 'variables.capnp'];

const esbuild = await import('esbuild').catch((/** @type {unknown} */ error) => {
  // After `npm ci --omit=dev` there is neither esbuild nor workerd, and this machine runs the job alone.
  if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') process.exit(0);
  throw error;
});

await rm(TARGET, { recursive: true, force: true });
await mkdir(TARGET, { recursive: true });
for (const file of CONFIGURATION) await cp(join(PROJECT, 'infra/edge', file), join(TARGET, file));
const { metafile } = await esbuild.build({
  absWorkingDir: PROJECT,
  entryPoints: [join(PROJECT, 'worker/index.ts')],
  outfile: join(TARGET, 'index.js'),
  bundle: true,
  format: 'esm',
  // These are wrangler's choices too.
  conditions: ['workerd', 'worker', 'browser'],
  target: 'es2024',
  minifyWhitespace: true,
  minifySyntax: true,
  lineLimit: 120,
  tsconfigRaw: { compilerOptions: { jsx: 'react-jsx', jsxImportSource: 'hono/jsx' } },
  metafile: true,
  logLevel: 'warning',
});
// The package and the images name them, with their licences.
const packages = packagesOf(metafile, PROJECT);
await writeFile(join(TARGET, 'packages.json'), JSON.stringify(packages, undefined, 2));
