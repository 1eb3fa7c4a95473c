/** The check of Docker Engine. */
import { expect, test } from 'vitest';
import type { Verdict } from '../../../cluster/check/verdict.ts';
import { check, EDGE } from './node.ts';

test.for<readonly [string, string, Verdict['asked'], RegExp]>([
  ['its mirror', `{"registry-mirrors": ["${EDGE}"]}`, 'first', /^$/],
  [
    'a trailing comma',
    `{"registry-mirrors": ["${EDGE}"],}`,
    'no',
    /is not valid JSON .* Docker does not start/,
  ],
  ['a path', `{"registry-mirrors": ["${EDGE}/v2"]}`, 'no', /has a path/],
  [
    'no scheme',
    '{"registry-mirrors": ["edge.test"]}',
    'no',
    /neither https:\/\/ nor http:\/\/.* does not start/,
  ],
  ['a login', '{"registry-mirrors": ["https://a:b@edge.test"]}', 'no', /with a login, .* does not start/],
  [
    'another mirror that is wrong',
    `{"registry-mirrors": ["${EDGE}", "https://other.test/hub"]}`,
    'no',
    /Write https:\/\/other\.test\. Docker does not start/,
  ],
  ['plain HTTP', '{"registry-mirrors": ["http://edge.test"]}', 'first', /is asked in plain HTTP/],
  ['an empty file', '', 'no', /Docker does not start/],
  ['text', `{"registry-mirrors": "${EDGE}"}`, 'no', /no list\. .* Docker does not start/],
  ['no mirror', '{}', 'no', /does not name https:\/\/edge\.test in registry-mirrors/],
])('Docker with %s', ([, text, expected, reason]) => {
  const { asked, reasons } = check({ '/etc/docker/daemon.json': text });
  expect(asked).toBe(expected);
  expect(reasons.join('\n')).toMatch(reason);
});

test('Docker asks it for Docker Hub alone, and a Docker without daemon.json is found', () => {
  const files = { '/etc/docker/daemon.json': `{"registry-mirrors": ["${EDGE}"]}` };
  expect(check(files, { host: 'quay.io' }).asked).toBe('no');
  expect(check({ '/etc/docker/': '' }).reasons.join()).toMatch(/there is no \/etc\/docker\/daemon\.json/);
});

test.for(['/etc/docker', '/etc/docker/daemon.json'])(
  '%s that cannot be read never counts as absent',
  (path) => {
    expect(check({}, { unreadable: { [path]: 'EACCES' } }).reasons).toEqual([
      `${path} cannot be read (EACCES). Run this as root.`,
    ]);
  },
);

test('an unreadable file that Docker does not need does not matter', () => {
  const files = { '/etc/docker/daemon.json': `{"registry-mirrors": ["${EDGE}"]}` };
  expect(check(files, { unreadable: { '/etc/docker/certs.d/a/ca.crt': 'EACCES' } }).asked).toBe('first');
});
