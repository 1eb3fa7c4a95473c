#!/usr/bin/env node
// What `lifeboat` starts: JavaScript that every version of Node reads, so that one which is too old for the job says so
// instead of printing a stack trace.
import { readdirSync, statSync } from 'node:fs';
// The whole module: an older Node refuses to import by name what it does not have.
import module from 'node:module';

if (process.features.typescript) {
  // Compiled once: later runs begin earlier.
  module.enableCompileCache?.();
  // Two imports, each of a name that can be read here: what this file starts is seen by a search.
  if (isBuilt()) await import('../dist/job/main.js');
  else await import('./main.ts');
} else {
  process.stderr.write(
    `lifeboat: this is Node ${process.versions.node}, and 22.18 or newer is needed. In the project's folder "npx lifeboat" runs the Node that "npm ci" has installed there.\n`,
  );
  process.exitCode = 2;
}

/** Whether `npm ci` has left a bundle, and nothing was changed since: somebody who edits a file runs that file. */
function isBuilt() {
  const built = timeOf(new URL('../dist/job/main.js', import.meta.url));
  if (built === undefined) return false;
  return ['../mirror-job/', '../core/', '../package-lock.json'].every((source) => {
    const time = newestIn(new URL(source, import.meta.url));
    return time === undefined || time <= built;
  });
}

/** @returns undefined for what is not there: a container may have the bundle alone */
function newestIn(url) {
  const time = timeOf(url);
  if (time === undefined || !url.pathname.endsWith('/')) return time;
  const names = readdirSync(url, { recursive: true }).filter((name) => /\.[jt]s$/.test(name));
  return Math.max(...names.map((name) => timeOf(new URL(name, url)) ?? 0));
}

/** Milliseconds since 1970; undefined for what is not there. */
function timeOf(url) {
  return statSync(url, { throwIfNoEntry: false })?.mtimeMs;
}
