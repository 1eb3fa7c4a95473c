/** How a method and a URL are parsed. */
import { describe, expect, it } from 'vitest';
import { DOCKER_HUB, parseUpstream } from '../../../core/reference.ts';
import { parseRequest } from '../../../worker/request/request.ts';

const NAMING = {
  defaultUpstream: DOCKER_HUB,
  hosts: new Map([
    ['quay.example.com', parseUpstream('quay.io')],
    ['localhost:5001', parseUpstream('ghcr.io')],
    ['gitlab.example.com:80', parseUpstream('registry.gitlab.com')],
    ['tls.example.com:443', parseUpstream('public.ecr.aws')],
  ]),
};
const DIGEST = `sha256:${'ab'.repeat(32)}`;
const SHA512 = `sha512:${'cd'.repeat(64)}`;

function parse(path: string, host = 'mirror.example.com', method = 'GET') {
  return parseRequest(method, new URL(`http://${host}${path}`), NAMING);
}

function refusal(path: string, method = 'GET') {
  const request = parse(path, 'mirror.example.com', method);
  return request.kind === 'refused' ? [request.error.status, request.error.code] : request;
}

describe('names', () => {
  it.each([
    // Path, host, repository.
    ['/v2/docker.io/library/nginx/tags/list', 'm.example.com', 'docker.io/library/nginx'],
    ['/v2/library/nginx/tags/list', 'm.example.com', 'docker.io/library/nginx'],
    ['/v2/nginx/tags/list', 'm.example.com', 'docker.io/library/nginx'],
    ['/v2/docker.io/nginx/tags/list', 'm.example.com', 'docker.io/library/nginx'],
    ['/v2/registry-1.docker.io/nginx/tags/list', 'm.example.com', 'docker.io/library/nginx'],
    ['/v2/GHCR.io/a/b/tags/list', 'm.example.com', 'ghcr.io/a/b'],
    ['/v2/registry_5000/a/tags/list', 'm.example.com', 'registry_5000/a'],
    ['/v2/localhost/a/tags/list', 'm.example.com', 'localhost/a'],
    ['/v2/a/b/tags/list?ns=ghcr.io', 'm.example.com', 'ghcr.io/a/b'],
    ['/v2/a/b/tags/list?ns=registry:5000', 'm.example.com', 'registry_5000/a/b'],
    ['/v2/nginx/tags/list?ns=docker.io', 'm.example.com', 'docker.io/library/nginx'],
    ['/v2/nginx/tags/list?ns=', 'm.example.com', 'docker.io/library/nginx'],
    ['/v2/ghcr.io/a/tags/list?ns=ghcr.io', 'm.example.com', 'ghcr.io/a'],
    ['/v2/docker.io/library/a/tags/list?ns=index.docker.io', 'm.example.com', 'docker.io/library/a'],
    ['/v2/a/b/tags/list', 'quay.example.com', 'quay.io/a/b'],
    ['/v2/a/b/tags/list', 'quay.example.com:8443', 'quay.io/a/b'],
    // A host name may end in a dot, which stands for the root of the DNS.
    ['/v2/a/b/tags/list', 'quay.example.com.', 'quay.io/a/b'],
    ['/v2/a/b/tags/list', 'quay.example.com.:8443', 'quay.io/a/b'],
    ['/v2/a/b/tags/list', 'gitlab.example.com.', 'registry.gitlab.com/a/b'],
    ['/v2/a/b/tags/list', 'localhost.:5001', 'ghcr.io/a/b'],
    ['/v2/a/b/tags/list', 'quay.example.com..', 'docker.io/a/b'],
    ['/v2/a/b/tags/list', 'localhost:5001', 'ghcr.io/a/b'],
    ['/v2/a/b/tags/list', 'localhost:5002', 'docker.io/a/b'],
    ['/v2/a/b/tags/list?ns=ghcr.io', 'quay.example.com', 'ghcr.io/a/b'],
    // The first segment is read as an upstream only if the request states none.
    [
      '/v2/google.com/cloudsdktool/x/tags/list?ns=gcr.io',
      'm.example.com',
      'gcr.io/google.com/cloudsdktool/x',
    ],
    ['/v2/gcr.io/google.com/cloudsdktool/x/tags/list', 'm.example.com', 'gcr.io/google.com/cloudsdktool/x'],
    [
      '/v2/gcr.io/google.com/cloudsdktool/x/tags/list?ns=gcr.io',
      'm.example.com',
      'gcr.io/google.com/cloudsdktool/x',
    ],
    [
      '/v2/my.group/app/tags/list?ns=registry.gitlab.com',
      'm.example.com',
      'registry.gitlab.com/my.group/app',
    ],
    ['/v2/group_1/app/tags/list?ns=registry.gitlab.com', 'm.example.com', 'registry.gitlab.com/group_1/app'],
    [
      '/v2/localhost/app/tags/list?ns=registry.gitlab.com',
      'm.example.com',
      'registry.gitlab.com/localhost/app',
    ],
    ['/v2/my.group/app/tags/list', 'gitlab.example.com', 'registry.gitlab.com/my.group/app'],
    ['/v2/group_1/app/tags/list', 'gitlab.example.com', 'registry.gitlab.com/group_1/app'],
    [
      '/v2/registry.gitlab.com/my.group/app/tags/list',
      'gitlab.example.com',
      'registry.gitlab.com/my.group/app',
    ],
    ['/v2/my.group/app/tags/list?ns=gcr.io', 'gitlab.example.com', 'gcr.io/my.group/app'],
    ['/v2/ghcr.io/a/tags/list', 'quay.example.com', 'quay.io/ghcr.io/a'],
    ['/v2/ghcr.io/a/tags/list?ns=quay.io', 'm.example.com', 'quay.io/ghcr.io/a'],
    ['/v2/GHCR.io/a/tags/list?ns=ghcr.io', 'm.example.com', 'ghcr.io/a'],
    ['/v2/registry_5000/a/tags/list?ns=registry:5000', 'm.example.com', 'registry_5000/a'],
    ['/v2/my.user/app/tags/list?ns=docker.io', 'm.example.com', 'docker.io/my.user/app'],
    ['/v2/gcr.io/tags/list?ns=gcr.io', 'm.example.com', 'gcr.io/gcr.io'],
    ['/v2/docker.io/nginx/tags/list?ns=docker.io', 'm.example.com', 'docker.io/library/nginx'],
    ['/v2/my.image/tags/list?ns=docker.io', 'm.example.com', 'docker.io/library/my.image'],
    // The default port of https does not belong to a name.
    ['/v2/a/b/tags/list?ns=ghcr.io:443', 'm.example.com', 'ghcr.io/a/b'],
    ['/v2/ghcr.io/a/tags/list?ns=ghcr.io:443', 'm.example.com', 'ghcr.io/a'],
    ['/v2/ghcr.io_443/a/tags/list', 'm.example.com', 'ghcr.io/a'],
    ['/v2/a/b/tags/list?ns=ghcr.io:80', 'm.example.com', 'ghcr.io_80/a/b'],
    ['/v2/a/b/tags/list?ns=ghcr.io&ns=ghcr.io:443', 'm.example.com', 'ghcr.io/a/b'],
    ['/v2/tags/list/manifests/tags/list', 'm.example.com', 'docker.io/tags/list/manifests'],
  ])('%s at %s is %s', (path, host, repository) => {
    expect(parse(path, host)).toMatchObject({ kind: 'tags', name: { repository } });
  });

  it.each([
    ['https://tls.example.com', 'public.ecr.aws/a/b'],
    ['http://tls.example.com', 'docker.io/a/b'],
    ['http://tls.example.com:443', 'public.ecr.aws/a/b'],
    ['https://gitlab.example.com', 'docker.io/a/b'],
    ['https://gitlab.example.com:80', 'registry.gitlab.com/a/b'],
  ])('at %s, whose port may be omitted, belong to %s', (origin, repository) => {
    expect(parseRequest('GET', new URL(`${origin}/v2/a/b/tags/list`), NAMING)).toMatchObject({
      name: { repository },
    });
  });

  it('keep the form that the request has', () => {
    expect(parse('/v2/nginx/tags/list?ns=Docker.IO')).toEqual({
      kind: 'tags',
      name: { repository: 'docker.io/library/nginx', requested: 'nginx', namespace: 'Docker.IO' },
      page: { limit: undefined, last: undefined },
    });
  });
});

describe('endpoints', () => {
  const name = { repository: 'docker.io/a/b', requested: 'a/b', namespace: undefined };
  it.each([
    ['/v2/', { kind: 'ping' }],
    ['/v2', { kind: 'ping' }],
    ['/livez', { kind: 'life' }],
    ['/healthz', { kind: 'health' }],
    ['/v2/_catalog?n=2&last=x', { kind: 'catalog', page: { limit: 2, last: 'x' } }],
    ['/v2/a/b/manifests/1.0', { kind: 'tag', name, tag: '1.0' }],
    [`/v2/a/b/manifests/${DIGEST}`, { kind: 'manifest', name, digest: DIGEST }],
    [`/v2/a/b/manifests/${SHA512}`, { kind: 'manifest', name, digest: SHA512 }],
    [`/v2/a/b/manifests/${DIGEST.replace(':', '%3A')}`, { kind: 'manifest', name, digest: DIGEST }],
    [`/v2/a/b/blobs/${DIGEST}`, { kind: 'blob', name, digest: DIGEST }],
    ['/v2/a/b/tags/list?n=0', { kind: 'tags', name, page: { limit: 0, last: undefined } }],
    ['/v2/a/b/tags/list?n=9999999999', { kind: 'tags', name, page: { limit: 999_999_999, last: undefined } }],
    [`/v2/_catalog?n=${'9'.repeat(400)}`, { kind: 'catalog', page: { limit: 999_999_999, last: undefined } }],
    ['/v2/a/b/tags/list?n=0000000000002', { kind: 'tags', name, page: { limit: 2, last: undefined } }],
    [`/v2/a/b/referrers/${DIGEST}`, { kind: 'referrers', name, subject: DIGEST, artifactType: undefined }],
    [
      `/v2/a/b/referrers/${DIGEST}?artifactType=a%2Fb%2Bjson`,
      { kind: 'referrers', name, subject: DIGEST, artifactType: 'a/b+json' },
    ],
    [
      `/v2/a/b/referrers/${DIGEST}?artifactType=application/spdx+json`,
      { kind: 'referrers', name, subject: DIGEST, artifactType: 'application/spdx+json' },
    ],
  ])('%s', (path, expected) => {
    expect(parse(path)).toEqual(expected);
    expect(parse(path, 'mirror.example.com', 'HEAD')).toEqual(expected);
  });
});

describe('refusals', () => {
  it.each([
    ['/v2/a', 404, 'NAME_UNKNOWN'],
    ['/v2/a/b/tags', 404, 'NAME_UNKNOWN'],
    ['/v2/a/b/tags/other', 404, 'NAME_UNKNOWN'],
    ['/v2/a/b/blobs/uploads/', 404, 'NAME_UNKNOWN'],
    ['/v2/manifests/1.0', 400, 'NAME_INVALID'],
    ['/v2//manifests/1.0', 400, 'NAME_INVALID'],
    ['/v2/a//b/manifests/1.0', 400, 'NAME_INVALID'],
    ['/v2/A/manifests/1.0', 400, 'NAME_INVALID'],
    ['/v2/a/_tags/manifests/1.0', 400, 'NAME_INVALID'],
    ['/v2/a%2Fb/manifests/1.0', 400, 'NAME_INVALID'],
    ['/v2/a/%00/manifests/1.0', 400, 'NAME_INVALID'],
    ['/v2/a/%zz/manifests/1.0', 400, 'NAME_INVALID'],
    ['/v2/a/%c3%28/manifests/1.0', 400, 'NAME_INVALID'],
    [`/v2/${'a'.repeat(10_000)}/manifests/1.0`, 400, 'NAME_INVALID'],
    ['/v2/a/manifests/.INVALID_MANIFEST_NAME', 404, 'MANIFEST_UNKNOWN'],
    [`/v2/a/manifests/${'x'.repeat(129)}`, 404, 'MANIFEST_UNKNOWN'],
    ['/v2/a/manifests/', 404, 'MANIFEST_UNKNOWN'],
    ['/v2/a/manifests/sha256:baddigeststring', 400, 'DIGEST_INVALID'],
    [`/v2/a/manifests/sha384:${'ab'.repeat(48)}`, 400, 'DIGEST_INVALID'],
    [`/v2/a/blobs/${DIGEST.toUpperCase()}`, 400, 'DIGEST_INVALID'],
    ['/v2/a/referrers/latest', 400, 'DIGEST_INVALID'],
    ['/v2/a/tags/list?n=-1', 400, 'PAGINATION_NUMBER_INVALID'],
    ['/v2/a/tags/list?n=1.5', 400, 'PAGINATION_NUMBER_INVALID'],
    ['/v2/a/tags/list?n=1e9', 400, 'PAGINATION_NUMBER_INVALID'],
    ['/v2/a/tags/list?n=', 400, 'PAGINATION_NUMBER_INVALID'],
    ['/v2/_catalog?n=many', 400, 'PAGINATION_NUMBER_INVALID'],
    ['/v2/a/tags/list?ns=quay.io&ns=ghcr.io', 404, 'NAME_UNKNOWN'],
    ['/v2/a/tags/list?ns=[::1]:5000', 404, 'NAME_UNKNOWN'],
    ['/v2/a/tags/list?ns=http://169.254.169.254/', 404, 'NAME_UNKNOWN'],
  ])('%s has the status %i and the code %s', (path, status, code) => {
    expect(refusal(path)).toEqual([status, code]);
  });

  const NO_DIGEST = 'This is not a digest that this registry can store. It stores sha256 and sha512.';
  it.each([
    ['POST', '/', 'This registry is read-only: POST is not answered.'],
    ['X'.repeat(30), '/', `This registry is read-only: ${'X'.repeat(20)} is not answered.`],
    ['GET', '/v2/a', 'There is nothing at this path. The registry is at /v2/.'],
    ['GET', '/v2/a/%zz/tags/list', 'The path has a "%" that does not begin an encoded character.'],
    ['GET', '/v2/a%2Fb/tags/list', 'A part of the path has an encoded slash.'],
    ['GET', '/v2/a/manifests/.x', 'There is no such manifest: the reference is not a valid tag.'],
    ['GET', '/v2/a/manifests/sha256:x', NO_DIGEST],
    ['GET', '/v2/a/blobs/latest', NO_DIGEST],
    [
      'GET',
      '/v2/a/tags/list?ns=a.io&ns=b.io',
      '"ns" is given more than once, and names different upstreams.',
    ],
    ['GET', '/v2/a/tags/list?n=x', '"n" is not a whole number of entries.'],
  ])('%s %s: %s', (method, path, message) => {
    expect(parse(path, 'mirror.example.com', method)).toMatchObject({ kind: 'refused', error: { message } });
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('%s → 405, whatever the path', (method) => {
    expect(refusal('/v2/a/blobs/uploads/', method)).toEqual([405, 'UNSUPPORTED']);
    expect(refusal('/v2/A//%zz', method)).toEqual([405, 'UNSUPPORTED']);
    expect(refusal('/', method)).toEqual([405, 'UNSUPPORTED']);
  });
});
