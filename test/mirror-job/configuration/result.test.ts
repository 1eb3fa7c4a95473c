/** The result of a valid configuration. */
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import type { Configuration } from '../../../mirror-job/configuration/configuration.ts';
import { FOLLOW } from '../../../mirror-job/engine/image.ts';
import { parseConfiguration } from '../../../mirror-job/configuration/parse.ts';

const STORE = 'store: { endpoint: "https://s3.example.com", bucket: lifeboat }\n';
const DIGEST = `sha256:${'0'.repeat(64)}`;
const DAY = 86_400_000;

function parse(text: string, environment: Record<string, string> = {}): Configuration {
  return parseConfiguration('/etc/lifeboat/lifeboat.yaml', text, environment);
}

test('a short configuration gets the defaults', () => {
  expect(parse(`${STORE}images: [alpine:3.20]\n`)).toEqual({
    name: 'default',
    store: {
      endpoint: 'https://s3.example.com',
      bucket: 'lifeboat',
      region: 'auto',
      prefix: '',
      pathStyle: true,
      credentials: undefined,
      audience: 'public',
      singleWriter: false,
      line: 1,
      key: 'store',
    },
    maxDuration: { milliseconds: 18_000_000, text: '5h' },
    stateKey: undefined,
    laterStores: [],
    upstreams: new Map(),
    defaults: { referrersEveryMs: DAY, moves: FOLLOW },
    images: [
      {
        source: { kind: 'registry', upstream: 'docker.io', path: 'library/alpine' },
        repository: 'docker.io/library/alpine',
        tags: { explicit: ['3.20'], rules: undefined },
        digests: [],
        referrersEveryMs: DAY,
        moves: FOLLOW,
        immutable: [],
        public: false,
        line: 2,
        position: 0,
      },
    ],
    edge: undefined,
    inUse: [],
    onDemand: [],
    notify: [],
  });
});

test('an entry with inUse is a rule, with the defaults and its own settings', () => {
  const text = `${STORE}defaults: { platforms: [linux/amd64] }
images:
  - a:1
  - inUse: { clusters: ['*'], upstreams: [docker.io] }
  - inUse:
      clusters: [prod, 'test-*']
      upstreams: [quay.io, registry.internal:5000]
      include: ['quay.io/prometheus/**']
      exclude: ['**/debug', 'registry.internal:5000/team/*']
      keep: 10d
      maxAge: 2h
    platforms: all
    referrers: false
    moves: { policy: hold }
    public: true
  - b:1
`;
  const { images, inUse } = parseConfiguration('f.yaml', text, {});
  expect(images.map(({ repository, position }) => [repository, position])).toEqual([
    ['docker.io/library/a', 0],
    ['docker.io/library/b', 3],
  ]);
  expect(inUse).toMatchObject([
    {
      clusters: [{ text: '*' }],
      upstreams: new Set(['docker.io']),
      include: [],
      exclude: [],
      keepMs: 30 * DAY,
      maxAgeMs: DAY,
      platforms: ['linux/amd64'],
      referrersEveryMs: DAY,
      moves: FOLLOW,
      public: false,
      line: 5,
    },
    {
      upstreams: new Set(['quay.io', 'registry.internal_5000']),
      keepMs: 10 * DAY,
      maxAgeMs: 2 * 3_600_000,
      platforms: undefined,
      referrersEveryMs: false,
      moves: { policy: 'hold' },
      public: true,
      line: 6,
    },
  ]);
  const [, second] = inUse;
  expect(second?.exclude.some(({ matches }) => matches('registry.internal_5000/team/app'))).toBe(true);
  expect(
    ['prod', 'test-1', 'stage'].map((name) => second?.clusters.some(({ matches }) => matches(name))),
  ).toEqual([true, true, false]);
});

test('a pattern for images on demand gets the defaults, and its own settings', () => {
  const text = `${STORE}defaults: { platforms: [linux/amd64], referrers: false }
onDemand:
  - docker.io/library/*
  - source: registry.internal:5000/{a,b}/**
    tags: { include: ['v*'], exclude: ['*-rc'], immutable: ['v1'] }
    maxSize: 500MiB
    platforms: all
    referrers: { every: 7d }
    moves: { policy: hold }
    public: true
`;
  const { images, onDemand } = parse(text);
  expect(images).toEqual([]);
  expect(onDemand).toEqual([
    {
      upstream: 'docker.io',
      path: { text: 'library/*', matches: expect.any(Function) },
      tags: { explicit: [], rules: expect.objectContaining({ exclude: [] }) },
      isForDigests: true,
      platforms: ['linux/amd64'],
      referrersEveryMs: false,
      moves: FOLLOW,
      immutable: [],
      maxBlobBytes: 4 * 1024 ** 3,
      public: false,
      line: 4,
    },
    {
      upstream: 'registry.internal_5000',
      path: { text: '{a,b}/**', matches: expect.any(Function) },
      tags: {
        explicit: [],
        rules: expect.objectContaining({ exclude: [expect.objectContaining({ text: '*-rc' })] }),
      },
      isForDigests: false,
      platforms: undefined,
      referrersEveryMs: 7 * DAY,
      moves: { ...FOLLOW, policy: 'hold' },
      immutable: [expect.objectContaining({ text: 'v1' })],
      maxBlobBytes: 500 * 1024 ** 2,
      public: true,
      line: 5,
    },
  ]);
});

test('each key is in the result', () => {
  const text = `# the mirror of team A
name: team-a
maxDuration: 50m
store:
  endpoint: \${S3_ENDPOINT}
  bucket: lifeboat
  region: eu-central-1
  prefix: /mirrors/a/
  pathStyle: false
  accessKeyId: id
  secretAccessKey: \${S3_KEY}
  audience: token
  singleWriter: true
upstreams:
  registry-1.docker.io: { credentials: [{ username: a, password: "\${HUB}" }], timeout: 90s, concurrency: 4, budget: { keepRemaining: 20, manifestGetsPerRun: 50 } }
  127.0.0.1:5000: { insecure: true, ca: roots.pem }
defaults:
  referrers: false
  moves: { minAge: 3d, maxMovesPerRun: 5 }
images:
  - source: 127.0.0.1:5000/team/app:1@${DIGEST}
    name: images.internal/app
`.replace(`:1@${DIGEST}`, ':1');
  const more = `    tags: { include: [stable, 'v*'], exclude: ['*-rc*'], immutable: ['/^v/', stable] }
    digests: ['${DIGEST}', '${DIGEST}']
    referrers: { every: 1.5h }
    public: true
    moves: { policy: hold, minAge: 1h, rollback: follow }
  - source: oci:../images/app
    name: images.internal:8443/app
    tags: ['*']
stateKey: \${STATE_KEY}
edge: { url: 'https://Mirror.example.com:443/', tokenFile: ../token }
`;
  const moves = { policy: 'follow', minAgeMs: 3 * DAY, rollback: 'hold', maxMovesPerRun: 5 };
  const environment = {
    S3_ENDPOINT: 'http://localhost:9000',
    S3_KEY: 'k${HUB}',
    HUB: 'p: "w"',
    STATE_KEY: '0123456789abcdef0123456789abcdef',
  };
  const configuration = parse(`${text}${more}`, environment);
  expect(configuration).toEqual({
    name: 'team-a',
    maxDuration: { milliseconds: 3_000_000, text: '50m' },
    edge: { url: 'https://mirror.example.com', tokenFile: resolve('/etc/token') },
    inUse: [],
    onDemand: [],
    notify: [],
    stateKey: '0123456789abcdef0123456789abcdef',
    store: {
      endpoint: 'http://localhost:9000',
      bucket: 'lifeboat',
      region: 'eu-central-1',
      prefix: 'mirrors/a/',
      pathStyle: false,
      credentials: { accessKeyId: 'id', secretAccessKey: 'k${HUB}' },
      audience: 'token',
      singleWriter: true,
      line: 4,
      key: 'store',
    },
    laterStores: [],
    upstreams: new Map([
      [
        'docker.io',
        {
          credentials: [{ username: 'a', password: 'p: "w"' }],
          insecure: false,
          ca: undefined,
          timeoutMs: 90_000,
          concurrency: 4,
          budget: { keepRemaining: 20, manifestGetsPerRun: 50 },
          line: 15,
        },
      ],
      [
        '127.0.0.1_5000',
        {
          credentials: undefined,
          insecure: true,
          ca: '/etc/lifeboat/roots.pem',
          timeoutMs: undefined,
          concurrency: undefined,
          budget: { keepRemaining: undefined, manifestGetsPerRun: undefined },
          line: 16,
        },
      ],
    ]),
    defaults: { referrersEveryMs: false, moves },
    images: [
      {
        source: { kind: 'registry', upstream: '127.0.0.1_5000', path: 'team/app' },
        repository: 'images.internal/app',
        tags: {
          explicit: ['1', 'stable'],
          rules: {
            include: [{ text: 'v*', matches: expect.any(Function) }],
            versions: undefined,
            exclude: [{ text: '*-rc*', matches: expect.any(Function) }],
            latest: undefined,
            minTags: 0,
          },
        },
        digests: [DIGEST],
        referrersEveryMs: 5_400_000,
        moves: { policy: 'hold', minAgeMs: 3_600_000, rollback: 'follow', maxMovesPerRun: 5 },
        immutable: ['/^v/', 'stable'].map((pattern) => ({ text: pattern, matches: expect.any(Function) })),
        public: true,
        line: 21,
        position: 0,
      },
      {
        source: { kind: 'layout', folder: resolve('/etc/images/app') },
        repository: 'images.internal_8443/app',
        tags: {
          explicit: [],
          rules: {
            include: [{ text: '*', matches: expect.any(Function) }],
            versions: undefined,
            exclude: [],
            latest: undefined,
            minTags: 0,
          },
        },
        digests: [],
        referrersEveryMs: false,
        moves,
        immutable: [],
        public: false,
        line: 28,
        position: 1,
      },
    ],
  });
});

test('a range of versions has its suffixes and precisions beside it', () => {
  const [short, long] = parse(
    `${STORE}images: [{ source: a, tags: { semver: '1.27 - 1.29' } }, { source: b, tags: { suffix: ['-x'], precision: [2, 3], latest: 5, minTags: 2 } }]`,
  ).images;
  expect(short?.tags.rules).toEqual({
    include: [],
    versions: {
      range: '1.27 - 1.29',
      suffixes: [{ text: '', matches: expect.any(Function) }],
      precisions: [],
    },
    exclude: [],
    latest: undefined,
    minTags: 0,
  });
  expect(long?.tags.rules).toMatchObject({
    versions: { range: '*', suffixes: [{ text: '-x' }], precisions: [2, 3] },
    latest: 5,
    minTags: 2,
  });
});

test('a store with a region and no endpoint is at AWS, with the bucket in the host', () => {
  const { store } = parse('store: { region: us-east-1, bucket: b }\nimages: [a:1]');
  expect([store.endpoint, store.region, store.pathStyle]).toEqual([undefined, 'us-east-1', false]);
});

test('0 is the only duration that needs no unit', () => {
  const { defaults, images } = parse(
    `${STORE}defaults: { moves: { minAge: 0 }, referrers: { every: '0' } }\nimages: [{ source: 'a:1', moves: { minAge: 0s } }]`,
  );
  expect([defaults.moves.minAgeMs, defaults.referrersEveryMs, images[0]?.moves.minAgeMs]).toEqual([0, 0, 0]);
});

test('a digest may stand in the reference', () => {
  const [image] = parse(`${STORE}images: ["quay.io/coreos/etcd@${DIGEST}"]`).images;
  expect([image?.repository, image?.tags.explicit, image?.digests]).toEqual([
    'quay.io/coreos/etcd',
    [],
    [DIGEST],
  ]);
});

test('a reference with a tag and a digest pins the digest, and the tag is only its name', () => {
  const other = `sha256:${'1'.repeat(64)}`;
  const { images } = parse(
    `${STORE}images:\n  - alpine:3.20@${DIGEST}\n  - { source: 'alpine:3.21@${other}', tags: ['edge'], digests: ['${DIGEST}'] }\n  - 'localhost:5000/app@${DIGEST}'\n`,
  );
  expect(
    images.map(({ repository, tags, digests, digestName }) => [
      repository,
      tags.explicit,
      digests,
      digestName,
    ]),
  ).toEqual([
    ['docker.io/library/alpine', [], [DIGEST], { digest: DIGEST, tag: '3.20' }],
    ['docker.io/library/alpine', ['edge'], [other, DIGEST], { digest: other, tag: '3.21' }],
    ['localhost_5000/app', [], [DIGEST], undefined],
  ]);
});

test('a YAML anchor is written once and used twice', () => {
  const { images } = parse(
    `${STORE}images:\n  - { source: a, tags: &both ['1', '2'] }\n  - { source: b, tags: *both }\n`,
  );
  expect(images.map(({ tags }) => tags.explicit)).toEqual([
    ['1', '2'],
    ['1', '2'],
  ]);
});

test.each([
  [
    'one source twice, its tags overlapping',
    "- { source: a, tags: ['1', '2'] }\n  - { source: a, tags: ['*'] }",
  ],
  [
    'one layout twice',
    "- { source: 'oci:x', name: a.b/c, tags: ['*'] }\n  - { source: 'oci:./x', name: a.b/c, tags: ['*'] }",
  ],
  ['two sources, each with its own tags', '- { source: a:1, name: a.b/c }\n  - { source: b:2, name: a.b/c }'],
  [
    'two sources, one of which excludes the other’s tag',
    "- { source: a:1, name: a.b/c }\n  - { source: b, name: a.b/c, tags: { include: ['*'], exclude: ['1'] } }",
  ],
  [
    'two sources, one of them by digest',
    `- { source: a, name: a.b/c, tags: ['*'] }\n  - { source: 'b@${DIGEST}', name: a.b/c }`,
  ],
  [
    'two sources, one of them by tag and digest',
    `- { source: a, tags: ['*'] }\n  - { source: 'b:1@${DIGEST}', name: docker.io/library/a }`,
  ],
])('entries can be served under one name: %s', (_, images) => {
  expect(parse(`${STORE}images:\n  ${images}\n`).images).toHaveLength(2);
});

test('each platform is listed once, in one spelling and sorted; an image has the default, its own, or all', () => {
  const text = `${STORE}defaults: { platforms: [linux/arm64/v8, Linux/x86_64, linux/aarch64] }
images:
  - a:1
  - { source: b:1, platforms: [linux/arm, windows(10.0.20348)/amd64] }
  - { source: c:1, platforms: all }
`;
  const { defaults, images } = parse(text);
  expect(defaults.platforms).toEqual(['linux/amd64', 'linux/arm64']);
  expect(images.map(({ platforms }) => platforms)).toEqual([
    ['linux/amd64', 'linux/arm64'],
    ['linux/arm/v7', 'windows(10.0.20348)/amd64'],
    undefined,
  ]);
});

test('the first of several stores is the primary', () => {
  const text =
    'stores:\n  - { bucket: one, region: r }\n  - { bucket: two, endpoint: "https://s3.example.com", singleWriter: true }\nimages: [alpine:3]\n';
  const { store, laterStores } = parse(text);
  expect(store).toMatchObject({ bucket: 'one', key: 'stores[0]', line: 2, pathStyle: false });
  expect(laterStores).toMatchObject([{ bucket: 'two', key: 'stores[1]', line: 3, singleWriter: true }]);
});
