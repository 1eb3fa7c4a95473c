/** containerd, podman and skopeo pull what was mirrored, in every way that they can be configured, and run it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeSample } from '../../infra/local/sample.ts';
import type { Client, Mode } from '../support/clients/client.ts';
import { startContainerd, startCri } from '../support/clients/containerd.ts';
import { startPodman } from '../support/clients/podman.ts';
import { startSkopeo } from '../support/clients/skopeo.ts';
import { startEdge, type Edge } from '../support/edge.ts';
import { readLayout } from '../support/oci-layout.ts';
import { pushRepository } from '../support/push.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';
import { sync } from '../support/sync.ts';
import { startDockerRegistry, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
let store: S3Server;
let edge: Edge;
/** The sample's index. */
let digest: string;
let platforms: readonly string[];

beforeAll(async () => {
  [upstream, store] = await Promise.all([startDockerRegistry(), startS3Server()]);
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-sample-'));
  const sample = await writeSample(folder);
  digest = sample.index.digest;
  platforms = sample.images.map((image) => image.digest);
  await pushRepository('library/sample', await readLayout(folder), { url: upstream.url });
  await rm(folder, { recursive: true });
  const { code, stderr } = await sync(store, {
    upstreams: { [upstream.host]: { insecure: true } },
    images: [{ source: `${upstream.host}/library/sample`, name: 'docker.io/library/sample', tags: ['*'] }],
  });
  if (code !== 0) throw new Error(`lifeboat sync ended with ${code}:\n${stderr}`);
  edge = await startEdge(store);
});

afterAll(async () => {
  await edge?.stop();
  await Promise.all([upstream?.stop(), store?.stop()]);
});

const CLIENTS: readonly { name: string; start: () => Promise<Client>; modes: readonly Mode[] }[] = [
  { name: 'skopeo', start: startSkopeo, modes: ['direct', 'prefix', 'default'] },
  { name: 'podman', start: startPodman, modes: ['direct', 'prefix', 'default'] },
  { name: 'containerd (ctr)', start: startContainerd, modes: ['direct', 'prefix', 'ns', 'default'] },
  { name: 'containerd (CRI)', start: startCri, modes: ['direct', 'prefix', 'ns', 'default'] },
];

describe.each(CLIENTS)('$name', ({ start, modes }) => {
  let client: Client;

  beforeAll(async () => {
    client = await start();
  });
  afterAll(async () => {
    await client?.stop();
  });

  describe.each(modes)('%s', (mode) => {
    // The upstream that the client falls back on answers nobody: what is pulled came from the edge.
    test('pulls by tag, and runs what it pulled', async () => {
      const pulled = await client.pull({
        edge: edge.url,
        reference: 'docker.io/library/sample:latest',
        mode,
      });
      expect(pulled.digest).toBe(digest);
      expect(platforms).toContain(pulled.image);
      expect(await client.run(pulled)).toContain('Hello from Lifeboat');
    });

    test('pulls by digest', async () => {
      const reference = `docker.io/library/sample@${digest}`;
      const pulled = await client.pull({ edge: edge.url, reference, mode });
      expect(pulled.digest).toBe(digest);
    });
  });
});

test('skopeo copies all platforms, byte for byte', async () => {
  const client = await startSkopeo();
  try {
    const reference = 'docker.io/library/sample:1.0';
    const pulled = await client.pull({ edge: edge.url, reference, mode: 'prefix', platforms: 'all' });
    // What it kept is named by what its bytes hash to.
    expect([...pulled.stored.keys()]).toEqual(expect.arrayContaining([digest, ...platforms]));
  } finally {
    await client.stop();
  }
});
