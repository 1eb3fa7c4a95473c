/** Requests are parsed once and remembered, if they are short enough. */
import { expect, it } from 'vitest';
import { DOCKER_HUB } from '../../../core/reference.ts';
import { RequestParser } from '../../../worker/request/parsed-request.ts';

const NAMING = { defaultUpstream: DOCKER_HUB, hosts: new Map() };
const ADDRESS = 'https://mirror.example.com:8443/v2/a/b/tags/list?n=1';

it('a request is parsed with its host name and its path', () => {
  expect(new RequestParser(NAMING).parse('GET', ADDRESS)).toEqual({
    request: {
      kind: 'tags',
      name: { repository: 'docker.io/a/b', requested: 'a/b', namespace: undefined },
      page: { limit: 1, last: undefined },
    },
    host: 'mirror.example.com',
    path: '/v2/a/b/tags/list',
  });
});

it('the same request gives the same value, and another method or address gives another', () => {
  const parser = new RequestParser(NAMING);
  const parsed = parser.parse('GET', ADDRESS);
  expect(parser.parse('GET', ADDRESS)).toBe(parsed);
  expect(parser.parse('POST', ADDRESS).request.kind).toBe('refused');
  expect(parser.parse('GET', `${ADDRESS}0`).request).toMatchObject({ page: { limit: 10 } });
});

it.each([
  [512, true],
  [513, false],
])('a request of %i characters is remembered: %s', (length, isKept) => {
  const parser = new RequestParser(NAMING);
  const address = `https://m.example.com/v2/a/tags/list?last=`.padEnd(length - 'GET '.length, 'x');
  expect(parser.parse('GET', address) === parser.parse('GET', address)).toBe(isKept);
});
