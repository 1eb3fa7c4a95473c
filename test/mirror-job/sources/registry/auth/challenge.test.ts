import { expect, test } from 'vitest';
import { parseChallenges } from '../../../../../mirror-job/sources/registry/auth/challenge.ts';

const hub = {
  scheme: 'bearer',
  realm: 'https://auth.docker.io/token',
  service: 'registry.docker.io',
  scope: 'repository:library/nginx:pull',
};

test.each([
  [
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull"',
    [hub],
  ],
  [
    'bearer  Realm="https://auth.docker.io/token" , service=registry.docker.io, scope="repository:library/nginx:pull"',
    [hub],
  ],
  [
    'Bearer realm="https://r.test/t",error="invalid_token",error_description="a, b"',
    [{ scheme: 'bearer', realm: 'https://r.test/t', service: undefined, scope: undefined }],
  ],
  ['Basic realm="Registry"', [{ scheme: 'basic' }]],
  ['BASIC', [{ scheme: 'basic' }]],
  ['Negotiate, Basic realm="x"', [{ scheme: 'basic' }]],
  [
    'Basic realm="x", Bearer realm="https://r.test/t"',
    [
      { scheme: 'basic' },
      { scheme: 'bearer', realm: 'https://r.test/t', service: undefined, scope: undefined },
    ],
  ],
  [
    'Bearer scope="repository:app:pull,push",realm="https://r.test/t?a=1,2"',
    [
      {
        scheme: 'bearer',
        realm: 'https://r.test/t?a=1,2',
        service: undefined,
        scope: 'repository:app:pull,push',
      },
    ],
  ],
  ['Digest realm="x, basic, bearer realm=y", nonce="Basic"', []],
  [
    'Bearer realm="https://r.test/t",service="s", Basic realm="x"',
    [{ scheme: 'bearer', realm: 'https://r.test/t', service: 's', scope: undefined }, { scheme: 'basic' }],
  ],
  [
    String.raw`Bearer realm="https://r.test/t",error_description="say \"please\", realm=x",service="a\"b\\c"`,
    [{ scheme: 'bearer', realm: 'https://r.test/t', service: String.raw`a"b\c`, scope: undefined }],
  ],
  // The last text has no closing quote.
  [
    'Bearer realm="https://r.test/t",service="s, t',
    [{ scheme: 'bearer', realm: 'https://r.test/t', service: 's, t', scope: undefined }],
  ],
  ['Bearer', []],
  ['Bearer service="s"', []],
  ['Digest realm="x", nonce="Basic"', []],
  ['Negotiate', []],
  ['', []],
])('the challenges of this header are parsed: %s', (header, expected) => {
  expect(parseChallenges(header)).toEqual(expected);
});

test('long headers without a challenge are read in less than two seconds', () => {
  const began = process.cpuUsage();
  expect(parseChallenges(`Bearer ${'a=b,'.repeat(16_000)}`)).toEqual([]);
  expect(parseChallenges(`Bearer ${', '.repeat(32_000)}`)).toEqual([]);
  expect(parseChallenges(`Bearer ${'a="'.repeat(16_001)}`)).toEqual([]);
  expect(parseChallenges(`Bearer ${String.raw`a="\"`.repeat(16_001)}`)).toEqual([]);
  expect(parseChallenges(`Bearer a="${'\\'.repeat(64_001)}`)).toEqual([]);
  expect(process.cpuUsage(began).user).toBeLessThan(2_000_000);
});
