/** Images are used by the object that people know: the Deployment, and not its ReplicaSet and pods. */
import { expect, test } from 'vitest';
import { Inventory } from '../../../../cluster/images/inventory.ts';
import { imagesInObject } from '../../../../cluster/images/kubernetes/object-images.ts';
import { describeUse } from '../../../../cluster/images/lists.ts';

interface Made {
  readonly by?: readonly [kind: string, name: string, more?: object];
  readonly labels?: object;
  readonly spec?: object;
}

const CONTAINERS = { containers: [{ name: 'c', image: 'a.test/x:1' }] };

function made(apiVersion: string, kind: string, name: string, { by, labels = {}, spec = {} }: Made): object {
  const [ownerKind, ownerName, more = { controller: true }] = by ?? [];
  const ownerReferences = [
    { kind: 'Other', name: 'o' },
    { kind: ownerKind, name: ownerName, ...more },
  ];
  return {
    apiVersion,
    kind,
    metadata: { namespace: 'n', name, labels, ...(by !== undefined && { ownerReferences }) },
    spec,
  };
}

function pod(name: string, by: Made['by'], labels: object = {}): object {
  return made('v1', 'Pod', name, { labels, spec: CONTAINERS, ...(by !== undefined && { by }) });
}

function replicaSet(name: string, by: Made['by'], replicas: number): object {
  const spec = { replicas, template: { spec: CONTAINERS } };
  return made('apps/v1', 'ReplicaSet', name, { spec, ...(by !== undefined && { by }) });
}

function job(name: string, by?: Made['by'], apiVersion = 'batch/v1'): object {
  const spec = { template: { spec: CONTAINERS } };
  return made(apiVersion, 'Job', name, { spec, ...(by !== undefined && { by }) });
}

/** @returns what uses the image, as people read it */
function usersOf(...objects: readonly object[]): string[] {
  const inventory = new Inventory();
  for (const found of objects.flatMap((object) => Array.from(imagesInObject(object, 'f')))) {
    if (found.kind === 'mention') inventory.add(found);
    else if (found.kind === 'control') inventory.addControl(found);
    else throw new Error(found.message);
  }
  return inventory.images.flatMap(({ uses }) => uses.map(describeUse));
}

const HASH = { 'pod-template-hash': '6d4b75cb6d' };

test.for<readonly [string, object, string]>([
  ['a Deployment', pod('p', ['ReplicaSet', 'web-1-6d4b75cb6d'], HASH), 'Deployment n/web-1 c'],
  [
    'a Rollout of Argo',
    pod('p', ['ReplicaSet', 'web-5f'], { 'rollouts-pod-template-hash': '5f' }),
    'Rollout n/web c',
  ],
  ['a StatefulSet', pod('db-0', ['StatefulSet', 'db'], HASH), 'StatefulSet n/db c'],
  ['a DaemonSet', pod('p', ['DaemonSet', 'agent']), 'DaemonSet n/agent c'],
  ['a Job', pod('p', ['Job', 'backup-29012345']), 'Job n/backup-29012345 c'],
  ['a node, for a static pod', pod('etcd-node-1', ['Node', 'node-1']), 'Node node-1 c'],
  ['a custom kind', pod('p', ['TaskRun', 'build']), 'TaskRun n/build c'],
])('a pod is a use of its controller: %s', ([, object, user]) => {
  expect(usersOf(object)).toEqual([user]);
});

test.for<readonly [string, object, string]>([
  ['no label', pod('p', ['ReplicaSet', 'web-6d4b75cb6d']), 'ReplicaSet n/web-6d4b75cb6d c'],
  ['another label', pod('p', ['ReplicaSet', 'web-abc'], HASH), 'ReplicaSet n/web-abc c'],
  ['a name that is the hash', pod('p', ['ReplicaSet', '-6d4b75cb6d'], HASH), 'ReplicaSet n/-6d4b75cb6d c'],
  [
    'a label that is no text',
    pod('p', ['ReplicaSet', 'w-1'], { 'pod-template-hash': 1 }),
    'ReplicaSet n/w-1 c',
  ],
  ['no owner', pod('p', undefined, HASH), 'Pod n/p c'],
  ['an owner that does not control it', pod('p', ['ReplicaSet', 'w', {}]), 'Pod n/p c'],
  ['an owner without a name', pod('p', ['ReplicaSet', '']), 'Pod n/p c'],
])('nothing is guessed: %s', ([, object, user]) => {
  expect(usersOf(object)).toEqual([user]);
});

test('a Job says its CronJob, for its pods too, whichever is read first', () => {
  const objects = [pod('p', ['Job', 'backup-29012345']), job('backup-29012345', ['CronJob', 'backup'])];
  expect(usersOf(...objects)).toEqual(['CronJob n/backup c']);
  expect(usersOf(...objects.toReversed())).toEqual(['CronJob n/backup c']);
  expect(usersOf(pod('p', ['Job', 'once']), job('once'))).toEqual(['Job n/once c']);
});

test('a ReplicaSet says its Deployment, and one without pods stands for itself', () => {
  const by = ['Deployment', 'web'] as const;
  expect(usersOf(pod('p', ['ReplicaSet', 'web-1']), replicaSet('web-1', by, 2))).toEqual([
    'Deployment n/web c',
  ]);
  expect(usersOf(replicaSet('web-1', by, 0))).toEqual(['ReplicaSet n/web-1 c']);
});

test('a kind of another group is no Job, and two dumps that contradict each other say nothing', () => {
  expect(usersOf(job('x', ['CronJob', 'a'], 'batch.volcano.sh/v1'))).toEqual(['Job n/x c']);
  const objects = [job('x', ['CronJob', 'a']), job('x', ['CronJob', 'b']), pod('p', ['Job', 'x'])];
  expect(usersOf(...objects)).toEqual(['CronJob n/a c', 'CronJob n/b c', 'Job n/x c']);
  expect(usersOf(...objects, ...objects)).toHaveLength(3);
});
