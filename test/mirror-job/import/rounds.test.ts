/** Tests that the rounds in which entries are checked end, whatever the rules say. */
import { afterAll, expect, test, vi } from 'vitest';
import { ConfigurationError } from '../../../mirror-job/configuration/configuration-error.ts';
import { acceptImages } from '../../../mirror-job/import/accept.ts';
import { ForeignFile } from '../../../mirror-job/import/foreign-file.ts';
import { readRegsync } from '../../../mirror-job/import/regsync.ts';

// Test files share their modules, so this file resets them, and imports modules that use its mock.
vi.hoisted(() => vi.resetModules());
afterAll(() => {
  vi.doUnmock('../../../mirror-job/configuration/parse.ts');
  vi.resetModules();
});

// The mock gives a conflict of the first entry with a later one, but none of the later entry. No real rule does this
// today.
vi.mock('../../../mirror-job/configuration/parse.ts', () => ({
  parseConfiguration: (file: string) => {
    const problem = { line: 2, key: 'images[0]', message: 'it is at odds with line 3.', other: 1 };
    throw new ConfigurationError(file, [problem]);
  },
}));

test('a round that changes nothing is the last one, and the remaining entries are lost', () => {
  const text = 'sync:\n- { source: a.b/c:1, type: image }\n- { source: a.b/d:1, type: image }\n';
  const draft = readRegsync(new ForeignFile('regsync.yml', text));
  expect(acceptImages(draft, {})).toEqual([]);
  expect(draft.losses).toEqual([
    'regsync.yml:2: sync[0]: it is at odds with line 3.',
    'regsync.yml:3: sync[1]: it cannot be checked beside the others, for which no reason is known. Please report it.',
  ]);
});
