/** Bundles the job as a Worker, so that the package can deploy it without a clone. */
import { build } from 'esbuild';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * @param {string} folder where `index.js` is written
 * @returns {Promise<import('esbuild').Metafile>} with paths relative to the project's folder
 */
export async function bundleJobWorker(folder) {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['mirror-job/workflow/index.ts'],
    outfile: join(folder, 'index.js'),
    bundle: true,
    format: 'esm',
    target: 'es2024',
    // These are the conditions of wrangler.
    conditions: ['workerd', 'worker', 'browser'],
    // The runtime has these modules itself.
    external: ['node:*', 'cloudflare:*'],
    minifyWhitespace: true,
    minifySyntax: true,
    lineLimit: 120,
    tsconfigRaw: {},
    metafile: true,
    logLevel: 'warning',
  });
  return metafile;
}
