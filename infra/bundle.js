/**
 * `npm run build [-- FOLDER]`, and with it `npm ci`, makes the job one script, in `dist/job`. Without the bundle, each
 * start loads four hundred modules, and compiles TypeScript first if nothing is cached, as in a container.
 * docs/decisions/0010-a-bundle.md has the figures.
 */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packagesOf } from './package/bundled-packages.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const START = fileURLToPath(new URL('../mirror-job/start.ts', import.meta.url));
/** The packages of the AWS SDK that the job uses. */
const SDK = ['@aws-sdk/client-s3', '@aws-sdk/s3-request-presigner', '@aws-sdk/client-ecr'];
const [, , FOLDER = join(ROOT, 'dist/job')] = process.argv;
const TARGET = resolve(FOLDER);

const esbuild = await import('esbuild').catch((/** @type {unknown} */ error) => {
  // After `npm ci --omit=dev` there is no esbuild, and the job starts from its sources.
  if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') process.exit(0);
  throw error;
});

/**
 * @param {string} name
 * @param {import('esbuild').BuildOptions} options
 * @returns the packages that the script contains
 */
async function build(name, options) {
  const { outputFiles, metafile } = await esbuild.build({
    absWorkingDir: ROOT,
    bundle: true,
    platform: 'node',
    // V8 begins a script sooner than a module.
    format: 'cjs',
    target: 'node22',
    // V8 reads all of the text at each start, so a shorter text saves time. Names stay, so that stack traces are readable.
    minifyWhitespace: true,
    minifySyntax: true,
    lineLimit: 120,
    // A tsconfig's settings do not apply, because they are for tsc alone.
    tsconfigRaw: {},
    logLevel: 'warning',
    // A script cannot import, so each `import()` of another script becomes a `require()`.
    supported: { 'dynamic-import': false },
    ...options,
    metafile: true,
    write: false,
  });
  // A rename makes the file appear whole or not at all, because a start would also run half of a script.
  await writeFile(join(TARGET, `${name}.new`), outputFiles[0]?.contents ?? '');
  await rename(join(TARGET, `${name}.new`), join(TARGET, name));
  return packagesOf(metafile, ROOT);
}

await rm(TARGET, { recursive: true, force: true });
await mkdir(TARGET, { recursive: true });
// The SDK is a script of its own, because it is two thirds of all the code, and few runs need it.
const sdk = await build('aws-sdk.cjs', {
  stdin: {
    contents: SDK.map((name) => `export * from '${name}';`).join('\n'),
    resolveDir: ROOT,
  },
});
// So is the client of Kubernetes, which one command needs, with one option.
const kubernetes = await build('kubernetes.cjs', {
  stdin: {
    contents: "export { KubeConfig } from '@kubernetes/client-node';",
    resolveDir: ROOT,
  },
});
const main = await build('main.cjs', {
  entryPoints: [START],
  alias: {
    // The browser's build of yaml differs only in warnings and !!binary. It is made of ES modules, which become part of
    // the script. The build for Node is a hundred CommonJS modules, which would be wrapped and run one by one.
    yaml: fileURLToPath(new URL('../node_modules/yaml/browser/index.js', import.meta.url)),
    // esbuild leaves out unused code of ES modules only. With them the package takes 34 kB instead of 370.
    '@smithy/signature-v4': fileURLToPath(
      new URL('../node_modules/@smithy/signature-v4/dist-es/index.js', import.meta.url),
    ),
  },
  plugins: [
    {
      name: 'scripts-of-their-own',
      setup(resolver) {
        resolver.onResolve({ filter: /^@aws-sdk\// }, () => ({ path: './aws-sdk.cjs', external: true }));
        resolver.onResolve({ filter: /^@kubernetes\/client-node$/ }, () => ({
          path: './kubernetes.cjs',
          external: true,
        }));
      },
    },
  ],
});
// The package and the images name them, with their licences.
await writeFile(
  join(TARGET, 'packages.json'),
  JSON.stringify([...sdk, ...kubernetes, ...main], undefined, 2),
);
