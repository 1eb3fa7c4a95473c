/** The values that each variable may have, and the sentence that names a variable with another value. */
import { env } from 'cloudflare:workers';
import { createExecutionContext } from 'cloudflare:test';
import { describe, expect, it, vi } from 'vitest';
import { ConfigurationError } from '../../../worker/configuration/configuration-error.ts';
import { readConfiguration } from '../../../worker/configuration/configuration.ts';
import worker from '../../../worker/index.ts';

const BUCKET = env.BUCKET;
const S3 = {
  S3_ENDPOINT: 'https://s3.example.com',
  S3_BUCKET: 'lifeboat',
  S3_ACCESS_KEY_ID: 'key',
  S3_SECRET_ACCESS_KEY: 'secret',
};
const HASH = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';

describe('defaults', () => {
  it('are those of the documentation', () => {
    const { stores, hosts, tokens, ...rest } = readConfiguration({ BUCKET });
    expect(rest).toEqual({
      audience: 'public',
      defaultUpstream: 'docker.io',
      blobs: 'auto',
      streamBelowBytes: 65_536,
      tagTtlMs: 60_000,
      tagStaleMs: 604_800_000,
      storeFreshMs: 5000,
      tags: true,
      pages: true,
      catalogs: ['default'],
      challenge: 'none',
    });
    expect([hosts.size, tokens]).toEqual([0, []]);
    expect(stores).toEqual([{ kind: 'r2', bucket: BUCKET, prefix: '', publicUrl: undefined }]);
  });

  it('include the region auto and path style for a store', () => {
    expect(readConfiguration(S3).stores).toEqual([
      {
        kind: 's3',
        endpoint: 'https://s3.example.com',
        bucket: 'lifeboat',
        region: 'auto',
        pathStyle: true,
        prefix: '',
        accessKeyId: 'key',
        secretAccessKey: 'secret',
        publicUrl: undefined,
      },
    ]);
  });
});

describe('forms', () => {
  it('an empty text is an unset variable, and white space around a text does not count', () => {
    const { stores } = readConfiguration({ ...S3, S3_REGION: '', S3_SECRET_ACCESS_KEY: 'secret\n' });
    expect(stores[0]).toMatchObject({ region: 'auto', secretAccessKey: 'secret' });
  });

  it('the endpoint’s path, a prefix and a second store are read', () => {
    const { stores } = readConfiguration({
      ...S3,
      S3_ENDPOINT: 'http://localhost:8787/cdn-cgi/local/r2/s3/',
      S3_PREFIX: 'a/b',
      PUBLIC_URL: 'https://cdn.example.com/',
      S3_2_ENDPOINT: 'https://s3.eu.example.com',
      S3_2_BUCKET: 'second',
      S3_2_REGION: 'eu-1',
      S3_2_PATH_STYLE: 'false',
      S3_2_ACCESS_KEY_ID: 'k2',
      S3_2_SECRET_ACCESS_KEY: 's2',
    });
    expect(stores).toMatchObject([
      {
        endpoint: 'http://localhost:8787/cdn-cgi/local/r2/s3',
        prefix: 'a/b/',
        publicUrl: 'https://cdn.example.com',
      },
      { endpoint: 'https://s3.eu.example.com', bucket: 'second', region: 'eu-1', pathStyle: false },
    ]);
  });

  it.each([
    ['0', 0],
    [0, 0],
    ['500ms', 500],
    ['90s', 90_000],
    ['5m', 300_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
    ['1.5d', 129_600_000],
  ])('TAG_TTL = %s is %i ms', (text, milliseconds) => {
    expect(readConfiguration({ BUCKET, TAG_TTL: text }).tagTtlMs).toBe(milliseconds);
  });

  it('HOSTS maps hosts to upstreams', () => {
    const { hosts } = readConfiguration({
      BUCKET,
      HOSTS: 'D.example.com=docker.io, q.example.com:8443=QUAY.io',
    });
    expect([...hosts]).toEqual([
      ['d.example.com', 'docker.io'],
      ['q.example.com:8443', 'quay.io'],
    ]);
  });
});

describe('names that are not the edge’s', () => {
  it.each([
    ['in small letters', { tag_tll: '1h' }],
    [
      'that resemble none',
      { LOGS: 'on', PORT: '80', NODE_ENV: 'x', CI: 'true', WORKERS_CI: '1', CF_PAGES: '1', HOST: 'x' },
    ],
    ['and are not set', { TAG_TLL: '' }],
    ['of what is bound', { TAGZ: { get: () => undefined } }],
  ])('%s are ignored', (_name, others) => {
    expect(readConfiguration({ BUCKET, ...others }).tagTtlMs).toBe(60_000);
  });
});

describe('a variable that cannot be used', () => {
  const TOKEN = { BUCKET, AUDIENCE: 'token', TOKENS: `ci ${HASH} **` };
  it.each([
    [{}, 'S3_ENDPOINT', 'it is not set, and there is no R2 binding BUCKET either.'],
    [{ BUCKET: 'lifeboat' }, 'BUCKET', 'it is not the binding of an R2 bucket.'],
    [{ BUCKET, S3_BUCKET: 'b' }, 'S3_ENDPOINT', 'it is not set, but S3_BUCKET is.'],
    [{ ...S3, S3_ENDPOINT: 's3.example.com' }, 'S3_ENDPOINT', 'it is not a URL.'],
    [{ ...S3, S3_ENDPOINT: 'ftp://s3' }, 'S3_ENDPOINT', 'it is neither an https:// nor an http:// URL.'],
    [
      { ...S3, S3_ENDPOINT: 'https://a:b@s3.example.com' },
      'S3_ENDPOINT',
      'it has a user, a password, a query or a fragment.',
    ],
    [{ ...S3, S3_BUCKET: '' }, 'S3_BUCKET', 'it is not set.'],
    [{ ...S3, S3_BUCKET: 'a/b' }, 'S3_BUCKET', 'it is not the name of a bucket.'],
    [{ ...S3, S3_ACCESS_KEY_ID: '' }, 'S3_ACCESS_KEY_ID', 'it is not set.'],
    [{ ...S3, S3_SECRET_ACCESS_KEY: undefined }, 'S3_SECRET_ACCESS_KEY', 'it is not set.'],
    [{ ...S3, S3_PATH_STYLE: 'yes' }, 'S3_PATH_STYLE', 'it must be one of true, false.'],
    [{ ...S3, S3_PREFIX: '../x' }, 'S3_PREFIX', 'it is not a path of letters, digits, ".", "_" and "-".'],
    [{ ...S3, S3_REGOIN: 'x' }, 'S3_REGOIN', 'there is no such variable.'],
    [{ BUCKET, TAG_TLL: '1h' }, 'TAG_TLL', 'there is no such variable. Is TAG_TTL meant?'],
    [{ BUCKET, TAG_STAEL: 60 }, 'TAG_STAEL', 'there is no such variable. Is TAG_STALE meant?'],
    [{ BUCKET, Tags: 'off' }, 'Tags', 'there is no such variable. Is TAGS meant?'],
    [{ BUCKET, TOKEN: 'secret' }, 'TOKEN', 'there is no such variable. Is TOKENS meant?'],
    [{ BUCKET, AUDIANCE: 'token' }, 'AUDIANCE', 'there is no such variable. Is AUDIENCE meant?'],
    [{ BUCKET, S3ENDPOINT: 'x' }, 'S3ENDPOINT', 'there is no such variable. Is S3_ENDPOINT meant?'],
    [{ ...S3, S3_2_BUCKET: 'b' }, 'S3_2_ENDPOINT', 'it is not set.'],
    [{ ...S3, S3_3_BUCKET: 'b' }, 'S3_3_ENDPOINT', 'there is no store 2; number them without gaps.'],
    [{ BUCKET, AUDIENCE: 'everyone' }, 'AUDIENCE', 'it must be one of public, token.'],
    [{ BUCKET, BLOBS: 'proxy' }, 'BLOBS', 'it must be one of auto, redirect, stream.'],
    [
      { BUCKET, BLOBS: 'redirect' },
      'BLOBS',
      'the bucket binding cannot sign URLs. Set S3_ENDPOINT and its keys, or PUBLIC_URL, or use "auto".',
    ],
    [{ BUCKET, STREAM_BELOW: '64k' }, 'STREAM_BELOW', 'it is not a number of bytes, such as 65536.'],
    [{ BUCKET, STREAM_BELOW: '-1' }, 'STREAM_BELOW', 'it is not a number of bytes, such as 65536.'],
    [{ BUCKET, TAG_TTL: 'soon' }, 'TAG_TTL', 'it is not a duration, such as 30s, 5m, 24h or 7d.'],
    [{ BUCKET, TAG_STALE: '1w' }, 'TAG_STALE', 'it is not a duration, such as 30s, 5m, 24h or 7d.'],
    [
      { BUCKET, TAG_TTL: '60' },
      'TAG_TTL',
      'it needs a unit: 60s, 60m, 60h or 60d. Earlier versions took a number without a unit for seconds.',
    ],
    [
      { BUCKET, STORE_FRESH: 5 },
      'STORE_FRESH',
      'it needs a unit: 5s, 5m, 5h or 5d. Earlier versions took a number without a unit for seconds.',
    ],
    [{ BUCKET, STORE_FRESH: {} }, 'STORE_FRESH', 'it is not a text.'],
    [{ BUCKET, TAGS: 'no' }, 'TAGS', 'it must be one of on, off.'],
    [{ BUCKET, AUTH_CHALLENGE: 'bearer' }, 'AUTH_CHALLENGE', 'it must be one of none, basic.'],
    [
      { BUCKET, HOSTS: 'docker.example.com' },
      'HOSTS',
      '"docker.example.com" is not of the form host=upstream.',
    ],
    [
      { BUCKET, HOSTS: 'a b=docker.io' },
      'HOSTS',
      '"a b" is not a host name, with ":" and a port (1 to 65535) where it has one.',
    ],
    ...['a.b:0', 'a.b:99999', 'a.b:0443', '.', 'a..b', 'a.b.', '-a.b', `${'a'.repeat(64)}.b`].map(
      (host): [Record<string, unknown>, string, string] => [
        { BUCKET, HOSTS: `${host}=docker.io` },
        'HOSTS',
        `"${host}" is not a host name, with ":" and a port (1 to 65535) where it has one.`,
      ],
    ),
    [{ BUCKET, HOSTS: 'a.io=b.io,a.io=c.io' }, 'HOSTS', 'it names a.io twice.'],
    [{ BUCKET, DEFAULT_UPSTREAM: '[::1]' }, 'DEFAULT_UPSTREAM', '"[::1]" is not a valid name'],
    [{ BUCKET, CATALOG: '../x' }, 'CATALOG', '"../x" is not a configuration\'s name.'],
    [{ BUCKET, TOKENS: `ci ${HASH} **` }, 'TOKENS', 'AUDIENCE is public, so tokens would protect nothing.'],
    [{ BUCKET, AUDIENCE: 'token' }, 'TOKENS', 'it holds no token, and AUDIENCE = token lets nobody else in.'],
    [{ ...TOKEN, TOKENS: 'ci' }, 'TOKENS', 'entry 1 is not "name sha256 glob,glob".'],
    [
      { ...TOKEN, TOKENS: `ci ${HASH} **; ops s3cret **` },
      'TOKENS',
      'the second part of entry 2 is not a SHA-256 in hexadecimal.',
    ],
    [
      { ...TOKEN, TOKENS: `ci ${HASH} **;ci ${HASH} **` },
      'TOKENS',
      'entry 2 has the same name as an earlier entry.',
    ],
    ...['(a|b)', 'ghcr.io/a:1', '[::1]:5000/**'].map((glob): [Record<string, unknown>, string, string] => [
      { ...TOKEN, TOKENS: `ci ${HASH} ${glob}` },
      'TOKENS',
      'a repository of entry 1 is not a glob of lower-case letters, digits, ".", "_", "/", "-" and "*".',
    ]),
    [
      { BUCKET, AUTH_CHALLENGE: 'basic' },
      'AUTH_CHALLENGE',
      'AUDIENCE is public, so nobody is asked for a login.',
    ],
    [
      { ...TOKEN, PUBLIC_URL: 'https://cdn.example.com' },
      'PUBLIC_URL',
      'with AUDIENCE = token it would show private blobs to everybody who knows their digest.',
    ],
  ])('is named together with the reason: %j', (variables, variable, reason) => {
    let error: unknown;
    try {
      readConfiguration(variables);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error).toMatchObject({
      variable,
      message: expect.stringContaining(`The variable ${variable} cannot be used: ${reason}`),
    });
    expect(String(error)).not.toMatch(/secret\b|s3cret|9f86d0/);
  });
});

/** @returns how many globs of the token are accepted */
function readGlob(glob: string) {
  const TOKENS = `ci ${HASH} quay.io/**,${glob}`;
  return readConfiguration({ BUCKET, AUDIENCE: 'token', TOKENS }).tokens[0]?.repositories.length;
}

describe('globs of TOKENS', () => {
  const NO_REGISTRY = 'it has to begin with a registry, as in docker.io/library/*.';
  const PORT = 'the port of a registry is written with "_", as in *_5000/**.';
  const HUB = 'names of Docker Hub have two parts after docker.io, as in docker.io/library/nginx.';
  it.each([
    ['library/*', NO_REGISTRY],
    ['nginx', NO_REGISTRY],
    ['/library/*', NO_REGISTRY],
    ['docker.io', NO_REGISTRY],
    ['*', NO_REGISTRY],
    ['ghcr*', NO_REGISTRY],
    ['docker.io/nginx', HUB],
    ['docker.io/*', HUB],
    ['index.docker.io/**', 'its registry is written docker.io here.'],
    ['ghcr.io_443/**', 'its registry is written ghcr.io here.'],
    ['ghcr.io:443/**', 'its registry is written ghcr.io here.'],
    ['localhost:5000/**', 'its registry is written localhost_5000 here.'],
    ['registry:5000/a/*', 'its registry is written registry_5000 here.'],
    ['ghcr.io/acme/', 'nothing can have such a name.'],
    ['ghcr.io//a', 'nothing can have such a name.'],
    ['ghcr.io/-*', 'nothing can have such a name.'],
    ['ghcr.io_0/**', 'nothing can have such a name.'],
    ['*:5000/**', PORT],
    ['**:5000/app', PORT],
    ...[
      '*_0/**',
      '*_99999/**',
      '*_00*/a',
      '*_/a',
      '*_x/a',
      'a_5*b/c',
      '_*/a',
      '-*/**',
      '*-/**',
      '.*/a',
      '*./a',
      '*..io/a',
      '*.-io/a',
      '**-',
      'localhost_5**_',
      'a_*_5**',
      '-**',
      '*/',
      '**/',
      '*//a',
      '**//a',
      '*/-a',
      '**/a_',
      '*/a___b',
      '*.io/a/.b',
      '*/*-',
    ].map((glob): string[] => [glob, 'nothing can have such a name.']),
  ])('%s, which matches nothing, is refused', (glob, reason) => {
    expect(() => readGlob(glob)).toThrow(
      `The variable TOKENS cannot be used: glob 2 of entry 1 matches no repository: ${reason}`,
    );
  });

  it.each([
    '**',
    '*/**',
    '**/nginx',
    '*.example.com/**',
    'registry*/a',
    'ghcr**',
    'docker.io/**',
    'docker.io/foo**',
    'docker.io/library/*',
    'docker.io/*/*',
    'localhost/a',
    'localhost_5000/**',
    'localhost_**',
    'localhost_5**0/a',
    'localhost_5**a_*',
    'localhost_50**_*',
    'registry_5**b__*',
    '*.b.c_3*68**',
    '*_*0000*/a',
    '*_5**_6*',
    '*_5000**',
    '*_**',
    'registry*_5000**',
    '**_**',
    'registry_443/a-*',
    'ghcr.io/a',
    'ghcr.io/*/b_*',
    'ghcr.io/acme/**/x',
    '*_5000/**',
    '*_443/**',
    'registry_*/a',
    '*_5*/a',
    '*_6553*/a',
    '*_65535*/a',
    '**_5000/a',
    '**_b',
    '*.*/a',
    '*a*b*/c',
    'docker.io*/nginx',
    '*docker.io/nginx',
    'localhost*/a',
    '*-registry*/a_*',
    `${'a'.repeat(63)}*/b`,
    '*/a__*',
    '**.io/**/*-b',
  ])('%s, which can match a repository, is accepted', (glob) => {
    expect(readGlob(glob)).toBe(2);
  });

  it('a refusal does not quote a glob, because someone may have written a token in its place', () => {
    expect(() => readGlob('s3cret-token')).toThrow(/^(?!.*s3cret)/s);
  });
});

describe('an edge with a variable that cannot be used', () => {
  it('logs the sentence once', async () => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => {});
    const broken = { ...env, TAG_TTL: 'soon' };
    for (const path of ['/v2/', '/healthz']) {
      const request = new Request(`https://mirror.example.com${path}`);
      await worker.fetch(request, broken, createExecutionContext());
    }
    const line =
      '{"kind":"configuration","failures":["The variable TAG_TTL cannot be used: it is not a duration, such as 30s, 5m, 24h or 7d."]}';
    expect(logged.mock.calls).toEqual([[line]]);
    logged.mockRestore();
  });

  it.each([
    ['GET', '/v2/'],
    ['HEAD', '/v2/'],
    ['GET', '/healthz'],
    ['GET', '/v2/library/nginx/manifests/latest'],
    ['PUT', '/v2/a//b'],
    ['GET', '/anything'],
  ])('answers %s %s with a 503 that names the variable', async (method, path) => {
    const broken = { ...env, TAG_TTL: 'soon' };
    const request = new Request(`https://mirror.example.com${path}`, { method });
    const response = await worker.fetch(request, broken, createExecutionContext());
    expect(response.status).toBe(503);
    expect(response.headers.get('cache-control')).toBe('no-store, no-transform');
    expect(response.headers.get('content-type')).toBe('application/json');
    const body =
      '{"errors":[{"code":"UNAVAILABLE","message":"The variable TAG_TTL cannot be used: it is not a duration, such as 30s, 5m, 24h or 7d."}]}';
    expect(response.headers.get('content-length')).toBe(String(body.length));
    expect(await response.text()).toBe(method === 'HEAD' ? '' : body);
  });
});
