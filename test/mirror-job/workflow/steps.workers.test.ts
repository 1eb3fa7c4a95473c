/** Names of steps are unique within an instance, and no longer than Cloudflare takes. */
import { expect, test } from 'vitest';
import { stepName } from '../../../mirror-job/workflow/steps.ts';

test('a long name keeps its attempt and its digest, so that two steps never share a result', () => {
  const repository = `registry.test/${'long/'.repeat(48)}app`;
  const nameOf = (attempt: number, hex: string) =>
    stepName(`mirror, attempt ${attempt}: ${repository}@sha512:${hex.repeat(128)}`);
  const names = [nameOf(2, 'a'), nameOf(3, 'a'), nameOf(2, 'b')];
  expect(new Set(names).size).toBe(3);
  expect(names.map(({ length }) => length)).toEqual([256, 256, 256]);
  expect(stepName('mirror docker.io/library/app')).toBe('mirror docker.io/library/app');
});
