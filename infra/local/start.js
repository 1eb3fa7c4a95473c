/**
 * `npm start` runs this. It is JavaScript that every version of Node reads, so that an old Node gets a message about
 * its age.
 */
import { fileURLToPath } from 'node:url';
import { isNewEnough, readsTypeScript } from '../../mirror-job/runtime/node/node-version.js';
import { sayTooOld } from '../../mirror-job/runtime/node/project-node.js';

if (isNewEnough() && readsTypeScript()) {
  await import('./start.ts');
} else {
  sayTooOld('npm start', fileURLToPath(new URL('../..', import.meta.url)), 'infra/local/start.js');
  process.exitCode = 2;
}
