/** The monthly check: that its commands work on a bucket and fail on damage, and that its pod and its unit may do as little as others. */
import { DeleteObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
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
import { commandOf, parseUnit } from '../support/systemd-unit.ts';

// The limits are wide, because a run is slow on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const INFRA = join(import.meta.dirname, '../../infra');
const read = (file: string): Promise<string> => readFile(join(INFRA, file), 'utf8');
const MANIFEST: unknown = parse(await read('kubernetes/base/verify.yaml'));
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
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-verify-schedule-'));
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

function check(args: readonly string[]): Promise<Ended> {
  const own = args.map((arg) => arg.replace(/^\/etc\/lifeboat/, folder));
  return runMain([...own, '--metrics', 'verify.prom'], createIo({ cwd: folder }));
}

async function unitArgs(): Promise<readonly string[]> {
  const command = commandOf(parseUnit(await read('systemd/lifeboat-verify.service')));
  return command.slice(command.indexOf('verify'));
}

function podOf(manifest: unknown): object {
  return z
    .object({
      spec: z.object({
        jobTemplate: z.object({ spec: z.object({ template: z.object({ spec: z.looseObject({}) }) }) }),
      }),
    })
    .parse(manifest).spec.jobTemplate.spec.template.spec;
}

function withoutArgs(pod: object): string {
  return JSON.stringify(pod).replace(/"args":\[[^\]]*\],/, '');
}

async function serviceOf(name: string): Promise<ReadonlyMap<string, readonly string[]>> {
  return parseUnit(await read(`systemd/${name}`)).get('Service') ?? new Map();
}

test('both schedules run the same command, which fails once the bucket is damaged; the alerts name its metrics', async () => {
  const args = COMMAND.parse(MANIFEST);
  expect((await unitArgs()).toSorted()).toEqual(args.toSorted());
  const whole = await check(args);
  expect([whole.code, whole.stdout]).toEqual([0, expect.stringContaining('whole: every byte is hashed')]);
  const written = await readFile(join(folder, 'verify.prom'), 'utf8');
  const alerts = (await codeBlocksOf('infra/README.md'))
    .filter((block) => block.includes('alert:'))
    .join('\n');
  const named = new Set(alerts.match(/lifeboat_verify_\w+/g));
  expect(named.size).toBeGreaterThan(1);
  for (const metric of named) expect(written).toContain(`\n${metric}{`);
  expect(alerts).toContain('cronjob="lifeboat-verify"');
  expect(MANIFEST).toMatchObject({ metadata: { name: 'lifeboat-verify' } });

  const client = s3ClientOf(store);
  const { Contents: [blob] = [] } = await client.send(
    new ListObjectsV2Command({ Bucket: store.bucket, Prefix: 'blobs/' }),
  );
  await client.send(new DeleteObjectCommand({ Bucket: store.bucket, Key: blob?.Key ?? '' }));
  client.destroy();
  expect((await check(args)).code).toBe(3);
});

test('the pod may do as little as that of the drill, with the key of the run, and comes once a month', async () => {
  const drill = withoutArgs(podOf(parse(await read('kubernetes/base/drill.yaml'))));
  expect(drill).toContain('"lifeboat-drill"');
  expect(withoutArgs(podOf(MANIFEST))).toBe(drill.replace('"lifeboat-drill"', '"lifeboat"'));
  expect(MANIFEST).toMatchObject({
    spec: { schedule: expect.stringMatching(/^\d+ \d+ 1 \* \*$/), concurrencyPolicy: 'Forbid' },
  });
});

test('the unit has every restriction of the run’s', async () => {
  const [own, run] = [await serviceOf('lifeboat-verify.service'), await serviceOf('lifeboat.service')];
  const others = new Set(['ExecStart', 'TimeoutStartSec', 'StateDirectory']);
  const kept = [...run].filter(([key]) => !others.has(key));
  expect(kept.length).toBeGreaterThan(20);
  expect(kept.map(([key]) => [key, own.get(key)])).toEqual(kept);
});
