/** Says which packages are in a bundle, because their licences ask to be named beside it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * @typedef {object} BundledPackage
 * @property {string} name
 * @property {string} version
 * @property {string} license the SPDX expression of its package.json
 * @property {string} folder relative to the project
 */

/**
 * @param {import('esbuild').Metafile} metafile with paths relative to `root`
 * @param {string} root the project's folder
 * @returns {BundledPackage[]} sorted by folder. A package of which esbuild left out everything is not among them
 */
export function packagesOf(metafile, root) {
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  const folders = inputs.flatMap(([path, { bytesInOutput }]) => {
    const [, folder] = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path) ?? [];
    return folder === undefined || bytesInOutput === 0 ? [] : [folder];
  });
  return [...new Set(folders)].toSorted().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    return { name, version, license, folder };
  });
}

/**
 * @param {readonly BundledPackage[]} packages the packages of several bundles
 * @returns {BundledPackage[]} each version once, by name and version
 */
export function distinctPackages(packages) {
  const byName = new Map(packages.map((one) => [`${one.name}@${one.version}`, one]));
  return [...byName].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}
