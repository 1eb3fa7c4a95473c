/** The edge of infra/kubernetes against a real API server, which refuses a field that it does not know. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { startApiServer, type ApiServer, type KubernetesObject } from '../support/kubernetes/api-server.ts';
import { buildFolder } from '../support/kubernetes/kustomize.ts';

const STRICT = 'dryRun=All&fieldValidation=Strict';
const DEPLOYMENT = z.object({
  spec: z.object({ template: z.object({ spec: z.record(z.string(), z.unknown()) }) }),
});

let server: ApiServer;
let objects: readonly KubernetesObject[];

beforeAll(async () => {
  objects = await buildFolder('overlays/edge-example');
  server = await startApiServer();
  for (const object of objects) if (object.kind === 'Namespace') await server.create(object);
});
afterAll(async () => {
  await server?.stop();
});

test('the server takes each object, and a namespace with the restricted profile takes the pod', async () => {
  const others = objects.filter(({ kind }) => kind !== 'Namespace');
  const kinds = ['Deployment', 'NetworkPolicy', 'PodDisruptionBudget', 'Secret', 'Service'];
  expect(others.map(({ kind }) => kind).toSorted()).toEqual(kinds);
  for (const object of others) {
    expect(await server.create(object, 'lifeboat', STRICT)).toMatchObject({ kind: object.kind });
  }
  const deployment = objects.find(({ kind }) => kind === 'Deployment');
  const { spec } = DEPLOYMENT.parse(deployment).spec.template;
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'edge' }, spec };
  expect(await server.create(pod, 'lifeboat', STRICT)).toMatchObject({ kind: 'Pod' });
});

test('the pod gets the variables of the Secret that the overlay makes', () => {
  const secret = objects.find(({ kind }) => kind === 'Secret');
  expect(secret?.metadata.name).toMatch(/^lifeboat-edge-\w+$/);
  expect(JSON.stringify(objects)).toContain(`"envFrom":[{"secretRef":{"name":"${secret?.metadata.name}"}}]`);
});
