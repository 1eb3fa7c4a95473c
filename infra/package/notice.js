/** Writes the NOTICE: the licences of the packages that are in the bundles. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The files in which packages keep their licences. */
const LICENCE_FILE = /^(?:licen[cs]e|copying|notice)(?:[.-]|$)/i;
/** The texts for packages that name their licence and bring no text of it, by the SPDX identifier. */
const TEXTS = {
  'Apache-2.0': new URL('../../LICENSE', import.meta.url),
  Unlicense: new URL('licences/Unlicense.txt', import.meta.url),
};
const LINE = '-'.repeat(80);

/**
 * @param {readonly import('./bundled-packages.js').BundledPackage[]} packages
 * @param {string} root the project's folder
 * @returns {string} each different text once, below the names of its packages
 * @throws {Error} if the text of a package's licence is not known
 */
export function noticeOf(packages, root) {
  /** @type {Map<string, string[]>} */
  const packagesByText = new Map();
  for (const one of packages) {
    const text = textOf(one, root);
    const names = packagesByText.get(text) ?? [];
    packagesByText.set(text, [...names, `${one.name} ${one.version} (${one.license})`]);
  }
  const parts = [...packagesByText].map(([text, names]) => `${LINE}\n${names.join('\n')}\n\n${text}\n`);
  return `Lifeboat contains the following packages, under the licences below their names.\n\n${parts.join('\n')}`;
}

/**
 * @param {import('./bundled-packages.js').BundledPackage} one
 * @param {string} root
 */
function textOf({ name, version, license, folder }, root) {
  const files = readdirSync(join(root, folder)).filter((file) => LICENCE_FILE.test(file));
  const texts = files.toSorted().map((file) => readFileSync(join(root, folder, file), 'utf8').trim());
  if (texts.length > 0) return texts.join('\n\n');
  const known = Object.entries(TEXTS).find(([identifier]) => identifier === license);
  if (known === undefined) {
    throw new Error(
      `${name} ${version} is in the bundle, and brings no text of its licence (${license}). Add the text to infra/package/licences/, and a line to TEXTS in infra/package/notice.js.`,
    );
  }
  return readFileSync(fileURLToPath(known[1]), 'utf8').trim();
}
