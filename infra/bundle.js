/**
 * `npm run build [-- FOLDER]`, and with it `npm ci`: the job in a few files of JavaScript, in `dist/job`. Started from its sources
 * it loads four hundred modules, and where nothing is cached, as in a container, compiles TypeScript first: that takes
 * four times the CPU and 40 MB more. docs/decisions/0010-a-bundle.md has the figures.
 */
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../mirror-job/main.ts', import.meta.url));
const [, , TARGET = fileURLToPath(new URL('../dist/job', import.meta.url))] = process.argv;

const esbuild = await import('esbuild').catch((/** @type {unknown} */ error) => {
  // `npm ci --omit=dev`: without it, the job starts from its sources.
  if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') process.exit(0);
  throw error;
});

// Chunks are named by what is in them: without this, those of older builds would stay.
await rm(TARGET, { recursive: true, force: true });
await esbuild.build({
  entryPoints: [MAIN],
  outdir: TARGET,
  bundle: true,
  // What a run does not need stays in files that it does not read: the SDK, the other commands.
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node22',
  // The same but for warnings and !!binary, as ES modules: the hundred CommonJS modules that Node would get are wrapped
  // and run one by one.
  alias: { yaml: fileURLToPath(new URL('../node_modules/yaml/browser/index.js', import.meta.url)) },
  // Some packages are CommonJS, and ask for Node's own modules with this.
  banner: {
    js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
  },
  // What a tsconfig says of types is for tsc alone.
  tsconfigRaw: {},
  logLevel: 'warning',
});
