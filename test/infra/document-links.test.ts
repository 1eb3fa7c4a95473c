/** Tests that each link between the pages leads to a file, and to a heading in it, as GitHub names headings. */
import { existsSync } from 'node:fs';
import { glob, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { beforeAll, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const BLOCK = /^ *```.*?^ *```$/gms;

const pages = new Map<string, string>();

beforeAll(async () => {
  for await (const file of glob(['*.md', 'docs/**/*.md', 'infra/**/*.md'], { cwd: ROOT })) {
    // A block of code has neither links nor headings.
    pages.set(resolve(ROOT, file), (await readFile(join(ROOT, file), 'utf8')).replaceAll(BLOCK, ''));
  }
});

/** The anchor of a heading: its letters, digits, hyphens and underscores, in lower case, with a hyphen for each space. */
function anchorOf(heading: string): string {
  const words = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
  return words.replaceAll(/[^\p{L}\p{N}_\- ]/gu, '').replaceAll(' ', '-');
}

function anchorsOf(page: string): readonly string[] {
  return [...page.matchAll(/^#{1,6} (.*)$/gm)].map(([, heading = '']) => anchorOf(heading.trim()));
}

/** @returns the links of a page within the project: the file, and the heading or nothing */
function linksOf(file: string, page: string): readonly (readonly [file: string, heading: string])[] {
  return [...page.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = '']) => link)
    .filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => {
      const [path = '', heading = ''] = link.split('#', 2);
      return [path === '' ? file : resolve(dirname(file), path), heading] as const;
    });
}

test('each link leads to a file', () => {
  const links = [...pages].flatMap(([file, page]) => linksOf(file, page).map(([to]) => `${file}: ${to}`));
  expect(links.length).toBeGreaterThan(300);
  expect(links.filter((link) => !existsSync(link.split(': ')[1] ?? ''))).toEqual([]);
});

test('each link to a part of a page leads to a heading', () => {
  const links = [...pages].flatMap(([file, page]) =>
    linksOf(file, page)
      .filter(([to, heading]) => heading !== '' && pages.has(to))
      .map(([to, heading]) => ({ file, to, heading })),
  );
  expect(links.length).toBeGreaterThan(100);
  expect(links.filter(({ to, heading }) => !anchorsOf(pages.get(to) ?? '').includes(heading))).toEqual([]);
});
