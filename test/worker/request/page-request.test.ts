import { describe, expect, it } from 'vitest';
import { parseUpstream } from '../../../core/reference.ts';
import { parseRequest } from '../../../worker/request/request.ts';

const NAMING = { defaultUpstream: parseUpstream('docker.io'), hosts: new Map() };
const ORIGIN = 'https://mirror.example.com';
const ASKED = { kind: 'page', origin: ORIGIN };
const WHOLE = { search: '', number: 1 };
const DIGEST = `sha256:${'a'.repeat(64)}`;

const parse = (path: string) => parseRequest('GET', new URL(`${ORIGIN}${path}`), NAMING);

function name(requested: string, repository = requested) {
  return { repository, requested, namespace: undefined };
}

describe('pages', () => {
  it.each<[string, object]>([
    ['/', { page: 'home', listing: WHOLE, client: undefined }],
    [
      '/?q=%20nginx%20&page=3&client=k3s',
      { page: 'home', listing: { search: 'nginx', number: 3 }, client: 'k3s' },
    ],
    ['/status', { page: 'status' }],
    ['/status/', { page: 'status' }],
    [
      '/r/localhost:5000/a/b:1.27/',
      {
        page: 'repository',
        name: name('localhost:5000/a/b', 'localhost_5000/a/b'),
        listing: WHOLE,
        tag: '1.27',
      },
    ],
    [`/r/quay.io/a/b:1.27@${DIGEST}`, { page: 'manifest', name: name('quay.io/a/b'), digest: DIGEST }],
    ['/r/quay.io/a/b', { page: 'repository', name: name('quay.io/a/b'), listing: WHOLE, tag: undefined }],
    [
      '/r/nginx?tag=1.27',
      { page: 'repository', name: name('nginx', 'docker.io/library/nginx'), listing: WHOLE, tag: '1.27' },
    ],
    [
      '/r/quay.io/a/b?tag=',
      { page: 'repository', name: name('quay.io/a/b'), listing: WHOLE, tag: undefined },
    ],
    [`/r/quay.io/a/b@${DIGEST}`, { page: 'manifest', name: name('quay.io/a/b'), digest: DIGEST }],
    [
      `/r/quay.io%2Fa/b%40${DIGEST.replace(':', '%3A')}`,
      { page: 'manifest', name: name('quay.io/a/b'), digest: DIGEST },
    ],
  ])('%s', (path, expected) => {
    expect(parse(path)).toEqual({ ...ASKED, ...expected });
  });

  it.each([
    '/v1/',
    '/v1/a/b/manifests/1.0',
    '/a/b/c/tags/list',
    '/r',
    '/r/',
    '/r/A',
    '/r/a@b',
    '/r/%zz',
    '//',
  ])('there is none at %s', (path) => {
    expect(parse(path)).toMatchObject({ ...ASKED, page: 'missing' });
  });

  it.each([
    ':1.0!',
    ':..',
    ':-bad',
    ':',
    ':a%20b',
    ':%F0%9F%98%80',
    '?tag=-',
    '?tag=.x',
    `:${'a'.repeat(129)}`,
  ])('there is none of the impossible tag in %s', (tag) => {
    const wanted = decodeURIComponent(tag.replace(/^(?::|\?tag=)/, ''));
    const reason = `There is no tag "${wanted}": no tag can have this name.`;
    expect(parse(`/r/quay.io/a/b${tag}`)).toEqual({ ...ASKED, page: 'missing', reason });
  });

  it.each(['/robots.txt', '/favicon.ico', '/_assets/00000000.css'])('%s is a file', (path) => {
    expect(parse(path)).toEqual({ kind: 'asset', file: path });
  });
});

describe('the part of a list', () => {
  it.each([
    ['', 1],
    ['page=0', 1],
    ['page=-1', 1],
    ['page=x', 1],
    ['page=2.9', 2],
    ['page=1e99', 999_999],
    ['page=NaN', 1],
  ])('%s is page %i', (query, number) => {
    expect(parse(`/?${query}`)).toMatchObject({ listing: { number } });
  });

  it('a search has no characters that are not seen, and an end', () => {
    const query = encodeURIComponent(`a\u202Eb\u001B${'c'.repeat(300)}`);
    expect(parse(`/?q=${query}`)).toMatchObject({ listing: { search: `ab${'c'.repeat(198)}` } });
  });
});
