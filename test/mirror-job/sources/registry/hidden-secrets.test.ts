/** A secret that was sent is hidden wherever a text repeats it. */
import { expect, test } from 'vitest';
import { Secrets } from '../../../../mirror-job/sources/registry/secrets.ts';

test('the longest secret is hidden first, and wherever it appears', () => {
  const secrets = new Secrets();
  secrets.add('pass');
  secrets.add('password');
  expect(secrets.hide('password, pass and password')).toBe('***, *** and ***');
});

test('an empty password hides nothing', () => {
  const secrets = new Secrets();
  const header = secrets.basic({ username: 'user', password: '' });
  expect(secrets.hide('no access')).toBe('no access');
  expect(secrets.hide(`sent ${header}`)).toBe('sent Basic ***');
});
