/** The properties of finding images that hold for any value. */
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { imagesInObject } from '../../../../cluster/images/kubernetes/object-images.ts';
import type { FoundInObjects } from '../../../../cluster/images/mention.ts';
import { imagesOfCrictl } from '../../../../cluster/images/node/crictl-images.ts';
import { formatReference, parseReference } from '../../../../core/reference.ts';
import { isDigest } from '../../../../core/digest.ts';

const KEYS = [
  'kind apiVersion metadata name namespace spec status items template data containers initContainers',
  'containerStatuses image imageID images names volumes reference args env value values repository tag url',
  'ref semver digest templates container steps nodeInfo repoTags repoDigests __proto__ constructor ownerReferences controller labels pod-template-hash replicas',
].flatMap((keys) => keys.split(' '));
const DIGEST = `sha256:${'a'.repeat(64)}`;
const TEXTS = [
  'Pod,Node,Job,ReplicaSet,List,PodList,ConfigMap,HelmRelease,OCIRepository,Workflow,Task,v1,helm.toolkit.fluxcd.io/v2',
  'source.toolkit.fluxcd.io/v1,argoproj.io/v1,tekton.dev/v1,web,nginx:1.27,ghcr.io/a/b:v1',
  `ghcr.io/a/b@${DIGEST},${DIGEST},oci://ghcr.io/a,{{ .Values.image }}, ,,A/B,auto`,
].flatMap((texts) => texts.split(','));

/** Values with the keys that are looked at, and with any shape below them. */
const { value: nearObjects } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 6, depthSize: 'large' },
    fc.constantFrom(...TEXTS),
    fc.jsonValue({ maxDepth: 1 }),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...KEYS), tie('value'), { maxKeys: 6 }),
  ),
}));

const images = fc.oneof(fc.constantFrom('nginx:1.27', 'ghcr.io/a/b:v1', ...TEXTS), nearObjects);

/** Pods in which each part may be anything. */
const nearPods = fc
  .tuple(
    fc.constantFrom('Pod', 'Deployment', 'PodList', 'List', 'HelmRelease'),
    images,
    nearObjects,
    nearObjects,
  )
  .map(([kind, image, container, status]) => ({
    kind,
    apiVersion: kind === 'HelmRelease' ? 'helm.toolkit.fluxcd.io/v2' : 'v1',
    metadata: { name: status },
    items: kind.endsWith('List') ? [container, { kind: 'Pod', spec: container }] : undefined,
    spec: {
      containers: [{ name: 'a', image }, container, { name: image, image: 'nginx' }],
      values: { image, a: [status] },
    },
    status: { containerStatuses: [{ name: 'a', image: status, imageID: image }, status] },
  }));

const values = fc.oneof(fc.jsonValue(), nearObjects, nearPods);

function isSound(found: FoundInObjects): boolean {
  if (found.kind === 'problem') return found.where.startsWith('f') && found.message.endsWith('.');
  if (found.kind === 'control') return found.of.kind === 'Job' || found.of.kind === 'ReplicaSet';
  const { reference, digest } = found;
  const isSame = isDeepStrictEqual(parseReference(formatReference(reference)), reference);
  return isSame && (digest === undefined || isDigest(digest));
}

test('property: any value gives references that are valid, and problems that say where, in the same order again', () => {
  let mentions = 0;
  fc.assert(
    fc.property(values, (value) => {
      const found = [...imagesInObject(value, 'f')];
      expect(found.filter((one) => !isSound(one))).toEqual([]);
      mentions += found.filter(({ kind }) => kind === 'mention').length;
      expect([...imagesInObject(structuredClone(value), 'f')]).toEqual(found);
    }),
    { numRuns: 2000 },
  );
  // About 380 on average: enough that the checks above have something to check.
  expect(mentions).toBeGreaterThan(150);
});

test('property: any value is read as a list of crictl', () => {
  fc.assert(
    fc.property(fc.oneof(values, fc.record({ images: nearObjects })), (value) => {
      expect([...imagesOfCrictl(value, 'f')].filter((one) => !isSound(one))).toEqual([]);
    }),
  );
});

test('values that are too deep for recursive code are read', () => {
  const deep: unknown = JSON.parse(`${'[{"a":'.repeat(50_000)}1${'}]'.repeat(50_000)}`);
  const containers = [{ name: 'a', image: 'nginx' }];
  const found = [...imagesInObject({ kind: 'Any', spec: { deep, containers } }, 'f')];
  expect(found).toMatchObject([{ kind: 'mention', reference: { repository: 'docker.io/library/nginx' } }]);
});
