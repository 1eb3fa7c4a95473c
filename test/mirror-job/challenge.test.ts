import { expect, test } from 'vitest';
import { parseChallenge } from '../../mirror-job/registry/challenge.ts';

const hub = {
  scheme: 'bearer',
  realm: 'https://auth.docker.io/token',
  service: 'registry.docker.io',
  scope: 'repository:library/nginx:pull',
};

test.each([
  [
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull"',
    hub,
  ],
  [
    'bearer  Realm="https://auth.docker.io/token" , service=registry.docker.io, scope="repository:library/nginx:pull"',
    hub,
  ],
  [
    'Bearer realm="https://r.test/t",error="invalid_token",error_description="a, b"',
    { scheme: 'bearer', realm: 'https://r.test/t', service: undefined, scope: undefined },
  ],
  ['Basic realm="Registry"', { scheme: 'basic' }],
  ['BASIC', { scheme: 'basic' }],
  ['Negotiate, Basic realm="x"', { scheme: 'basic' }],
  ['Basic realm="x", Bearer realm="https://r.test/t"', { scheme: 'basic' }],
  [
    'Bearer realm="https://r.test/t",service="s", Basic realm="x"',
    { scheme: 'bearer', realm: 'https://r.test/t', service: 's', scope: undefined },
  ],
  ['Bearer', undefined],
  ['Bearer service="s"', undefined],
  ['Digest realm="x", nonce="Basic"', undefined],
  ['Negotiate', undefined],
  ['', undefined],
])('%s', (header, expected) => {
  expect(parseChallenge(header)).toEqual(expected);
});

test('a long header of nothing is read in no time', () => {
  const began = process.cpuUsage();
  expect(parseChallenge(`Bearer ${'a=b,'.repeat(16_000)}`)).toBe(undefined);
  expect(parseChallenge(`Bearer ${', '.repeat(32_000)}`)).toBe(undefined);
  expect(process.cpuUsage(began).user).toBeLessThan(2_000_000);
});
