/**
 * Tests keys of another tool's file that are also names of properties which every object has. The import does not know
 * them, as it does not know other keys.
 */
import { expect, test } from 'vitest';
import { ForeignFile } from '../../../mirror-job/import/foreign-file.ts';
import { readImageSet } from '../../../mirror-job/import/image-set.ts';
import { readRegsync } from '../../../mirror-job/import/regsync.ts';

const NAMES = ['constructor', 'toString', '__proto__', 'hasOwnProperty'];
/** The keys are text, because `__proto__` in an object literal is not a key. */
const KEYS = NAMES.map((name) => `"${name}": "x"`).join(', ');

/** @returns the losses, without the file's name and line */
function losses(texts: readonly string[]): string[] {
  return texts.map((text) => text.replace(/^f(?::\d+)?: /, ''));
}

test('regsync: odd keys at the top, in defaults, in an entry and in credentials are lost', () => {
  const text = `{ ${KEYS}, "defaults": { ${KEYS} },
    "creds": [{ "registry": "a.b", ${KEYS} }],
    "sync": [{ "source": "a.b/c:1", "target": "d.e/c:1", "type": "image", ${KEYS} }] }`;
  const found = losses(readRegsync(new ForeignFile('f', text)).losses);
  const reason = 'Lifeboat knows no such key of regsync.';
  const expected = ['', 'defaults.', 'creds[0].', 'sync[0].'].flatMap((start) =>
    NAMES.map((name) => `${start}${name}: ${reason}`),
  );
  expect(found.toSorted()).toEqual(expected.toSorted());
});

test('regsync: odd keys in tags and tagSets are lost', () => {
  const text = `{ "sync": [{ "source": "a.b/c", "target": "d.e/c", "type": "repository",
    "tags": { "allow": ["1"], ${KEYS} }, "tagSets": [{ "denny": ["2"] }] }] }`;
  const draft = readRegsync(new ForeignFile('f', text));
  const reason = 'Lifeboat knows no such key of regsync.';
  expect(losses(draft.losses).toSorted()).toEqual(
    [
      ...NAMES.map((name) => `sync[0].tags.${name}: ${reason}`),
      `sync[0].tagSets[0].denny: ${reason}`,
    ].toSorted(),
  );
  expect(draft.images.map(({ value }) => value.tags)).toEqual([['1'], ['*']]);
});

test('regsync: an odd name as a type is refused', () => {
  const text = `{ "sync": [{ "source": "a.b/c", "target": "d.e/c", "type": "constructor" }] }`;
  const draft = readRegsync(new ForeignFile('f', text));
  expect(losses(draft.losses)).toEqual([
    'sync[0].type: regsync has the types repository, image and registry.',
  ]);
  expect(draft.images).toEqual([]);
});

test('oc-mirror: odd keys at the top, in mirror, and in an image are lost', () => {
  const text = `{ "apiVersion": "mirror.openshift.io/v2alpha1", "kind": "ImageSetConfiguration", ${KEYS},
    "mirror": { ${KEYS}, "additionalImages": [{ "name": "a.b/c:1", ${KEYS} }] } }`;
  const found = losses(readImageSet(new ForeignFile('f', text)).losses);
  const reason = 'Lifeboat knows no such key of oc-mirror.';
  const expected = ['', 'mirror.', 'mirror.additionalImages[0].'].flatMap((start) =>
    NAMES.map((name) => `${start}${name}: ${reason}`),
  );
  expect(found.toSorted()).toEqual(expected.toSorted());
});
