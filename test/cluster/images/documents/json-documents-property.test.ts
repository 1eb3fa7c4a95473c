/** Splitting JSON promises the same as parsing it, however it arrives. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytesOf, hostile } from '../../../core/arbitraries.ts';
import { readChunks, summaryOf } from './chunks.ts';

const POD_LIST = { kind: 'PodList', items: [{ metadata: { name: 'a"]}' } }, { status: [] }], metadata: {} };

/** Bytes cut at any places. */
function chunksOf(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  return places.map((place, index) => bytes.subarray(places[index - 1] ?? 0, place));
}

const cuts = fc.array(fc.nat(), { maxLength: 8 });

test('property: splitting into chunks at any byte does not change the result', async () => {
  await fc.assert(
    fc.asyncProperty(hostile(POD_LIST), cuts, async (input, places) => {
      const bytes = bytesOf(input);
      const whole = summaryOf(await readChunks([bytes]));
      expect(summaryOf(await readChunks(chunksOf(bytes, places)))).toEqual(whole);
      expect(summaryOf(await readChunks(Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))))).toEqual(
        whole,
      );
    }),
    { numRuns: 300 },
  );
});

test('property: a text cut at any place gives what its bytes give', async () => {
  await fc.assert(
    fc.asyncProperty(fc.json({ stringUnit: 'binary' }), fc.nat(), async (json, cut) => {
      const text = `{"items":[${json}]}`;
      const at = cut % (text.length + 1);
      const found = await readChunks([text.slice(0, at), text.slice(at)]);
      expect(found).toEqual(await readChunks([Buffer.from(text)]));
      expect(found).toHaveLength(1);
    }),
  );
});

test('property: items are those that JSON.parse gives, however they are indented', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.jsonValue(), { maxLength: 5 }),
      fc.dictionary(
        fc.string().filter((key) => key !== 'items'),
        fc.jsonValue(),
        { noNullPrototype: true },
      ),
      fc.constantFrom(undefined, 1, 4, '\t'),
      async (items, rest, indent) => {
        // A kind would be given to items without one.
        const { kind: _kind, ...others } = rest;
        const { items: expected }: { items: unknown[] } = JSON.parse(JSON.stringify({ items }));
        const found = await readChunks([JSON.stringify({ ...others, items, z: [1] }, undefined, indent)]);
        expect(found.map((one) => (one.kind === 'document' ? one.value : one))).toEqual(expected);
      },
    ),
  );
});

test('property: an object without items is what JSON.parse gives', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(fc.constantFrom('a', 'item', 'items '), fc.jsonValue()),
      async (object) => {
        const text = JSON.stringify(object);
        expect(await readChunks([text])).toEqual([{ kind: 'document', value: JSON.parse(text), where: 'f' }]);
      },
    ),
  );
});
