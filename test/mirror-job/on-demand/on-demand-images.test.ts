/** Which references `onDemand` allows, and with which settings. */
import { expect, test } from 'vitest';
import { parseConfiguration } from '../../../mirror-job/configuration/parse.ts';
import { onDemandImages, withDemanded } from '../../../mirror-job/on-demand/on-demand-images.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

const CONFIGURATION = parseConfiguration(
  'f.yaml',
  `
store: { bucket: b, region: r }
defaults: { moves: { minAge: 3d } }
images:
  - { source: docker.io/library/nginx, tags: { semver: '>=1.27' }, platforms: [linux/amd64] }
  - { source: mirror.test/redis, name: docker.io/library/redis, tags: ['7'] }
onDemand:
  - docker.io/library/*
  - { source: 'quay.io/prometheus/**', tags: { exclude: ['*-rc*'] }, maxSize: 1GiB, moves: { policy: hold } }
  - { source: 'ghcr.io/acme/app', tags: ['v1.*', 'stable'], platforms: [linux/arm64], public: true }
  - { source: 'registry.internal:5000/**' }
`,
  {},
);

test.for([
  'docker.io/library/alpine:3.20',
  `docker.io/library/alpine@${DIGEST}`,
  'docker.io/library/nginx:1.25',
  'quay.io/prometheus/node-exporter:v1',
  'quay.io/prometheus/deep/er:v1',
  'ghcr.io/acme/app:v1.2',
  'ghcr.io/acme/app:stable',
  'registry.internal:5000/any/thing:1',
])('%s is allowed', (reference) => {
  expect(onDemandImages(CONFIGURATION, [reference])).toHaveLength(1);
});

test.for<readonly [string, string]>([
  ['another path', 'docker.io/bitnami/nginx:1'],
  ['a deeper path than * stands for', 'docker.io/library/nginx/extra:1'],
  ['another host', 'evil.test/library/alpine:3.20'],
  ['a host that begins alike', 'docker.io.evil.test/library/alpine:3.20'],
  ['another port', 'registry.internal:5001/any/thing:1'],
  ['the host without its port', 'registry.internal/any/thing:1'],
  ['an excluded tag', 'quay.io/prometheus/node-exporter:v1-rc1'],
  ['a tag that is not listed', 'ghcr.io/acme/app:v2.0'],
  ['a digest where only some tags are allowed', `ghcr.io/acme/app@${DIGEST}`],
  ['a digest where a tag is excluded', `quay.io/prometheus/node-exporter@${DIGEST}`],
  ['a name that another source serves', 'docker.io/library/redis:6'],
  ['no tag', 'docker.io/library/alpine'],
  ['a signature tag', `docker.io/library/alpine:sha256-${'a'.repeat(64)}.sig`],
  ['no reference', 'A B'],
])('not allowed: %s', ([, reference]) => {
  expect(onDemandImages(CONFIGURATION, [reference])).toEqual([]);
});

test('an image has the settings of its rule, and its tags and digests together', () => {
  const references = ['ghcr.io/acme/app:v1.2', 'docker.io/library/alpine:3', 'ghcr.io/acme/app:stable'];
  const [app, alpine] = onDemandImages(CONFIGURATION, [...references, `docker.io/library/alpine@${DIGEST}`]);
  expect(app).toMatchObject({
    source: { kind: 'registry', upstream: 'ghcr.io', path: 'acme/app' },
    repository: 'ghcr.io/acme/app',
    tags: { explicit: ['v1.2', 'stable'], rules: undefined },
    digests: [],
    platforms: ['linux/arm64'],
    public: true,
    maxBlobBytes: 4 * 1024 ** 3,
    moves: { policy: 'follow', minAgeMs: 3 * 86_400_000 },
  });
  expect(alpine).toMatchObject({ tags: { explicit: ['3'] }, digests: [DIGEST], public: false });
  const [exporter] = onDemandImages(CONFIGURATION, ['quay.io/prometheus/node-exporter:v1']);
  expect(exporter).toMatchObject({ maxBlobBytes: 1024 ** 3, moves: { policy: 'hold' } });
});

test('a tag that an entry selects has the settings of the entry', () => {
  const [nginx] = onDemandImages(CONFIGURATION, ['docker.io/library/nginx:1.29.9']);
  expect(nginx).toMatchObject({
    platforms: ['linux/amd64'],
    tags: { explicit: ['1.29.9'], rules: undefined },
  });
  // The entry has no bound, but what a client asks for has.
  expect(nginx).toHaveProperty('maxBlobBytes', 4 * 1024 ** 3);
});

test('a run mirrors what was demanded beside what is listed, and nothing that an entry selects already', () => {
  const { images } = withDemanded(CONFIGURATION, [
    'docker.io/library/nginx:1.29.9',
    'docker.io/library/nginx:1.25',
    'evil.test/library/alpine:3.20',
  ]);
  expect(images).toHaveLength(3);
  expect(images.slice(0, 2)).toEqual(CONFIGURATION.images);
  expect(images[2]).toMatchObject({ repository: 'docker.io/library/nginx', tags: { explicit: ['1.25'] } });
});

test('a tag that an entry may leave out, because it counts tags, is mirrored by its name too', () => {
  const counting = parseConfiguration(
    'f.yaml',
    `
store: { bucket: b, region: r }
images:
  - { source: docker.io/library/nginx, tags: { semver: '>=1.27', latest: 1 }, platforms: [linux/amd64] }
  - { source: docker.io/library/redis, tags: { include: ['7.*'], minTags: 3 } }
onDemand: [docker.io/library/*]
`,
    {},
  );
  const references = ['docker.io/library/nginx:1.27.0', 'docker.io/library/redis:7.1'];
  expect(withDemanded(counting, references).images.slice(2)).toMatchObject([
    { repository: 'docker.io/library/nginx', tags: { explicit: ['1.27.0'] }, platforms: ['linux/amd64'] },
    { repository: 'docker.io/library/redis', tags: { explicit: ['7.1'] } },
  ]);
});
