#!/usr/bin/env node
/**
 * The file that `lifeboat` starts. It is JavaScript that every version of Node reads, so that a Node which is too old for
 * the job says so instead of printing a stack trace.
 */
import { readdirSync, statSync } from 'node:fs';
// The whole module, because an older Node refuses to import by name what it does not have.
import module from 'node:module';
import { fileURLToPath } from 'node:url';
import { isNewEnough } from './runtime/node/node-version.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BUNDLE = `${ROOT}dist/job/main.cjs`;

if (!isNewEnough()) {
  const { sayTooOld } = await import('./runtime/node/project-node.js');
  sayTooOld('lifeboat', ROOT, 'mirror-job/lifeboat.js');
  process.exitCode = 2;
} else if (isBundleCurrent()) {
  module.createRequire(BUNDLE)(BUNDLE);
} else {
  module.enableCompileCache?.();
  await import('./start.ts');
}

/** Whether `npm ci` has left a bundle, and no source file is newer: a person who edits a file runs that file. */
function isBundleCurrent() {
  const built = timeOf(BUNDLE);
  if (built === undefined) return false;
  // A container has the bundle alone.
  if (timeOf(`${ROOT}mirror-job/start.ts`) === undefined) return true;
  const sources = ['core', 'mirror-job'].flatMap((folder) =>
    readdirSync(`${ROOT}${folder}`, { encoding: 'utf8', recursive: true })
      .filter((file) => /\.[jt]s$/.test(file))
      .map((file) => `${folder}/${file}`),
  );
  return [...sources, 'package-lock.json'].every((file) => (timeOf(`${ROOT}${file}`) ?? 0) <= built);
}

/** Milliseconds since 1970; undefined for a missing file. */
function timeOf(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}
