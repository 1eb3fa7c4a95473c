#!/usr/bin/env node
// What `lifeboat` starts: JavaScript that every version of Node reads, so that one which is too old for the job says so
// instead of printing a stack trace.
// The whole module: an older Node refuses to import by name what it does not have.
import module from 'node:module';
import { fileURLToPath } from 'node:url';
import { startBundle } from './bundled.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

// Not by import, which would read all that it exports: node/builtin.ts. Node that is too old has no such function.
const fs = process.getBuiltinModule?.('node:fs');

if (isNewEnough()) {
  if (isBuilt()) {
    startBundle(`${ROOT}dist/job`);
  } else {
    // Compiled once: later runs begin earlier.
    module.enableCompileCache?.();
    await import('./main.ts');
  }
} else {
  process.stderr.write(
    `lifeboat: this is Node ${process.versions.node}, but the job needs 22.21, or 24.5 or newer. ${await whereNodeIs()}\n`,
  );
  process.exitCode = 2;
}

/** TypeScript without a flag, and an HTTP client that knows proxies: an older one would pass them by and say nothing. */
function isNewEnough() {
  if (!process.features.typescript) return false;
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major === 22 ? minor >= 21 : major === 24 ? minor >= 5 : major > 24;
}

/** What to do next, as a sentence. The Node of the project is a package of its own, and no install script makes it. */
async function whereNodeIs() {
  const { existsSync } = await import('node:fs');
  const node = `${ROOT}node_modules/.bin/node`;
  return existsSync(node)
    ? `Start it by the Node that "npm ci" has installed with the project: ${node} ${ROOT}mirror-job/lifeboat.js`
    : `Install such a Node, or run "npm ci" in ${ROOT}, which installs one there on Linux (with glibc), macOS and Windows.`;
}

/** Whether `npm ci` has left a bundle, and nothing was changed since: somebody who edits a file runs that file. */
function isBuilt() {
  const built = timeOf(`${ROOT}dist/job/main.cjs`);
  if (built === undefined) return false;
  return ['mirror-job', 'core', 'package-lock.json'].every((source) => newestIn(`${ROOT}${source}`) <= built);
}

/** @returns 0 for what is not there: a container may have the bundle alone */
function newestIn(path) {
  const found = fs.statSync(path, { throwIfNoEntry: false });
  if (found === undefined || !found.isDirectory()) return found?.mtimeMs ?? 0;
  const times = fs.readdirSync(path, { withFileTypes: true }).map((entry) => {
    const inside = `${path}/${entry.name}`;
    if (entry.isDirectory()) return newestIn(inside);
    return /\.[jt]s$/.test(entry.name) ? (timeOf(inside) ?? 0) : 0;
  });
  return Math.max(0, ...times);
}

/** Milliseconds since 1970; undefined for what is not there. */
function timeOf(path) {
  return fs.statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}
