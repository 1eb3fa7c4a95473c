/**
 * The manifests of infra/kubernetes against a real API server, as kustomize builds them: the base, the example, and the example with each
 * component and with all of them. The server refuses a field that it does not know (`fieldValidation=Strict`), and a namespace with the
 * restricted profile takes the pods.
 */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod/mini';
import { startApiServer, type ApiServer, type KubernetesObject } from '../support/kubernetes/api-server.ts';
import { buildExampleWith, buildFolder, COMPONENTS } from '../support/kubernetes/kustomize.ts';

const STRICT = 'dryRun=All&fieldValidation=Strict';

let server: ApiServer;

beforeAll(async () => {
  server = await startApiServer();
  for (const object of await buildFolder('overlays/example')) {
    if (object.kind === 'Namespace') await server.create(object);
  }
});
afterAll(async () => {
  await server?.stop();
});

const POD = z.looseObject({
  serviceAccountName: z.string(),
  containers: z.tuple([
    z.looseObject({
      args: z.array(z.string()),
      env: z.optional(z.array(z.object({ name: z.string(), value: z.string() }))),
      volumeMounts: z.array(z.looseObject({ name: z.string(), mountPath: z.string() })),
    }),
  ]),
  volumes: z.array(z.looseObject({ name: z.string() })),
});
const CRON_JOB = z.object({
  kind: z.literal('CronJob'),
  metadata: z.object({ name: z.string() }),
  spec: z.object({ jobTemplate: z.object({ spec: z.object({ template: z.object({ spec: POD }) }) }) }),
});

/** @returns the pods of the CronJobs, by their names */
function podsOf(objects: readonly KubernetesObject[]) {
  return new Map(
    objects.flatMap((object) => {
      const parsed = CRON_JOB.safeParse(object);
      return parsed.success
        ? [[parsed.data.metadata.name, parsed.data.spec.jobTemplate.spec.template.spec] as const]
        : [];
    }),
  );
}

function findObject(objects: readonly KubernetesObject[], kind: string, name: string): KubernetesObject {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (found === undefined) throw new Error(`There is no ${kind} ${name}.`);
  return found;
}

const SETS: readonly (readonly [string, () => Promise<readonly KubernetesObject[]>])[] = [
  ['the base', () => buildFolder('base')],
  ['the example', () => buildFolder('overlays/example')],
  ...COMPONENTS.map(
    (component) => [`the example with ${component}`, () => buildExampleWith([component])] as const,
  ),
  ['the example with all components', () => buildExampleWith(COMPONENTS)],
];

describe.each(SETS)('%s', (_name, built) => {
  test('is accepted by the API server, which knows every field', async () => {
    const objects = await built();
    expect(objects.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['CronJob', 'NetworkPolicy']));
    for (const object of objects) {
      // The namespace is there already, because the others could not be tried without it.
      if (object.kind === 'Namespace') continue;
      expect(await server.create(object, 'lifeboat', STRICT)).toMatchObject({ kind: object.kind });
    }
  });

  test('has pods that a namespace with the restricted profile takes, and names nothing that is not there', async () => {
    const objects = await built();
    const pods = podsOf(objects);
    expect([...pods.keys()].toSorted()).toEqual([
      'lifeboat',
      'lifeboat-drill',
      'lifeboat-images',
      'lifeboat-verify',
    ]);
    for (const [name, spec] of pods) {
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'lifeboat' }, spec };
      expect(await server.create(pod, 'lifeboat', STRICT)).toMatchObject({ kind: 'Pod' });
      findObject(objects, 'ServiceAccount', spec.serviceAccountName);
      for (const configMap of JSON.stringify(spec.volumes).matchAll(/"configMap":\{"name":"([^"]+)"/g)) {
        findObject(objects, 'ConfigMap', configMap[1] ?? '');
      }
    }
  });
});

test('the server does refuse a field that it does not know, and the profile a pod as root', async () => {
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'a' } };
  const odd = { ...account, imagePullSecret: 'x' };
  await expect(server.create(odd, 'lifeboat', STRICT)).rejects.toThrow(/unknown field "imagePullSecret"/);
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'root' },
    spec: { containers: [{ name: 'a', image: 'nginx:1' }] },
  };
  await expect(server.create(pod, 'lifeboat', STRICT)).rejects.toThrow(/violates PodSecurity "restricted/);
});

test('the DaemonSet of clients.yaml is accepted', async () => {
  const file = resolve(import.meta.dirname, '../../infra/kubernetes/clients.yaml');
  const object: KubernetesObject = parse(await readFile(file, 'utf8'), { merge: true });
  expect(await server.create(object, 'default', STRICT)).toMatchObject({ kind: 'DaemonSet' });
});

test('the overlay gives all objects its namespace, also the one to which the role is given', async () => {
  const objects = await buildFolder('overlays/example');
  const outside = objects.filter(({ metadata }) => metadata.namespace !== 'lifeboat');
  expect(outside.map(({ kind }) => kind).toSorted()).toEqual([
    'ClusterRole',
    'ClusterRoleBinding',
    'Namespace',
  ]);
  expect(findObject(objects, 'ClusterRoleBinding', 'lifeboat-images')).toMatchObject({
    subjects: [{ kind: 'ServiceAccount', name: 'lifeboat-images', namespace: 'lifeboat' }],
  });
});

test('with all components each pod has its certificate, its identity and its arguments, and each account its login', async () => {
  const objects = await buildExampleWith(COMPONENTS);
  for (const [name, { containers, volumes }] of podsOf(objects)) {
    const [{ args, env, volumeMounts }] = containers;
    const mounts = new Map(volumeMounts.map((mount) => [mount.mountPath, mount.name]));
    expect([...mounts.keys()].toSorted()).toEqual([
      '/etc/lifeboat',
      '/etc/lifeboat-ca',
      '/var/run/secrets/aws',
    ]);
    expect(volumes.map((volume) => volume.name).toSorted()).toEqual([...mounts.values()].toSorted());
    // Each variable names a file of a volume that is mounted.
    expect(env).toEqual([
      { name: 'AWS_WEB_IDENTITY_TOKEN_FILE', value: '/var/run/secrets/aws/token' },
      { name: 'NODE_EXTRA_CA_CERTS', value: '/etc/lifeboat-ca/ca.crt' },
    ]);
    const pushes = name === 'lifeboat-images' ? [] : ['--metrics-push', '$(METRICS_PUSH)'];
    expect(args.slice(args.length - pushes.length)).toEqual(pushes);
    expect([name, args.includes('--publish')]).toEqual([name, /drill|images/.test(name)]);
  }
  expect(findObject(objects, 'ConfigMap', 'lifeboat-ca')).toMatchObject({
    data: { 'ca.crt': 'a certificate' },
  });
  for (const account of ['lifeboat', 'lifeboat-images']) {
    expect(findObject(objects, 'ServiceAccount', account)).toMatchObject({
      imagePullSecrets: [{ name: 'lifeboat-registry' }],
    });
  }
  expect(findObject(objects, 'Secret', 'lifeboat-registry')).toMatchObject({
    type: 'kubernetes.io/dockerconfigjson',
  });
});
