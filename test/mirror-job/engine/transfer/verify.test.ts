import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { parseDigest } from '../../../../core/digest.ts';
import { verified } from '../../../../mirror-job/engine/transfer/verify.ts';
import { digestOf } from '../../../support/content.ts';

const RIGHT = Buffer.from('the right bytes');

async function* inChunks(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 4) {
    await Promise.resolve();
    yield bytes.subarray(start, start + 4);
  }
}

/** @returns the bytes that passed before the end or the error, and the error */
async function verify(bytes: Buffer, digest: string): Promise<{ passed: string; error: string | undefined }> {
  const expected = { digest: parseDigest(digest), size: RIGHT.length };
  let passed = '';
  try {
    for await (const chunk of verified(inChunks(bytes), expected, { name: 'a.test/b' }, createHash)) {
      passed += Buffer.from(chunk).toString();
    }
    return { passed, error: undefined };
  } catch (error) {
    return { passed, error: error instanceof Error ? error.message : String(error) };
  }
}

test.each(['sha256', 'sha512'] as const)('the right bytes pass under their %s digest', async (algorithm) => {
  expect(await verify(RIGHT, digestOf(RIGHT, algorithm))).toEqual({
    passed: 'the right bytes',
    error: undefined,
  });
});

const digest = digestOf(RIGHT);
const sha512 = digestOf(RIGHT, 'sha512');
const wrong = Buffer.from('the wrong bytes');

test.each([
  [
    wrong,
    digest,
    `a.test/b sent other bytes than asked for: their digest is ${digestOf(wrong)}, not ${digest}.`,
  ],
  [
    wrong,
    sha512,
    `a.test/b sent other bytes than asked for: their digest is ${digestOf(wrong, 'sha512')}, not ${sha512}.`,
  ],
  [RIGHT.subarray(0, 14), digest, `a.test/b sent 14 of the 15 bytes that the manifest gives for ${digest}.`],
  [Buffer.alloc(0), digest, `a.test/b sent 0 of the 15 bytes that the manifest gives for ${digest}.`],
])('the bytes %s are refused as %s', async (bytes, asked, error) => {
  expect(await verify(bytes, asked)).toEqual({ passed: bytes.toString(), error });
});

test('no byte beyond the size that the manifest gives passes', async () => {
  expect(await verify(Buffer.concat([RIGHT, RIGHT, RIGHT]), digest)).toEqual({
    passed: 'the right by',
    error: `a.test/b sent more than the 15 bytes that the manifest gives for ${digest}.`,
  });
});
