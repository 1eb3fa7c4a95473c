import { expect, test } from 'vitest';
import { parseRepository } from '../../../../core/reference.ts';
import { parseRepositoryFilter } from '../../../../mirror-job/commands/arguments/repository-filter.ts';

test.each([
  ['localhost:5000/team/app', true],
  ['localhost:5000/team/*', true],
  ['localhost_5000/team/*', true],
  ['localhost:5001/team/*', false],
  ['localhost/team/*', false],
])('--repository %s: whether it means localhost:5000/team/app is %s', (text, isMeant) => {
  expect(parseRepositoryFilter(text)(parseRepository('localhost:5000/team/app'))).toBe(isMeant);
});
