/** infra/kubernetes/base/drill.yaml: what its pod may do, and that its command works on a bucket with a list. */
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { createIo, runMain, type Ended } from '../mirror-job/support/io.ts';
import { addImage, addLayer, tagAs } from '../support/builder.ts';
import { s3ClientOf } from '../support/bucket-reader.ts';
import { codeBlocksOf } from '../support/code-block.ts';
import { emptyRepository } from '../support/content.ts';
import { writeLayout } from '../support/oci-layout.ts';
import { emptyBuckets, type Buckets } from '../support/shared.ts';

// The limits are wide, because a run is slow on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const INFRA = join(import.meta.dirname, '../../infra');
const MANIFEST: unknown = parse(await readFile(join(INFRA, 'kubernetes/base/drill.yaml'), 'utf8'));
const COMMAND = z
  .object({
    spec: z.object({
      jobTemplate: z.object({
        spec: z.object({
          template: z.object({
            spec: z.object({ containers: z.tuple([z.object({ args: z.array(z.string()) })]) }),
          }),
        }),
      }),
    }),
  })
  .transform(({ spec }) => spec.jobTemplate.spec.template.spec.containers[0].args);

let folder = '';
let store: Buckets;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-drill-'));
  store = await emptyBuckets();
  const { endpoint, bucket, region, accessKeyId, secretAccessKey } = store;
  const app = emptyRepository();
  tagAs(app, addImage(app, { layers: [await addLayer(app, 'one')] }), '1');
  await writeLayout(app, join(folder, 'app'));
  const configuration = {
    store: { endpoint, bucket, region, accessKeyId, secretAccessKey },
    images: [{ source: 'oci:./app', name: 'docker.io/library/app', tags: ['1'] }],
  };
  await writeFile(join(folder, 'lifeboat.yaml'), JSON.stringify(configuration));
  const { code, stderr } = await runMain(['sync'], createIo({ cwd: folder }));
  if (code !== 0) throw new Error(`The bucket was not filled:\n${stderr}`);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function drillOf(...references: readonly string[]): Promise<Ended> {
  const client = s3ClientOf(store);
  const at = new Date().toISOString();
  const uses = [{ kind: 'Pod', name: 'a', how: 'running' }];
  const images = references.map((reference) => ({
    reference,
    uses,
    useCount: 1,
    firstSeen: at,
    lastSeen: at,
  }));
  const Body = JSON.stringify({ version: 1, cluster: 'prod', observed: at, images });
  await client.send(new PutObjectCommand({ Bucket: store.bucket, Key: 'state/_clusters/prod.json', Body }));
  client.destroy();
  const args = COMMAND.parse(MANIFEST).map((arg) => arg.replace(/^\/etc\/lifeboat/, folder));
  return runMain([...args, '--metrics', 'drill.prom'], createIo({ cwd: folder }));
}

function metrics(): Promise<string> {
  return readFile(join(folder, 'drill.prom'), 'utf8');
}

test('the Job fails if too little would be pulled', async () => {
  expect((await drillOf('docker.io/library/app:1')).code).toBe(0);
  expect(await metrics()).toContain('lifeboat_drill_success{mirror="default"} 1\n');
  expect((await drillOf('docker.io/library/app:1', 'docker.io/library/app:2')).code).toBe(3);
  expect(await metrics()).toContain('lifeboat_drill_success{mirror="default"} 0\n');
});

test('the pod may do as little as that of the run, and is not repeated', () => {
  expect(MANIFEST).toMatchObject({
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    spec: {
      schedule: expect.stringMatching(/^\d+ \d+ \* \* \*$/),
      concurrencyPolicy: 'Forbid',
      jobTemplate: {
        spec: {
          backoffLimit: 0,
          template: {
            spec: {
              restartPolicy: 'Never',
              serviceAccountName: 'lifeboat',
              automountServiceAccountToken: false,
              securityContext: {
                runAsNonRoot: true,
                runAsUser: 1000,
                runAsGroup: 1000,
                seccompProfile: { type: 'RuntimeDefault' },
              },
              containers: [
                {
                  envFrom: [{ secretRef: { name: 'lifeboat-drill' } }],
                  securityContext: {
                    readOnlyRootFilesystem: true,
                    allowPrivilegeEscalation: false,
                    capabilities: { drop: ['ALL'] },
                  },
                  volumeMounts: [{ name: 'configuration', mountPath: '/etc/lifeboat', readOnly: true }],
                },
              ],
              volumes: [{ name: 'configuration', configMap: { name: 'lifeboat' } }],
            },
          },
        },
      },
    },
  });
});

test('the alerts name metrics that a drill writes, and the CronJob', async () => {
  await drillOf('docker.io/library/app:1');
  const written = await metrics();
  const blocks = await codeBlocksOf('infra/README.md');
  const alerts = blocks.filter((block) => block.includes('alert:')).join('\n');
  const named = new Set(alerts.match(/lifeboat_drill_\w+/g));
  expect(named.size).toBeGreaterThan(1);
  for (const metric of named) expect(written).toContain(`\n${metric}{`);
  expect(alerts).toContain('cronjob="lifeboat-drill"');
  expect(MANIFEST).toMatchObject({ metadata: { name: 'lifeboat-drill' } });
});
