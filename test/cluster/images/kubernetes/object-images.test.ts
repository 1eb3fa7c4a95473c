import { expect, test } from 'vitest';
import { imagesInObject } from '../../../../cluster/images/kubernetes/object-images.ts';
import { nodePlatform } from '../../../../cluster/images/kubernetes/node-images.ts';
import { linesOf } from '../found-line.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

function read(object: unknown): string[] {
  return linesOf(imagesInObject(object, 'f'));
}

const pod = (spec: object, status: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web' },
  spec,
  status,
});

const NO_OBJECT = 'PROBLEM f: this is no Kubernetes object with a kind, and was left out.';

test.for([null, 1, 'text', [], {}, { kind: '' }, { kind: 1 }, { metadata: { name: 'x' } }])(
  '%j is no object',
  (value) => {
    expect(read(value)).toEqual([NO_OBJECT]);
  },
);

test('a list goes on after a broken item, and a list in a list is broken', () => {
  const items = [
    null,
    pod({ containers: [{ name: 'a', image: 'nginx' }] }),
    { kind: 'List', items: [] },
    'x',
  ];
  expect(read({ kind: 'List', items })).toEqual([
    'PROBLEM f: items[0]: this is no Kubernetes object with a kind, and was left out.',
    'spec Pod web[a]: docker.io/library/nginx',
    'PROBLEM f: items[2]: this is no Kubernetes object with a kind, and was left out.',
    'PROBLEM f: items[3]: this is no Kubernetes object with a kind, and was left out.',
  ]);
});

test('an object of a kind of its own is found by the shape of a pod', () => {
  const template = {
    spec: {
      initContainers: [{ name: 'i', image: 'busybox:1' }],
      containers: [{ name: 'c', image: 'nginx:1' }],
    },
  };
  expect(
    read({
      apiVersion: 'x.example.com/v1',
      kind: 'Widget',
      metadata: { name: 'w', namespace: 'n' },
      spec: { deep: [[{ template }]] },
    }),
  ).toEqual([
    'spec Widget n/w[i]: docker.io/library/busybox:1',
    'spec Widget n/w[c]: docker.io/library/nginx:1',
  ]);
});

test.for<readonly [string, object]>([
  ['no name', { containers: [{ image: 'nginx' }] }],
  ['no image', { containers: [{ name: 'web' }] }],
  ['no list', { containers: { name: 'web', image: 'nginx' } }],
  ['null', { containers: [null], initContainers: null }],
  ['an image of another format', { containers: [{ name: 'web', image: { repository: 'nginx' } }] }],
])('a list of containers with %s has no images', ([, spec]) => {
  expect(read({ kind: 'Widget', spec })).toEqual([]);
});

test('status and metadata do not ask for images', () => {
  const containers = [{ name: 'old', image: 'old:1' }];
  expect(read({ kind: 'Widget', metadata: { containers }, status: { containers } })).toEqual([]);
});

test('a volume of an image names it', () => {
  const volumes = [
    { name: 'v', image: { reference: 'quay.io/a/model:v1' } },
    { name: 'e', emptyDir: {} },
    null,
  ];
  expect(read(pod({ containers: [{ name: 'c', image: 'nginx' }], volumes }))).toEqual([
    'spec Pod web[c]: docker.io/library/nginx',
    'spec Pod web[v]: quay.io/a/model:v1',
  ]);
});

test.for<readonly [string, string, string[]]>([
  [
    'docker.io/library/nginx:1.27',
    `docker.io/library/nginx@${DIGEST}`,
    [`docker.io/library/nginx:1 ${DIGEST}`],
  ],
  ['sha256:' + 'b'.repeat(64), `docker-pullable://nginx@${DIGEST}`, [`docker.io/library/nginx:1 ${DIGEST}`]],
  ['other:2', DIGEST, ['docker.io/library/nginx:1']],
  ['nginx:1', 'docker://sha256:' + 'b'.repeat(64), ['docker.io/library/nginx:1']],
  ['nginx:1', 'nginx@sha256:short', ['docker.io/library/nginx:1']],
  ['nginx:1', '', []],
])('status.image %s with imageID "%s" runs', ([image, imageID, expected]) => {
  const spec = { containers: [{ name: 'c', image: 'nginx:1' }] };
  const found = read(pod(spec, { containerStatuses: [{ name: 'c', image, imageID }] }));
  expect(found).toEqual([
    'spec Pod web[c]: docker.io/library/nginx:1',
    ...expected.map((line) => `running Pod web[c]: ${line}`),
  ]);
});

test('a status without its container has the image of the status, unless that is an id', () => {
  const statuses = [
    { name: 'gone', image: 'nginx:2', imageID: `nginx@${DIGEST}` },
    { name: 'unknown', image: `sha256:${'b'.repeat(64)}`, imageID: `nginx@${DIGEST}` },
  ];
  expect(read(pod({}, { initContainerStatuses: statuses }))).toEqual([
    `running Pod web[gone]: docker.io/library/nginx:2 ${DIGEST}`,
  ]);
});

test('a broken image is one problem, also if it runs', () => {
  const found = read(
    pod(
      { containers: [{ name: 'c', image: '$IMAGE' }] },
      { containerStatuses: [{ name: 'c', imageID: `nginx@${DIGEST}` }] },
    ),
  );
  expect(found).toEqual([
    expect.stringContaining('PROBLEM f: Pod web: container "c": "$IMAGE" is a template'),
  ]);
});

test('only core kinds have running images', () => {
  const status = { containerStatuses: [{ name: 'c', image: 'nginx', imageID: `nginx@${DIGEST}` }] };
  expect(read({ apiVersion: 'metrics.k8s.io/v1', kind: 'Pod', status })).toEqual([]);
  expect(read({ apiVersion: 'example.com/v1', kind: 'ConfigMap', data: { a: 'ghcr.io/a/b:v1' } })).toEqual(
    [],
  );
});

const node = (operatingSystem: unknown, architecture: unknown): object => ({
  kind: 'Node',
  apiVersion: 'v1',
  status: { nodeInfo: { operatingSystem, architecture } },
});

test.for<readonly [unknown, string | undefined]>([
  [node('linux', 'arm64'), 'linux/arm64'],
  [node('linux', 'arm'), 'linux/arm'],
  [node('windows', 'amd64'), 'windows/amd64'],
  [node('linux', undefined), undefined],
  [node('li/nux', 'arm'), undefined],
  [{ ...node('linux', 'arm64'), kind: 'Pod' }, undefined],
  [null, undefined],
])('nodePlatform of %j is %s', ([object, expected]) => {
  expect(nodePlatform(object)).toBe(expected);
});

test('a problem of a long name stays short', () => {
  const long = 'x'.repeat(100_000);
  const found = read({
    kind: long,
    metadata: { name: long, namespace: long },
    spec: { containers: [{ name: long, image: `${long}!` }] },
  });
  expect(found).toHaveLength(1);
  expect(found[0]?.length).toBeLessThan(3000);
});
