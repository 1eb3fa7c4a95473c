import { expect, test } from 'vitest';
import { MAX_DOCUMENT_BYTES } from '../../../../cluster/images/documents/object-document.ts';
import { readChunks, summaryOf } from './chunks.ts';

async function read(...chunks: (Uint8Array | string)[]): Promise<string[]> {
  return summaryOf(await readChunks(chunks));
}

test.for<readonly [string, readonly string[]]>([
  ['{"kind":"Pod"}', ['f {"kind":"Pod"}']],
  ['{"kind":"List","items":[]}', []],
  ['{"kind":"List","items":[ ]}', []],
  [
    '{"items":[{"a":1},{"b":[2,{"c":"]"}]}],"kind":"List"}',
    ['f: items[0] {"a":1}', 'f: items[1] {"b":[2,{"c":"]"}]}'],
  ],
  ['\uFEFF{ "items" : [\r\n 1 ,\r\n "x" \r\n] }\r\n', ['f: items[0] 1', 'f: items[1] "x"']],
  ['[{"a":1}, {"b":2}]', ['f: [0] {"a":1}', 'f: [1] {"b":2}']],
  ['{"a":1}\n{"b":2}', ['f {"a":1}', 'f: document 2 {"b":2}']],
  ['{"items":[1]}{"items":[2]}', ['f: items[0] 1', 'f: document 2: items[0] 2']],
  ['{"items":null}', ['f {"items":null}']],
  ['{"items":{"a":[1]}}', ['f {"items":{"a":[1]}}']],
  ['{"spec":{"items":[1]}}', ['f {"spec":{"items":[1]}}']],
  ['{"a\\"items":[1]}', ['f {"a\\"items":[1]}']],
  ['{"a":["\\\\","}"],"b":"\\""}', ['f {"a":["\\\\","}"],"b":"\\""}']],
  ['{"items":[1],"items":[2]}', ['f: items[0] 1', 'f: items[0] 2']],
  ['', []],
  [' \n', []],
])('%s is read', async ([text, expected]) => {
  expect(await read(text)).toEqual(expected);
});

test('the items of a typed list have the kind of the list', async () => {
  expect(
    await read(
      '{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"a"}},{"kind":"Other"}]}{"items":[{}]}',
    ),
  ).toEqual([
    'f: items[0] {"apiVersion":"v1","metadata":{"name":"a"},"kind":"Pod"}',
    'f: items[1] {"kind":"Other"}',
    'f: document 2: items[0] {}',
  ]);
});

test.for<readonly [string, readonly string[]]>([
  [
    '{"items":[{"a":1},{"b":},{"c":3}]}',
    [
      'f: items[0] {"a":1}',
      'PROBLEM f: items[1] (byte 18): this is not valid JSON (not JSON). It was left out.',
      'f: items[2] {"c":3}',
    ],
  ],
  [
    '{"items":[1,]}',
    ['f: items[0] 1', 'PROBLEM f: items[1] (byte 12): this is not valid JSON (not JSON). It was left out.'],
  ],
  [
    '{"items":[1 2],"kind" "List"}',
    [
      'PROBLEM f: items[0] (byte 10): this is not valid JSON (not JSON). It was left out.',
      'PROBLEM f (byte 0): this is not valid JSON (not JSON). Its items were read.',
    ],
  ],
  [
    '{"items":[{"a":1},{"b":',
    [
      'f: items[0] {"a":1}',
      'PROBLEM f (byte 23): the file ends here, in the middle of an object, which was left out. Was its writing interrupted?',
    ],
  ],
  [
    ' {"a":"',
    [
      'PROBLEM f (byte 7): the file ends here, in the middle of an object, which was left out. Was its writing interrupted?',
    ],
  ],
  [
    '{"a":1}\nerror: you must be logged in\n{"b":2}',
    ['f {"a":1}', 'PROBLEM f: document 2 (byte 8): this is not JSON. It and all that follows were left out.'],
  ],
  [
    '{"a":1]\n[{"b":2}]',
    ['PROBLEM f (byte 0): this is not valid JSON (not JSON). It was left out.', 'f: document 2: [0] {"b":2}'],
  ],
])('%s has problems with their place, and the rest goes on', async ([text, expected]) => {
  expect(await read(text)).toEqual(expected);
});

test('bytes that are not UTF-8 are a problem of their item', async () => {
  const bytes = Buffer.concat([Buffer.from('{"items":["'), Buffer.from([0xff]), Buffer.from('",1]}')]);
  expect(await read(bytes)).toEqual([
    'PROBLEM f: items[0] (byte 10): this is not valid JSON (not JSON). It was left out.',
    'f: items[1] 1',
  ]);
});

test('a character of two halves may be split between two texts', async () => {
  expect(await read('{"items":["\uD83D', '\uDE00"]}')).toEqual(['f: items[0] "\u{1F600}"']);
});

test('a value after a list has no kind of that list', async () => {
  expect(await read('{"kind":"PodList","items":[]}[{}]')).toEqual(['f: document 2: [0] {}']);
});

test('a head that is broken is one problem', async () => {
  expect(await read('{"kind" "PodList","items":[{}]}')).toEqual([
    'f: items[0] {}',
    'PROBLEM f (byte 0): this is not valid JSON (not JSON). Its items were read.',
  ]);
});

test('the bytes of a chunk may change after it was read', async () => {
  const bytes = Buffer.from('[{"a":1');
  function* chunks(): Generator<Uint8Array> {
    yield bytes;
    bytes.fill('x');
    yield Buffer.from('},2]');
  }
  expect(summaryOf(await readChunks(chunks()))).toEqual(['f: [0] {"a":1}', 'f: [1] 2']);
});

test('an item that is too large is a problem, and is not held', async () => {
  const [piece, pieces] = [Buffer.alloc(1024 * 1024, 'a'), 120];
  const before = process.memoryUsage().arrayBuffers;
  let mostHeld = 0;
  function* chunks(): Generator<Uint8Array | string> {
    yield '{"items":[1,"';
    for (let count = 0; count < pieces; count += 1) {
      yield piece;
      mostHeld = Math.max(mostHeld, process.memoryUsage().arrayBuffers - before);
    }
    yield '",2]}';
  }
  expect(summaryOf(await readChunks(chunks()))).toEqual([
    'f: items[0] 1',
    'PROBLEM f: items[1] (byte 12): this is larger than 16 MiB, and was left out.',
    'f: items[2] 2',
  ]);
  expect(mostHeld).toBeLessThan(60 * 1024 * 1024);
});

test('an item of just the limit is read, and one byte more is not', async () => {
  const [text, longer] = [0, 1].map((more) => `"${'a'.repeat(MAX_DOCUMENT_BYTES - 2 + more)}"`);
  const found = await readChunks([`[${text},${longer}]`]);
  expect(found.map(({ kind }) => kind)).toEqual(['document', 'problem']);
});

test('an object with more values than memory allows is a problem', async () => {
  const [found] = await readChunks([`{"a":[${'[],'.repeat(1_000_000)}0]}`]);
  expect(found).toMatchObject({
    kind: 'problem',
    message: expect.stringContaining('more than 1000000 values'),
  });
});

test('many lists in one object are read in linear time', async () => {
  const start = performance.now();
  const [found] = await readChunks([
    `{${'"a":[],'.repeat(300_000)}"items":[1]${',"items":[1]'.repeat(100_000)}}`,
  ]);
  expect(found).toMatchObject({ kind: 'document', value: 1 });
  expect(performance.now() - start).toBeLessThan(10_000);
});
