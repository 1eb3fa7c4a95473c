/** A real run fills a bucket, and a real edge says of it in `/status.json`, `/metrics` and a feed what the run says itself. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { digestOfTag, emptyRepository } from '../support/content.ts';
import { startEdge, type Edge } from '../support/edge.ts';
import { pushRepository } from '../support/push.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';
import { sync, type Synced } from '../support/sync.ts';
import { addUniqueImage } from '../support/unique-image.ts';
import { startDockerRegistry, type Upstream } from '../support/upstream.ts';

const images = emptyRepository();
let folder: string;
let upstream: Upstream;
let store: S3Server;
let edge: Edge;
let synced: Synced;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-monitoring-'));
  [upstream, store] = await Promise.all([startDockerRegistry(), startS3Server()]);
  for (const tag of ['1.2.0', '1.10.0']) await addUniqueImage(images, tag);
  await pushRepository('library/app', images, { url: upstream.url });
  const source = `${upstream.host}/library/app`;
  const configuration = {
    upstreams: { [upstream.host]: { insecure: true } },
    images: [
      { source, name: 'docker.io/library/app', tags: ['*'] },
      { source, name: 'quay.io/library/app', tags: ['1.2.0', 'missing'] },
    ],
  };
  synced = await sync(store, configuration, { metrics: join(folder, 'run.prom') });
  edge = await startEdge(store);
});

afterAll(async () => {
  await edge?.stop();
  await Promise.all([upstream?.stop(), store?.stop()]);
  await rm(folder, { recursive: true, force: true });
});

test('/metrics has each line that --metrics writes, but those of an upstream of which nothing is listed', async () => {
  const written = (await readFile(join(folder, 'run.prom'), 'utf8')).split('\n');
  const answered = new Set((await (await fetch(`${edge.url}/metrics`)).text()).split('\n'));
  expect(written.length).toBeGreaterThan(30);
  // The edge is public, and the images have other names than the registry that they come from.
  const hidden = written.filter((line) => line.includes(`upstream="127.0.0.1:`));
  expect(hidden.length).toBeGreaterThan(0);
  expect(written.filter((line) => !answered.has(line))).toEqual(hidden);
  expect(answered).toContain('lifeboat_tags{mirror="default"} 3');
});

test('/status.json has the failure of the run', async () => {
  const status: unknown = await (await fetch(`${edge.url}/status.json`)).json();
  const failed = synced.report.items.find(({ outcome }) => outcome.result === 'failed');
  expect(failed?.reference).toBe('missing');
  expect(status).toMatchObject({
    stores: [{ store: 1, last: 'answered' }],
    mirrors: [
      {
        fresh: true,
        lastRun: { success: false, counts: synced.report.counts },
        images: { repositories: 2, tags: 3, held: 0, gone: 0, unchecked: 1 },
        failures: [{ registry: 'quay.io', reference: 'missing', error: failed?.outcome.error }],
        unreadable: [],
      },
    ],
  });
});

const isNow = (time: string) => Math.abs(Date.now() - Date.parse(time)) < 600_000;

test('the feed has the versions in their order, with the time of the run', async () => {
  const response = await fetch(`${edge.url}/feed/app.json`);
  expect(await response.json()).toEqual({
    releases: ['1.10.0', '1.2.0'].map((version) => ({
      version,
      releaseTimestamp: expect.toSatisfy(isNow),
      digest: digestOfTag(images, version),
    })),
  });
});
