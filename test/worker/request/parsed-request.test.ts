/** Requests are parsed once and remembered, if they are short enough. */
import { expect, it } from 'vitest';
import { RegistryError } from '../../../core/error.ts';
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

it('a request whose Host header is no host name is refused, and none of its parts is logged', () => {
  const error = new RegistryError('NAME_INVALID', 'The Host header is not the name of a host.');
  const parsed = new RequestParser(NAMING).parse('GET', 'https://a b/v2/');
  expect(parsed).toEqual({ request: { kind: 'refused', error }, host: '', path: '' });
  expect(parsed.request).toMatchObject({ error: { code: 'NAME_INVALID' } });
});

it('about 2 MiB of requests are remembered, and the oldest one is forgotten first', () => {
  const parser = new RequestParser(NAMING);
  // Each counts as 2 KiB: 512 characters of 2 bytes, and 1 KiB for its parsed form.
  const addresses = Array.from({ length: 1025 }, (_, index) =>
    `https://m.example.com/v2/a/tags/list?last=${index}x`.padEnd(512 - 'GET '.length, 'x'),
  );
  const last = addresses.pop() ?? '';
  const parsed = addresses.map((address) => parser.parse('GET', address));
  const isRemembered = (index: number) => parser.parse('GET', addresses[index] ?? '') === parsed[index];
  expect([1023, 0].map(isRemembered)).toEqual([true, true]);
  parser.parse('GET', last);
  expect([0, 2, 1023, 1].map(isRemembered)).toEqual([true, true, true, false]);
});
