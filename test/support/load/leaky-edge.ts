/** Changes a built edge so that it leaks, to show that a soak would see a leak. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const EXPORT = /export\{(\w+) as default\};\s*$/;

/**
 * Each request leaves 32 KiB. Each fiftieth leaves a connection to the store as well, for half a minute.
 * @param folder as `buildOwnEdge` has filled it
 */
export async function plantLeaks(folder: string): Promise<void> {
  const file = join(folder, 'index.js');
  const bundle = await readFile(file, 'utf8');
  const [, edge] = EXPORT.exec(bundle) ?? [];
  if (edge === undefined) throw new Error('The bundle of the edge ends in another way.');
  const leaks = `import { connect } from 'cloudflare:sockets';
const kept = [];
export default {
  async fetch(request, variables, context) {
    kept.push(new Uint8Array(32 * 1024).fill(1));
    if (kept.length % 50 === 0) {
      kept.push(connect(new URL(variables.S3_ENDPOINT).host));
      // A connection ends with its request, so the request has to go on.
      context.waitUntil(scheduler.wait(60_000));
    }
    return ${edge}.fetch(request, variables, context);
  },
};
`;
  await writeFile(file, bundle.replace(EXPORT, '') + leaks);
}
