import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { algorithmOf, digestFromHash, digestOf, hexOf, isDigest, parseDigest } from '../../core/digest.ts';
import { digests } from './arbitraries.ts';
import { thrown } from './thrown.ts';

const HEX_256 = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
const HEX_512 =
  'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f';

test.for([
  ['sha256', HEX_256],
  ['sha512', HEX_512],
] as const)('a %s digest is split into its algorithm and its hexadecimal digits', ([algorithm, hex]) => {
  const digest = parseDigest(`${algorithm}:${hex}`);
  expect(digest).toBe(`${algorithm}:${hex}`);
  expect(algorithmOf(digest)).toBe(algorithm);
  expect(hexOf(digest)).toBe(hex);
});

test.for([
  '',
  ':',
  'sha256',
  'sha256:',
  HEX_256,
  `:${HEX_256}`,
  `sha256:${HEX_256.slice(1)}`,
  `sha256:${HEX_256}0`,
  `sha256:${HEX_256.toUpperCase()}`,
  `SHA256:${HEX_256}`,
  `sha256: ${HEX_256.slice(1)}`,
  `sha256:${HEX_256}\n`,
  `\nsha256:${HEX_256}`,
  `sha256:${HEX_256.slice(1)}g`,
  `sha256:${HEX_512}`,
  `sha512:${HEX_256}`,
  `sha384:${'0'.repeat(96)}`,
  `md5:${'0'.repeat(32)}`,
  `sha256+b64:${HEX_256}`,
  `sha256:sha256:${HEX_256}`,
  `sha256:../${HEX_256.slice(3)}`,
  `constructor:${HEX_256}`,
  'sha256:baddigeststring',
])('%j is not a digest', (text) => {
  expect(isDigest(text)).toBe(false);
  expect(thrown(() => parseDigest(text))).toBe(
    `DigestInvalidError: "${text}" is not a digest: expected "sha256:" and 64, or "sha512:" and 128, lower-case hexadecimal digits.`,
  );
});

test('the error quotes at most 200 characters of the text', () => {
  expect(thrown(() => parseDigest('x'.repeat(10_000)))).toBe(
    `DigestInvalidError: "${'x'.repeat(200)}" is not a digest: expected "sha256:" and 64, or "sha512:" and 128, lower-case hexadecimal digits.`,
  );
});

test('digestOf gives the digest of "abc" that is in the standard', async () => {
  const abc = new TextEncoder().encode('abc');
  expect(await digestOf(abc)).toBe(`sha256:${HEX_256}`);
  expect(await digestOf(abc, 'sha512')).toBe(`sha512:${HEX_512}`);
});

test('a finished hash becomes its digest, and a hash of another length is refused', () => {
  expect(digestFromHash('sha256', Buffer.from(HEX_256, 'hex'))).toBe(`sha256:${HEX_256}`);
  expect(digestFromHash('sha512', Buffer.from(HEX_512, 'hex'))).toBe(`sha512:${HEX_512}`);
  expect(thrown(() => digestFromHash('sha256', new Uint8Array(31)))).toBe(
    `DigestInvalidError: "sha256:${'0'.repeat(62)}" is not a digest: expected "sha256:" and 64, or "sha512:" and 128, lower-case hexadecimal digits.`,
  );
});

test('property: digests agree with those of node:crypto', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array(), fc.constantFrom('sha256', 'sha512'), async (bytes, algorithm) => {
      const hex = createHash(algorithm).update(bytes).digest('hex');
      expect(await digestOf(new Uint8Array(bytes), algorithm)).toBe(`${algorithm}:${hex}`);
    }),
  );
});

test('property: a digest is its algorithm and its hexadecimal digits', () => {
  fc.assert(
    fc.property(digests, (digest) => {
      expect(parseDigest(`${algorithmOf(digest)}:${hexOf(digest)}`)).toBe(digest);
    }),
  );
});

test('property: a digest with one character replaced is a digest only if it still matches the pattern', () => {
  fc.assert(
    fc.property(digests, fc.nat(), fc.string({ minLength: 1 }), (digest, at, text) => {
      const start = at % digest.length;
      const changed = digest.slice(0, start) + text + digest.slice(start + 1);
      expect(isDigest(changed)).toBe(/^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/.test(changed));
    }),
  );
});
