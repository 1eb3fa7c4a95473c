/** SECURITY.md and docs/operations.md name for each claim the test that shows it, so those tests have to exist. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

interface Row {
  /** The first cell. */
  readonly claim: string;
  readonly shownBy: string;
}

/** Returns the rows of all tables whose last column is headed "shown by". */
function claimsIn(text: string): Row[] {
  const rows: Row[] = [];
  let isClaims = false;
  for (const line of text.split('\n')) {
    const cells = line.startsWith('|') ? line.split('|').slice(1, -1) : [];
    const claim = cells.at(0)?.trim();
    const shownBy = cells.at(-1)?.trim();
    if (claim === undefined || shownBy === undefined) isClaims = false;
    else if (shownBy === 'shown by') isClaims = true;
    else if (isClaims && !claim.startsWith('---')) rows.push({ claim, shownBy });
  }
  return rows;
}

/** Returns the titles of a test file, as its source has them between quotes. */
async function titlesIn(file: string): Promise<readonly string[]> {
  const text = await readFile(join(ROOT, file), 'utf8').catch(() => '');
  return [...text.matchAll(/^(?:[^'`"\n]*\(|\s*)(['`"])(.+?)\1(?:,|\))/gm)].map(([, , title = '']) => title);
}

async function missingIn(rows: readonly Row[]): Promise<string[]> {
  const missing: string[] = [];
  for (const { claim, shownBy } of rows) {
    const [, file = '', title = ''] = /^`(test\/[\w./-]+\.test\.ts)`: "([^"]+)"$/.exec(shownBy) ?? [];
    if (!(await titlesIn(file)).includes(title)) missing.push(`${claim}: ${shownBy}`);
  }
  return missing;
}

test.each([
  ['SECURITY.md', 30],
  ['docs/operations.md', 15],
])('each row of %s is shown by a test of that name', async (file, atLeast) => {
  const rows = claimsIn(await readFile(join(ROOT, file), 'utf8'));
  expect(rows.length).toBeGreaterThan(atLeast);
  expect(await missingIn(rows)).toEqual([]);
});

test('a row without a test, with a missing file or with another title is found', async () => {
  const own = 'test/infra/shown-by.test.ts';
  const table = [
    '| limit | shown by |',
    '| --- | --- |',
    `| a | \`${own}\`: "each row of %s is shown by a test of that name" |`,
    '| b | see above |',
    '| c | `test/none.test.ts`: "each row" |',
    `| d | \`${own}\`: "each row" |`,
    '',
    '| other | table |',
    '| --- | --- |',
    '| e | f |',
  ];
  const missing = await missingIn(claimsIn(table.join('\n')));
  expect(missing.map((line) => line.slice(0, 1))).toEqual(['b', 'c', 'd']);
});
