/** SECURITY.md names for each limit the test that shows it, so those tests have to exist. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

interface Row {
  readonly limit: string;
  readonly shownBy: string;
}

/** Returns the rows of all tables whose second column is headed "shown by". */
function limitsIn(text: string): Row[] {
  const rows: Row[] = [];
  let isLimits = false;
  for (const line of text.split('\n')) {
    const [, limit, shownBy] = /^\|\s*(.*?)\s*\|\s*(.*?)\s*\|$/.exec(line) ?? [];
    if (limit === undefined || shownBy === undefined) isLimits = false;
    else if (shownBy === 'shown by') isLimits = true;
    else if (isLimits && !limit.startsWith('---')) rows.push({ limit, shownBy });
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
  for (const { limit, shownBy } of rows) {
    const [, file = '', title = ''] = /^`(test\/[\w./-]+\.test\.ts)`: "([^"]+)"$/.exec(shownBy) ?? [];
    if (!(await titlesIn(file)).includes(title)) missing.push(`${limit}: ${shownBy}`);
  }
  return missing;
}

test('each limit that SECURITY.md states is shown by a test of that name', async () => {
  const rows = limitsIn(await readFile(join(ROOT, 'SECURITY.md'), 'utf8'));
  expect(rows.length).toBeGreaterThan(30);
  expect(await missingIn(rows)).toEqual([]);
});

test('a limit without a test, with a missing file or with another title is found', async () => {
  const own = 'test/infra/threat-model.test.ts';
  const table = [
    '| limit | shown by |',
    '| --- | --- |',
    `| a | \`${own}\`: "each limit that SECURITY.md states is shown by a test of that name" |`,
    '| b | see above |',
    '| c | `test/none.test.ts`: "each limit" |',
    `| d | \`${own}\`: "each limit" |`,
    '',
    '| other | table |',
    '| --- | --- |',
    '| e | f |',
  ];
  const missing = await missingIn(limitsIn(table.join('\n')));
  expect(missing.map((line) => line.slice(0, 1))).toEqual(['b', 'c', 'd']);
});
