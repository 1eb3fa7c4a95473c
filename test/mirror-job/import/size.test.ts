/**
 * Counts how often the import checks the entries of a file of the largest size in use. A limit on the time would depend
 * on the machine.
 */
import { afterAll, beforeEach, expect, test, vi } from 'vitest';
import { acceptImages, acceptUpstreams } from '../../../mirror-job/import/accept.ts';
import { compose } from '../../../mirror-job/import/compose.ts';
import { ForeignFile } from '../../../mirror-job/import/foreign-file.ts';
import { readRegsync } from '../../../mirror-job/import/regsync.ts';

// Test files share their modules, so this file resets them, and imports modules that use its mock.
vi.hoisted(() => vi.resetModules());
afterAll(() => {
  vi.doUnmock('../../../mirror-job/configuration/parse.ts');
  vi.resetModules();
});

const work = vi.hoisted(() => ({ rounds: 0, characters: 0 }));

vi.mock('../../../mirror-job/configuration/parse.ts', async (original) => {
  const actual = await original<typeof import('../../../mirror-job/configuration/parse.ts')>();
  return {
    ...actual,
    parseConfiguration: (...args: Parameters<typeof actual.parseConfiguration>) => {
      work.rounds += 1;
      work.characters += args[1].length;
      return actual.parseConfiguration(...args);
    },
  };
});

beforeEach(() => {
  work.rounds = 0;
  work.characters = 0;
});

const TARGETS = ['docker.io/rancher', 'registry.suse.com/rancher', 'stgregistry.suse.com/rancher'];

/** Makes entries as rancher generates them: one image per tag, each copied to three registries. */
function entriesOf(images: number): string[] {
  return TARGETS.flatMap((target) =>
    Array.from({ length: images }, (_, index) => {
      const name = `org/app-${index % 300}:v1.${index}`;
      return `- source: ${name}\n  target: ${target}/mirrored-${name}\n  type: image\n`;
    }),
  );
}

function draftOf(entries: readonly string[]) {
  return readRegsync(new ForeignFile('regsync.yaml', `version: 1\nsync:\n${entries.join('')}`));
}

test('7,500 entries, 2,500 of them different, take one round, because they are checked together', () => {
  const draft = draftOf(entriesOf(2500));
  expect(draft.images).toHaveLength(7500);
  const { text, images } = compose(draft);
  expect([images, draft.losses]).toEqual([2500, []]);
  expect(text?.match(/^ {2}- org/gm)).toHaveLength(2500);
  expect(text).toContain(
    '  # regsync.yaml:3: sync[0], copied to docker.io/rancher/mirrored-org/app-0:v1.0; also line 7503, copied to registry.suse.com/rancher/mirrored-org/app-0:v1.0; also line 15003, copied to stgregistry.suse.com/rancher/mirrored-org/app-0:v1.0\n  - org/app-0:v1.0\n',
  );
  expect(work.rounds).toBe(1);
});

test('entries with mistakes of every kind take one round per kind, and not one per entry', () => {
  const wrong = Array.from({ length: 500 }, (_, index) =>
    [
      `- { source: 'org/Upper-${index}:1', target: t, type: image }\n`,
      `- { source: 'org/plat-${index}:1', target: t, type: image, platforms: [nonsense] }\n`,
      `- { source: 'org/\${X${index}}:1', target: t, type: image }\n`,
      `- { source: 'org/re-${index}', target: t, tags: { allow: ['('] } }\n`,
      `- { source: 'ocidir://one-${index}:v1', target: 'r.io/a-${index}:v1', type: image }\n`,
      `- { source: 'ocidir://two-${index}:v1', target: 'r.io/a-${index}:v1', type: image }\n`,
    ].join(''),
  );
  const draft = draftOf([...entriesOf(1000), ...wrong]);
  const images = acceptImages(draft, acceptUpstreams(draft));
  expect(images).toHaveLength(2000);
  expect(draft.losses).toHaveLength(2500);
  expect(work.rounds).toBeLessThanOrEqual(6);
  const once = JSON.stringify(draft.images.map(({ value }) => value)).length;
  expect(work.characters).toBeLessThan(6 * once);
});
