/**
 * `npm run build [-- FOLDER]`, and with it `npm ci`: the job as a script that is compiled before it is run, in `dist/job`.
 * Started from its sources it loads four hundred modules, and where nothing is cached, as in a container, compiles
 * TypeScript first. docs/decisions/0010-a-bundle.md has the figures.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../mirror-job/main.ts', import.meta.url));
/** What the job takes of it. */
const SDK = ['@aws-sdk/client-s3', '@aws-sdk/s3-request-presigner', '@aws-sdk/client-ecr'];
const REHEARSAL = fileURLToPath(new URL('rehearsal.js', import.meta.url));
/** It takes half a second. */
const REHEARSED = /** @type {const} */ ({ encoding: 'utf8', timeout: 20_000 });
const [, , FOLDER = fileURLToPath(new URL('../dist/job', import.meta.url))] = process.argv;
const TARGET = resolve(FOLDER);

const esbuild = await import('esbuild').catch((/** @type {unknown} */ error) => {
  // `npm ci --omit=dev`: without it, the job starts from its sources.
  if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') process.exit(0);
  throw error;
});

/**
 * @param {string} name
 * @param {import('esbuild').BuildOptions} options
 */
async function build(name, options) {
  const { outputFiles } = await esbuild.build({
    bundle: true,
    platform: 'node',
    // Scripts, because only what V8 has compiled of scripts can be kept.
    format: 'cjs',
    target: 'node22',
    // What a tsconfig says of types is for tsc alone.
    tsconfigRaw: {},
    logLevel: 'warning',
    // Nor can a script import: what is loaded only when it is needed is required then.
    supported: { 'dynamic-import': false },
    ...options,
    write: false,
  });
  // For one character beyond ASCII V8 holds the text in twice the memory, and takes twice as long to read it. esbuild
  // escapes those of the code, and leaves those of comments.
  const comments = /^\s*(?:\/\/|\/?\*).*$/gm;
  const text = (outputFiles[0]?.text ?? '').replaceAll(comments, (line) =>
    line.replaceAll(/[^\0-\x7F]/g, '?'),
  );
  // At once or not at all: half of a script would be started, too.
  await writeFile(join(TARGET, `${name}.new`), text);
  await rename(join(TARGET, `${name}.new`), join(TARGET, name));
}

await rm(TARGET, { recursive: true, force: true });
await mkdir(TARGET, { recursive: true });
// Two thirds of it all, and few runs need it.
await build('aws-sdk.cjs', {
  stdin: {
    contents: SDK.map((name) => `export * from '${name}';`).join('\n'),
    resolveDir: fileURLToPath(new URL('..', import.meta.url)),
  },
});
await build('main.cjs', {
  entryPoints: [MAIN],
  alias: {
    // The same but for warnings and !!binary, as ES modules: the hundred CommonJS modules that Node would get are
    // wrapped and run one by one.
    yaml: fileURLToPath(new URL('../node_modules/yaml/browser/index.js', import.meta.url)),
    // As ES modules, because only of those does esbuild leave out what is not used: 34 kB instead of 370.
    '@smithy/signature-v4': fileURLToPath(
      new URL('../node_modules/@smithy/signature-v4/dist-es/index.js', import.meta.url),
    ),
  },
  plugins: [
    {
      name: 'aws-sdk',
      setup(resolver) {
        resolver.onResolve({ filter: /^@aws-sdk\// }, () => ({ path: './aws-sdk.cjs', external: true }));
      },
    },
  ],
});

// Nobody's proxies and logins: what it asks is in its own process.
const rehearsal = spawnSync(process.execPath, [REHEARSAL, TARGET], {
  ...REHEARSED,
  env: { TMPDIR: tmpdir() },
});
if (rehearsal.status !== 0) {
  process.stderr.write(
    `The bundle is built, and its rehearsal failed, so that each run will begin a little later:\n${rehearsal.error?.message ?? rehearsal.stderr}\n`,
  );
}
