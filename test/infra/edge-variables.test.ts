import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string) => readFile(join(ROOT, file), 'utf8');

test('docs/edge.md names every variable that the Worker reads', async () => {
  const [documentation, configuration, stores] = await Promise.all(
    [
      'docs/edge.md',
      'worker/configuration/configuration.ts',
      'worker/configuration/store-configuration.ts',
    ].map((file) => read(file)),
  );
  const named = [...(configuration ?? '').matchAll(/variables, '([A-Z_]+)'/g)].map(([, name = '']) => name);
  const [, list = ''] = /const FIELDS = \[([^\]]+)\]/.exec(stores ?? '') ?? [];
  const fields = [...list.matchAll(/'([A-Z_]+)'/g)].map(([, field = '']) => `S3_${field}`);
  const all = [...new Set([...named, ...fields, 'PUBLIC_URL'])];
  expect(all.length).toBeGreaterThan(15);
  expect(all.filter((name) => !(documentation ?? '').includes(`\`${name}\``))).toEqual([]);
});
