#!/usr/bin/env node
/**
 * The file that `lifeboat` starts. It is JavaScript that every version of Node reads, so that a Node which is too old for
 * the job says so instead of printing a stack trace.
 */
import { readdirSync, statSync } from 'node:fs';
// The whole module, because an older Node refuses to import by name what it does not have.
import module from 'node:module';
import { fileURLToPath } from 'node:url';
import { isNewEnough, readsTypeScript } from './runtime/node/node-version.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BUNDLE = `${ROOT}dist/job/main.cjs`;

const isBundled = isBundleCurrent();

if (!isNewEnough() || !(isBundled || readsTypeScript())) {
  const { sayTooOld } = await import('./runtime/node/project-node.js');
  sayTooOld('lifeboat', ROOT, 'mirror-job/lifeboat.js');
  process.exitCode = 2;
} else {
  nameItself();
  // In a folder of the project's own, because in /tmp another user could leave code there for V8 to run. Where this user may
  // not write, there is no cache.
  module.enableCompileCache?.(`${ROOT}dist/cache`);
  if (isBundled) module.createRequire(BUNDLE)(BUNDLE);
  else await import('./start.ts');
}

/** If npx has unpacked a packed file, messages quote the file that it runs: "npx lifeboat" may be somebody else's package. */
function nameItself() {
  const [, script = ''] = process.argv;
  if (!isClone() && /[/\\]_npx[/\\]/.test(script)) process.env.LIFEBOAT_COMMAND ||= script;
}

/** Whether the sources are here. The package and the image have the bundle alone. */
function isClone() {
  return timeOf(`${ROOT}mirror-job/start.ts`) !== undefined;
}

/** Whether `npm ci` has left a bundle, and no source file is newer: a person who edits a file runs that file. */
function isBundleCurrent() {
  const built = timeOf(BUNDLE);
  if (built === undefined) return false;
  if (!isClone()) return true;
  return (
    (timeOf(`${ROOT}package-lock.json`) ?? 0) <= built &&
    ['core', 'mirror-job'].every((folder) => newestIn(`${ROOT}${folder}`) <= built)
  );
}

/** The time of the newest source file in a folder. Node's own `recursive: true` takes four times as long. */
function newestIn(folder) {
  const times = readdirSync(folder, { withFileTypes: true }).map((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return newestIn(path);
    return /\.[jt]s$/.test(entry.name) ? (timeOf(path) ?? 0) : 0;
  });
  return Math.max(0, ...times);
}

/** Milliseconds since 1970; undefined for a missing file. */
function timeOf(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}
