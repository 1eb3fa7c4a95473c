/** infra/kubernetes/edge.yaml against a real API server, which refuses a field that it does not know. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import * as z from 'zod/mini';
import { startApiServer, type ApiServer, type KubernetesObject } from '../support/kubernetes/api-server.ts';

const MANIFEST = join(import.meta.dirname, '../../infra/kubernetes/edge.yaml');
const STRICT = 'dryRun=All&fieldValidation=Strict';
const DEPLOYMENT = z.object({
  spec: z.object({ template: z.object({ spec: z.record(z.string(), z.unknown()) }) }),
});

let server: ApiServer;
let objects: readonly KubernetesObject[];

beforeAll(async () => {
  const documents = parseAllDocuments(await readFile(MANIFEST, 'utf8'));
  objects = documents.map((document): KubernetesObject => document.toJS());
  server = await startApiServer();
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  await server.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'strict', labels } });
});
afterAll(async () => {
  await server?.stop();
});

test('the server takes each object, and a namespace with the restricted profile takes the pod', async () => {
  const kinds = ['Service', 'Deployment', 'PodDisruptionBudget', 'NetworkPolicy'];
  expect(objects.map(({ kind }) => kind)).toEqual(kinds);
  for (const object of objects) {
    expect(await server.create(object, 'strict', STRICT)).toMatchObject({ kind: object.kind });
  }
  const { spec } = DEPLOYMENT.parse(objects[1]).spec.template;
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'edge' }, spec };
  expect(await server.create(pod, 'strict', STRICT)).toMatchObject({ kind: 'Pod' });
});
