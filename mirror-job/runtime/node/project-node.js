/**
 * Finds the Node that `npm ci` has installed with the project. An older Node has to read this file, because it is the
 * one that looks for the newer.
 */
import { existsSync, readFileSync } from 'node:fs';

/**
 * @param {string} root the project's folder, with a slash at its end
 * @returns {string | undefined} the program's path; undefined if no package fits, or if none is installed
 */
export function findProjectNode(root) {
  for (const name of Object.keys(readJson(`${root}package.json`).optionalDependencies || {})) {
    const folder = `${root}node_modules/${name}/`;
    if (!existsSync(`${folder}package.json`)) continue;
    const { os, cpu, bin } = readJson(`${folder}package.json`);
    if (os === process.platform && cpu === process.arch) return `${folder}${bin.node}`;
  }
  return undefined;
}

/** @param {string} file */
function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/**
 * Says on standard error that this Node is too old, and what to do.
 * @param {string} program the name of the program that was started
 * @param {string} root the project's folder, with a slash at its end
 * @param {string} file the file that starts the program, relative to `root`
 */
export function sayTooOld(program, root, file) {
  const node = findProjectNode(root);
  // The package of the job has no Node of its own.
  const isClone = 'optionalDependencies' in readJson(`${root}package.json`);
  const next = !isClone
    ? 'Install such a Node.'
    : node === undefined
      ? `Install such a Node, or run "npm ci" in ${root}, which installs one there on Linux (with glibc), macOS and Windows.`
      : `Start it by the Node that "npm ci" has installed with the project: ${node} ${root}${file}`;
  process.stderr.write(
    `${program}: this is Node ${process.versions.node}, but 22.21, or 24.5 or newer, is needed. ${next}\n`,
  );
}
