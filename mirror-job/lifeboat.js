#!/usr/bin/env node
// What `lifeboat` starts: JavaScript that every version of Node reads, so that one which is too old for the job says so
// instead of printing a stack trace.
// The whole module: an older Node refuses to import by name what it does not have.
import module from 'node:module';
import { fileURLToPath } from 'node:url';
import { startBundle } from './runtime/node/bundled.js';
import { isNewEnough } from './runtime/node/node-version.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

// Not by import, which would read all that it exports: runtime/node/builtin.ts. Node that is too old has no such function.
const fs = process.getBuiltinModule?.('node:fs');

if (isNewEnough()) {
  if (isBuilt()) {
    startBundle(`${ROOT}dist/job`);
  } else {
    // Compiled once: later runs begin earlier.
    module.enableCompileCache?.();
    await import('./start.ts');
  }
} else {
  // Only now: it reads files, which the others need not wait for.
  const { sayTooOld } = await import('./runtime/node/project-node.js');
  sayTooOld('lifeboat', ROOT, 'mirror-job/lifeboat.js');
  process.exitCode = 2;
}

/** Whether `npm ci` has left a bundle, and nothing was changed since: somebody who edits a file runs that file. */
function isBuilt() {
  const built = timeOf(`${ROOT}dist/job/main.cjs`);
  if (built === undefined) return false;
  // A container has the bundle alone, and files in it have the times of the clone that it was built from.
  if (timeOf(`${ROOT}mirror-job/start.ts`) === undefined) return true;
  return ['mirror-job', 'core', 'package-lock.json'].every((source) => newestIn(`${ROOT}${source}`) <= built);
}

/** @returns 0 for a missing file */
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
