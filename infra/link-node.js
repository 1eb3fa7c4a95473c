/**
 * `npm ci` runs this before the build. It puts the project's Node into node_modules/.bin, where npm's scripts, `npx`
 * and the schedules of infra/ look for it. npm 11 makes this link by itself. Older versions make it, and remove it
 * again when they remove the packages for other platforms, because those have a program of the same name.
 */
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProjectNode } from '../mirror-job/runtime/node/project-node.js';

const [, , ROOT = fileURLToPath(new URL('..', import.meta.url))] = process.argv;
const bin = `${ROOT}node_modules/.bin`;
const node = findProjectNode(ROOT);

if (node !== undefined && !existsSync(`${bin}/node`)) {
  mkdirSync(bin, { recursive: true });
  const target = relative(bin, node);
  if (process.platform === 'win32') {
    writeFileSync(`${bin}\\node.cmd`, `@"%~dp0\\${target.split('/').join(sep)}" %*\r\n`);
  } else {
    // `existsSync` does not see a link that leads nowhere, but such a link is still in the way.
    rmSync(`${bin}/node`, { force: true });
    symlinkSync(target, `${bin}/node`);
  }
}
