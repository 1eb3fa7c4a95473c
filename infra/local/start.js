/**
 * `npm start` runs this. It is JavaScript that every version of Node reads, so that a Node that is too old is named.
 */
import { fileURLToPath } from 'node:url';
import { isNewEnough } from '../../mirror-job/node-version.js';
import { sayTooOld } from '../../mirror-job/project-node.js';

if (isNewEnough()) {
  await import('./start.ts');
} else {
  sayTooOld('npm start', fileURLToPath(new URL('../..', import.meta.url)), 'infra/local/start.js');
  process.exitCode = 2;
}
