/** Bundles the two Workers, so that the package can deploy them without a clone. */
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The source of each Worker, by its file in the package. */
const WORKERS = {
  'dist/edge/index.js': 'worker/index.ts',
  'dist/job-worker/index.js': 'mirror-job/workflow/index.ts',
};

/**
 * @param {string} folder the folder of the package
 * @returns {Promise<import('esbuild').Metafile[]>}
 */
export async function bundleWorkers(folder) {
  const results = await Promise.all(
    Object.entries(WORKERS).map(([file, source]) =>
      build({
        absWorkingDir: ROOT,
        entryPoints: [source],
        outfile: `${folder}/${file}`,
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
      }),
    ),
  );
  return results.map(({ metafile }) => metafile);
}
