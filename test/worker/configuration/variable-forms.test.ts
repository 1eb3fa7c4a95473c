/** Forms of variables at the edge of what is accepted, each with its value or with the sentence that refuses it. */
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { readConfiguration } from '../../../worker/configuration/configuration.ts';

const BUCKET = env.BUCKET;
const KEYS = { ACCESS_KEY_ID: 'key', SECRET_ACCESS_KEY: 'secret' };
const HASH = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';
const TOKEN = { BUCKET, AUDIENCE: 'token', TOKENS: `ci ${HASH} **` };

/** The variables of the store with that number. */
function store(number: number, fields: Record<string, unknown> = {}): Record<string, unknown> {
  const all = { ENDPOINT: 'https://s3.example.com', BUCKET: `boat${number}`, ...KEYS, ...fields };
  const start = number === 1 ? 'S3_' : `S3_${number}_`;
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [`${start}${name}`, value]));
}

describe('a value that is accepted', () => {
  it('for nine stores is read for each of them, in their order', () => {
    const variables = Array.from({ length: 9 }, (_, index) =>
      store(index + 1, index === 0 ? {} : { PUBLIC_URL: `https://cdn${index + 1}.example.com/` }),
    );
    const { stores } = readConfiguration(
      Object.assign({ PUBLIC_URL: 'https://cdn1.example.com' }, ...variables),
    );
    expect(stores.map(({ bucket, publicUrl }) => [bucket, publicUrl])).toEqual(
      Array.from({ length: 9 }, (_, index) => [`boat${index + 1}`, `https://cdn${index + 1}.example.com`]),
    );
  });

  it.each([
    ['https://s3.example.com//', 'https://s3.example.com'],
    ['https://s3.example.com/a//b//', 'https://s3.example.com/a//b'],
    ['https://S3.example.com:443?#', 'https://s3.example.com'],
  ])('as S3_ENDPOINT = %s is %s', (ENDPOINT, expected) => {
    expect(readConfiguration(store(1, { ENDPOINT })).stores[0]).toMatchObject({ endpoint: expected });
  });

  it.each([
    ['a//', 'a/'],
    ['a/B.c_d-e/..f', 'a/B.c_d-e/..f/'],
    ['/', ''],
    ['/a/b', 'a/b/'],
  ])('as S3_PREFIX = %s is %j', (S3_PREFIX, prefix) => {
    expect(readConfiguration({ BUCKET, S3_PREFIX }).stores[0]?.prefix).toBe(prefix);
  });

  it.each(['b0', `B${'.'.repeat(62)}`, 'a_b-c'])('as S3_BUCKET = %s is the same', (bucket) => {
    expect(readConfiguration(store(1, { BUCKET: bucket })).stores[0]?.bucket).toBe(bucket);
  });

  it.each([
    ['an S3 store, which signs URLs', store(1)],
    ['a binding whose bucket is public', { BUCKET, PUBLIC_URL: 'https://cdn.example.com' }],
  ])('as BLOBS = redirect has %s', (_name, variables) => {
    expect(readConfiguration({ ...variables, BLOBS: 'redirect' }).blobs).toBe('redirect');
  });

  it('as STREAM_BELOW = 1048576 is so many bytes', () => {
    expect(readConfiguration({ BUCKET, STREAM_BELOW: '1048576' }).streamBelowBytes).toBe(1_048_576);
  });

  it('without quotes in wrangler.toml, or as null, is a text, or not set', () => {
    expect(readConfiguration(store(1, { PATH_STYLE: false })).stores[0]).toMatchObject({ pathStyle: false });
    expect(readConfiguration({ BUCKET, STREAM_BELOW: 0, TAG_TTL: null })).toMatchObject({
      streamBelowBytes: 0,
      tagTtlMs: 60_000,
    });
  });

  it('of HOSTS or CATALOG has spaces around its parts, and empty parts', () => {
    const { hosts, catalogs } = readConfiguration({
      BUCKET,
      HOSTS: ' d.example.com = docker.io ,,q.example.com=quay.io,',
      CATALOG: ' a , ,b.c_d-e',
    });
    expect([...hosts]).toEqual([
      ['d.example.com', 'docker.io'],
      ['q.example.com', 'quay.io'],
    ]);
    expect(catalogs).toEqual(['a', 'b.c_d-e']);
  });

  it('of TOKENS may be in columns', () => {
    const TOKENS = `\n# names\nci \t ${HASH}   quay.io/**,ghcr.io/**\r\n;ops  ${HASH.toUpperCase()} **`;
    const { tokens } = readConfiguration({ ...TOKEN, TOKENS });
    expect(tokens.map(({ name, repositories }) => [name, repositories.length])).toEqual([
      ['ci', 2],
      ['ops', 1],
    ]);
  });

  it.each([
    ['contains S3_', { MY_S3_REGOIN: 'x' }],
    ['is one of the edge’s after a small letter', { aTAG_TTL: 'x' }],
    ['differs from a short one by two letters', { TUGZ: 'x' }],
  ])('of a variable whose name %s is not the edge’s', (_name, others) => {
    expect(readConfiguration({ BUCKET, ...others }).tagTtlMs).toBe(60_000);
  });
});

const FORM = 'it is not the name of a bucket.';
const BINDING = 'it is not the binding of an R2 bucket.';
const PATH = 'it is not a path of letters, digits, ".", "_" and "-".';
const PARTS = 'it has a user, a password, a query or a fragment.';
const ENTRY = 'entry 1 is not "name sha256 glob,glob".';
const NOT_HEX = 'the second part of entry 1 is not a SHA-256 in hexadecimal.';
const NO_GLOB =
  'a repository of entry 1 is not a glob of lower-case letters, digits, ".", "_", "/", "-" and "*".';

describe('a value that is refused', () => {
  it.each<[Record<string, unknown>, string, string]>([
    [{ BUCKET: null }, 'BUCKET', BINDING],
    [{ BUCKET: {} }, 'BUCKET', BINDING],
    [{ BUCKET: { get: 'x' } }, 'BUCKET', BINDING],
    ...['b', '-bb', '.bb', 'b b', 'bb/', 'b'.repeat(64)].map(
      (bucket): [Record<string, unknown>, string, string] => [
        store(1, { BUCKET: bucket }),
        'S3_BUCKET',
        FORM,
      ],
    ),
    ...['a//b', './a', 'a/.', 'a b', 'a/ü', 'üa', '..'].map(
      (S3_PREFIX): [Record<string, unknown>, string, string] => [{ BUCKET, S3_PREFIX }, 'S3_PREFIX', PATH],
    ),
    ...['//a@s3.io', '//:b@s3.io', '//s3.io/?x', '//s3.io/#x'].map(
      (rest): [Record<string, unknown>, string, string] => [
        store(1, { ENDPOINT: `https:${rest}` }),
        'S3_ENDPOINT',
        PARTS,
      ],
    ),
    [{ ...store(1), S3_PUBLIC_URL: 'https://cdn.io' }, 'S3_PUBLIC_URL', 'there is no such variable.'],
    [{ ...store(1), ...store(2), S3_2_X: '1' }, 'S3_2_X', 'there is no such variable.'],
    [{ ...store(1), ...store(9) }, 'S3_9_ENDPOINT', 'there is no store 8; number them without gaps.'],
    [
      { BUCKET, ...store(2), BLOBS: 'redirect' },
      'BLOBS',
      'the bucket binding cannot sign URLs. Set S3_ENDPOINT and its keys, or PUBLIC_URL, or use "auto".',
    ],
    [
      { ...TOKEN, ...store(2, { PUBLIC_URL: 'https://cdn.io' }) },
      'S3_2_PUBLIC_URL',
      'with AUDIENCE = token it would show private blobs to everybody who knows their digest.',
    ],
    [{ BUCKET, STREAM_BELOW: '1e3' }, 'STREAM_BELOW', 'it is not a number of bytes, such as 65536.'],
    [{ BUCKET, STREAM_BELOW: '9'.repeat(16) }, 'STREAM_BELOW', 'it is not a number of bytes, such as 65536.'],
    [{ BUCKET, HOSTS: '=docker.io' }, 'HOSTS', '"=docker.io" is not of the form host=upstream.'],
    [{ BUCKET, HOSTS: 'a.io=' }, 'HOSTS', '"a.io=" is not of the form host=upstream.'],
    [{ BUCKET, HOSTS: 'a.io=b.io=c.io' }, 'HOSTS', '"a.io=b.io=c.io" is not of the form host=upstream.'],
    [
      { BUCKET, HOSTS: 'a.io=[::1]' },
      'HOSTS',
      '"[::1]" is not a valid name: IPv6 literals cannot be part of an image name; use a host name.',
    ],
    ...['a/b', '-a', 'A', 'a'.repeat(64)].map((CATALOG): [Record<string, unknown>, string, string] => [
      { BUCKET, CATALOG },
      'CATALOG',
      `"${CATALOG}" is not a configuration's name.`,
    ]),
    [{ ...TOKEN, TOKENS: `ci ${HASH}` }, 'TOKENS', ENTRY],
    [{ ...TOKEN, TOKENS: `ci ${HASH} ** quay.io/**` }, 'TOKENS', ENTRY],
    [{ ...TOKEN, TOKENS: `ci 0${HASH} **` }, 'TOKENS', NOT_HEX],
    [{ ...TOKEN, TOKENS: `ci ${HASH}0 **` }, 'TOKENS', NOT_HEX],
    [{ ...TOKEN, TOKENS: `ci ${HASH} **,Quay.io/**` }, 'TOKENS', NO_GLOB],
    [{ BUCKET, TAGZ: true }, 'TAGZ', 'there is no such variable. Is TAGS meant?'],
    [{ BUCKET, AUDYENZE: 'x' }, 'AUDYENZE', 'there is no such variable. Is AUDIENCE meant?'],
    [{ BUCKET, KATALOK: 'x' }, 'KATALOK', 'there is no such variable. Is CATALOG meant?'],
    // TAG_STALE is two letters away, and comes first in the alphabet.
    [{ BUCKET, TAG_STTL: 'x' }, 'TAG_STTL', 'there is no such variable. Is TAG_TTL meant?'],
  ])('is named together with the reason: %j', (variables, variable, reason) => {
    expect(() => readConfiguration(variables)).toThrow(
      expect.objectContaining({
        name: 'ConfigurationError',
        variable,
        message: `The variable ${variable} cannot be used: ${reason}`,
      }),
    );
  });
});
