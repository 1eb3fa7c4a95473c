/** Which records of a history were carried out, newest first, whatever other records lie among them. */
import { expect, test } from 'vitest';
import { encodeMovement } from '../../../../core/history.ts';
import { historyKey } from '../../../../core/layout.ts';
import { parseTag } from '../../../../core/reference.ts';
import { parseDigest, type Digest } from '../../../../core/digest.ts';
import { encodeTag } from '../../../../core/tag-object.ts';
import { readMovements } from '../../../../mirror-job/engine/tags/movement-log.ts';
import { OCI_MANIFEST } from '../../../support/media-types.ts';
import { digestOf } from '../../../support/content.ts';
import { environmentFor } from '../../support/harness.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { TAG_KEY, TagFixture } from './tag-fixture.ts';

const { repository, tag } = new TagFixture();
const DAY = Date.parse('2026-01-01T00:00:00.000Z');

function digest(name: string): Digest {
  return parseDigest(digestOf(Buffer.from(name)));
}

/**
 * A history by its intents, a second after each other, and the tag's digest.
 * @param intents such as `a>b`, or `>a` for the first one. `?` is a record that cannot be read
 */
async function bucketOf(intents: readonly string[], stands: string): Promise<MemoryStore> {
  const store = new MemoryStore();
  for (const [index, intent] of intents.entries()) {
    const at = new Date(DAY + index * 1000);
    const [from = '', to = ''] = intent.split('>');
    const bytes =
      intent === '?'
        ? Buffer.from('{}')
        : encodeMovement({
            from: from === '' ? undefined : digest(from),
            to: digest(to),
            at: at.toISOString(),
            run: `run-${index}`,
            why: intent,
          });
    await store.put(historyKey(repository, tag, at, `run-${index}`), bytes, {
      contentType: 'application/json',
    });
  }
  if (stands !== '') {
    const bytes = encodeTag({
      mediaType: OCI_MANIFEST,
      digest: digest(stands),
      bytes: new Uint8Array(),
      moved: new Date(DAY + 1000).toISOString(),
      run: 'run',
    });
    await store.put(TAG_KEY, bytes, { contentType: 'application/json' });
  }
  return store;
}

test.each([
  ['all of them', ['>a', 'a>b', 'b>c'], 'c', ['b>c', 'a>b', '>a']],
  ['a run that died before the tag moved', ['>a', 'a>b', 'b>c'], 'b', ['a>b', '>a']],
  ['a run that died, and a run after it that went elsewhere', ['>a', 'a>b', 'a>c'], 'c', ['a>c', '>a']],
  ['two runs at once, the earlier one won', ['>a', 'a>b', 'a>c'], 'b', ['a>b', '>a']],
  ['two runs at once, to one digest: it moved once', ['>a', 'a>b', 'a>b'], 'b', ['a>b', '>a']],
  ['there and back', ['>a', 'a>b', 'b>a', 'a>b'], 'b', ['a>b', 'b>a', 'a>b', '>a']],
  ['before a record that cannot be read', ['>a', 'a>b', '?', 'c>d'], 'd', ['c>d', '>a']],
  [
    'a record that cannot be read hides no more than one',
    ['>a', 'a>b', 'b>c', '?', 'd>e'],
    'e',
    ['d>e', 'a>b', '>a'],
  ],
  ['no tag', ['>a'], '', []],
  ['no tag any more', ['>a', 'a>b'], '', ['>a']],
  ['a hold that was carried out', ['>a', 'a>a'], 'a', ['a>a', '>a']],
  ['a hold that was not carried out', ['>a', '?', 'a>a'], 'a', ['>a']],
])('readMovements tells which movements were carried out: %s', async (_, intents, stands, expected) => {
  const store = await bucketOf(intents, stands);
  const environment = environmentFor(store);
  const movements = await readMovements(environment, repository, tag, 20);
  expect(movements.map(({ why }) => why)).toEqual(intents.filter((intent) => intent !== '?').toReversed());
  expect(movements.filter(({ isCarriedOut }) => isCarriedOut).map(({ why }) => why)).toEqual(expected);
  const warnings = environment.logged.filter((line) => line.endsWith('It is left out.'));
  expect(warnings).toHaveLength(intents.filter((intent) => intent === '?').length);
});

test('only the newest records are read, of one tag or of all, by their time and not by their tag’s name', async () => {
  const store = await bucketOf(['>a', 'a>b', 'b>c'], 'c');
  const early = new Date(DAY - 1000);
  const late = new Date(DAY + 1500);
  for (const [name, at] of [
    ['zzz', early],
    ['aaa', late],
  ] as const) {
    const movement = { from: undefined, to: digest(name), at: at.toISOString(), run: 'r', why: name };
    await store.put(historyKey(repository, parseTag(name), at, 'r'), encodeMovement(movement), {
      contentType: 'application/json',
    });
  }
  const environment = environmentFor(store);
  store.calls.length = 0;
  const all = await readMovements(environment, repository, undefined, 3);
  expect(all.map(({ why, isCarriedOut }) => [why, isCarriedOut])).toEqual([
    ['b>c', true],
    ['aaa', false],
    ['a>b', true],
  ]);
  const records = store.calls.filter((call) => call.includes('/_history/'));
  expect(records.map((call) => call.split(' ')[0])).toEqual(['list', 'get', 'get', 'get']);
  const one = await readMovements(environment, repository, tag, 2);
  expect(one.map(({ why }) => why)).toEqual(['b>c', 'a>b']);
});
