/** The table of blobs has every size, and takes little memory. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { parseDigest, type Digest } from '../../../../core/digest.ts';
import { DigestTable } from '../../../../mirror-job/engine/verify/digest-table.ts';

function digestAt(number: number, algorithm: 'sha256' | 'sha512' = 'sha256'): Digest {
  return parseDigest(`${algorithm}:${createHash(algorithm).update(String(number)).digest('hex')}`);
}

test('it has the size and the marks of each of many blobs, and nothing of others', () => {
  const table = new DigestTable();
  const all = Array.from({ length: 5000 }, (_, number) =>
    digestAt(number, number % 50 === 0 ? 'sha512' : 'sha256'),
  );
  for (const [size, digest] of all.entries()) table.add(digest, size);
  expect(all.every((digest, size) => table.size(digest) === size)).toBe(true);
  expect(table.size(digestAt(5001))).toBeUndefined();
  const [zero = digestAt(0), one = digestAt(1), two = digestAt(2)] = all;
  for (const digest of all.slice(2)) table.need(digest);
  for (const digest of [zero, one, two]) table.damage(digest);
  expect(table.unneeded()).toEqual({ blobs: 2, bytes: 1 });
  expect(table.unneededDamage().toSorted()).toEqual([one, zero].toSorted());
  expect([table.isDamaged(two), table.isDamaged(all[3] ?? two)]).toEqual([true, false]);
  expect(table.sums).toEqual({ blobs: 5000, bytes: (4999 * 5000) / 2 });
});
