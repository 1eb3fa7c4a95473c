/** Tests that docs/status.md and docs/feed.md name everything that the answers have, and that their examples are valid. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string) => readFile(join(ROOT, file), 'utf8');

function fieldsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(fieldsOf);
  if (typeof value !== 'object' || value === null) return [];
  const entries = Object.entries(value);
  // The results have a table of their own.
  const inner = entries.filter(([name]) => name !== 'counts').flatMap(([, field]) => fieldsOf(field));
  return [...entries.map(([name]) => name), ...inner];
}

function blocksOf(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))].map(
    ([, block = '']) => block,
  );
}

test('each field of /status.json is documented', async () => {
  const [text, golden] = await Promise.all([
    read('docs/status.md'),
    read('test/worker/monitoring/golden/status.json'),
  ]);
  const fields = new Set(fieldsOf(JSON.parse(golden)));
  expect(fields.size).toBeGreaterThan(40);
  expect([...fields].filter((field) => !text.includes(`\`${field}\``))).toEqual([]);
});

test('each metric of the edge is documented', async () => {
  const [text, golden] = await Promise.all([
    Promise.all(['docs/status.md', 'docs/reports.md'].map((file) => read(file))),
    read('test/worker/monitoring/golden/metrics.txt'),
  ]);
  const names = [...golden.matchAll(/^# TYPE (\w+)/gm)].map(([, name = '']) => name);
  expect(names.length).toBeGreaterThan(20);
  expect(names.filter((name) => !text.join('').includes(`\`${name}\``))).toEqual([]);
});

test('the examples can be pasted', async () => {
  const [status, feed] = await Promise.all([read('docs/status.md'), read('docs/feed.md')]);
  const [answer, renovate] = blocksOf(feed, 'json').map((block): unknown => JSON.parse(block));
  expect(answer).toHaveProperty('releases');
  expect(renovate).toMatchObject({
    customDatasources: { lifeboat: {} },
    packageRules: [{ overrideDatasource: 'custom.lifeboat' }, { minimumReleaseAge: '3 days' }],
  });
  expect(blocksOf(status, 'yaml').map((block) => typeof parse(block))).toEqual(['object', 'object']);
});
