/** `--metrics-push` against the real Pushgateway: what Prometheus reads there after runs and drills. */
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { s3ClientOf } from '../support/bucket-reader.ts';
import { addImage, addLayer, tagAs } from '../support/builder.ts';
import { emptyRepository } from '../support/content.ts';
import { writeLayout } from '../support/oci-layout.ts';
import { runProgram } from '../support/process.ts';
import { startPushgateway, type Pushgateway } from '../support/pushgateway.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';

const MAIN = resolve(import.meta.dirname, '../../mirror-job/start.ts');

let gateway: Pushgateway;
let store: S3Server;
let folder: string;

beforeAll(async () => {
  [gateway, store] = await Promise.all([startPushgateway(), startS3Server()]);
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-push-'));
  const app = emptyRepository();
  tagAs(app, addImage(app, { layers: [await addLayer(app, 'one')] }), '1');
  await writeLayout(app, join(folder, 'app'));
  await configure('1');
});
afterAll(async () => {
  await Promise.all([gateway?.stop(), store?.stop()]);
  if (folder !== undefined) await rm(folder, { recursive: true });
});

async function configure(tag: string): Promise<void> {
  const { endpoint, bucket, region, accessKeyId, secretAccessKey } = store;
  const configuration = {
    name: 'eu',
    store: { endpoint, bucket, region, accessKeyId, secretAccessKey },
    images: [{ source: 'oci:./app', name: 'docker.io/library/app', tags: [tag] }],
  };
  await writeFile(join(folder, 'lifeboat.yaml'), JSON.stringify(configuration));
}

function lifeboat(command: string) {
  return runProgram(process.execPath, [MAIN, command, '--metrics-push', gateway.url], { cwd: folder });
}

/** @returns the lines of a metric, without those of `# HELP` and `# TYPE` */
async function linesOf(name: string): Promise<readonly string[]> {
  return (await gateway.metrics()).split('\n').filter((line) => line.startsWith(`${name}{`));
}

test('a run’s metrics are at the Pushgateway, and the next run replaces them', async () => {
  expect(await lifeboat('sync')).toMatchObject({ code: 0, stderr: expect.not.stringContaining('push') });
  const success = 'lifeboat_run_success{instance="eu",job="lifeboat",mirror="eu"}';
  expect(await linesOf('lifeboat_run_success')).toEqual([`${success} 1`]);
  await configure('absent');
  expect(await lifeboat('sync')).toMatchObject({ code: 1 });
  expect(await linesOf('lifeboat_run_success')).toEqual([`${success} 0`]);
});

test('a drill’s metrics are beside those of the run, and the Pushgateway finds no fault with them', async () => {
  const client = s3ClientOf(store);
  const at = new Date().toISOString();
  const uses = [{ kind: 'Pod', name: 'a', how: 'running' }];
  const images = [{ reference: 'docker.io/library/app:1', uses, useCount: 1, firstSeen: at, lastSeen: at }];
  const Body = JSON.stringify({ version: 1, cluster: 'prod', observed: at, images });
  await client.send(new PutObjectCommand({ Bucket: store.bucket, Key: 'state/_clusters/prod.json', Body }));
  client.destroy();
  expect(await lifeboat('drill')).toMatchObject({ code: 0 });
  expect(await linesOf('lifeboat_drill_success')).toEqual([
    'lifeboat_drill_success{instance="eu",job="lifeboat_drill",mirror="eu"} 1',
  ]);
  expect(await linesOf('lifeboat_run_success')).toHaveLength(1);
  expect(await linesOf('push_failure_time_seconds')).toEqual([
    'push_failure_time_seconds{instance="eu",job="lifeboat"} 0',
    'push_failure_time_seconds{instance="eu",job="lifeboat_drill"} 0',
  ]);
});
