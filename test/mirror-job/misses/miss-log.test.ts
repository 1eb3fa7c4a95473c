/** The misses in a text are found in any format, however the text is cut into pieces. */
import { expect, test } from 'vitest';
import { formatReference } from '../../../core/reference.ts';
import { readMissLog } from '../../../mirror-job/misses/miss-log.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}`;
const NGINX = 'docker.io/library/nginx:1.27';

function lineOf(miss: string | undefined): string {
  return JSON.stringify({ kind: 'tag', path: '/v2/x', status: 404, storeMs: 9, reads: 1, miss });
}

async function* piecesOf(text: string, size = text.length): AsyncGenerator<string> {
  for (let start = 0; start < text.length; start += size) yield text.slice(start, start + size);
}

/** @returns each image with its requests, and the other numbers */
async function read(text: string, size?: number, maxImages?: number) {
  const { images, ...counts } = await readMissLog(piecesOf(text, size), maxImages);
  const found = images.map(({ reference, requests }) => [formatReference(reference), requests]);
  return { images: Object.fromEntries(found), ...counts };
}

const nested = (line: string, depth: number): string =>
  depth === 0 ? line : nested(JSON.stringify({ message: [line] }), depth - 1);

test.each([
  ['the line of the edge', lineOf(NGINX)],
  ['a line in JSON, as wrangler tail has it', nested(lineOf(NGINX), 1)],
  ['a line in JSON in JSON', nested(lineOf(NGINX), 2)],
  ['a line in JSON in JSON in JSON', nested(lineOf(NGINX), 3)],
  ['JSON that is indented', JSON.stringify(JSON.parse(lineOf(NGINX)), null, 2)],
  ['indented JSON with a line in it', JSON.stringify({ logs: [{ message: [lineOf(NGINX)] }] }, null, 2)],
  ['CSV', `2026-01-01,"${lineOf(NGINX).replaceAll('"', '""')}",404`],
  ['a line after a date', `2026-01-01T00:00:00Z stdout F ${lineOf(NGINX)}`],
  ['a file with CRLF and a byte order mark', `\uFEFF${lineOf(NGINX)}\r\n`],
])('a miss is found in %s, whole and in pieces', async (_name, text) => {
  const expected = { images: { [NGINX]: 1 }, requests: 1, unreadable: 0, beyond: 0 };
  expect(await read(text)).toEqual(expected);
  for (const size of [1, 2, 7, 64]) expect(await read(text, size)).toEqual(expected);
});

test('a line of many megabytes without an end is searched piece by piece', async () => {
  const line = lineOf(NGINX);
  const { images, requests } = await read(`[${`${line},`.repeat(50_000)}]`, 65_536);
  expect([images, requests]).toEqual([{ [NGINX]: 50_000 }, 50_000]);
});

test('a text without any field is forgotten piece by piece, because keeping it would take memory and hours', async () => {
  const piece = '{"other":"line"}'.repeat(256);
  async function* pieces(): AsyncGenerator<string> {
    for (let count = 0; count < 5000; count += 1) yield piece;
    yield lineOf(NGINX);
  }
  const { images } = await readMissLog(pieces());
  expect(images.length).toBe(1);
});

test('requests without a miss are counted, and are no misses', async () => {
  const text = [lineOf(undefined), lineOf(undefined), lineOf(NGINX)].join('\n');
  expect(await read(text)).toEqual({ images: { [NGINX]: 1 }, requests: 3, unreadable: 0, beyond: 0 });
});

test('the warning about a miss that could not be sent is not counted as a miss', async () => {
  expect((await read('{"kind":"miss","key":"a.b/c:1","failures":["x"]}')).images).toEqual({});
});

test('the same image in other words is one image, and a digest takes the place of the tag beside it', async () => {
  const names = [NGINX, 'nginx:1.27', 'index.docker.io/nginx:1.27', `a.b/c:1@${DIGEST}`, `a.b/c@${DIGEST}`];
  expect((await read(names.map((name) => lineOf(name)).join('\n'))).images).toEqual({
    [NGINX]: 3,
    [`a.b/c@${DIGEST}`]: 2,
  });
});

test.each([
  ['a name without tag and digest', 'a.b/c'],
  ['a name that is none', 'a.b/C:1'],
  ['an address', 'https://a.b/c:1'],
  ['escapes of a terminal', '\u001B[31ma.b/c:1'],
  ['letters in another order', 'a.b/\u202Ec:1'],
  ['letters beyond ASCII', 'a.b/ü:1'],
])('a miss of %s is unreadable', async (_name, miss) => {
  for (const text of [lineOf(miss), nested(lineOf(miss), 1)]) {
    expect(await read(text)).toMatchObject({ images: {}, unreadable: 1 });
  }
});

test('bytes are read as they are, and raw control characters are part of no name', async () => {
  async function* bytes(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(`${lineOf(NGINX)}\n{"miss":"a.b/c:1\u001B[2J"}\n`);
    yield Buffer.from([0xff, 0xfe, 0x00, 0x22]);
    yield Buffer.from(`\n${lineOf('a.b/c:2')}`);
  }
  const { images, unreadable } = await readMissLog(bytes());
  expect([images.map(({ reference }) => formatReference(reference)), unreadable]).toEqual([
    [NGINX, 'a.b/c:2'],
    1,
  ]);
});

test('images beyond the most that are kept are counted, and known ones are still found', async () => {
  const names = ['a.b/c:1', 'a.b/c:2', 'a.b/c:3', 'a.b/c:4', 'a.b/c:3', 'a.b/c:1'];
  expect(await read(names.map((name) => lineOf(name)).join('\n'), 50, 2)).toEqual({
    images: { 'a.b/c:1': 2, 'a.b/c:2': 1 },
    requests: 6,
    unreadable: 0,
    beyond: 3,
  });
});
