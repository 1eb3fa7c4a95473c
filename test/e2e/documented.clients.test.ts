/**
 * Real clients get the configuration that docs/clients.md and README.md show, with only the names of hosts replaced.
 * The registry that the references name is down, unless a test says otherwise.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PullFailedError, type Client, type PullRequest } from '../support/clients/client.ts';
import { startContainerdDaemon, type ContainerdVersion } from '../support/clients/containerd-daemon.ts';
import { startCri } from '../support/clients/containerd.ts';
import { startDocker, type Docker } from '../support/clients/docker.ts';
import { atEdge, documentedBlock } from '../support/clients/documented.ts';
import { pullImage } from '../support/clients/image-service.ts';
import { startPodman } from '../support/clients/podman.ts';
import { startSkopeo } from '../support/clients/skopeo.ts';
import { digestOfTag, emptyRepository } from '../support/content.ts';
import { startCountingProxy, type CountingProxy } from '../support/counting-proxy.ts';
import { startEdge, type Edge } from '../support/edge.ts';
import { pushRepository } from '../support/push.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';
import { sync } from '../support/sync.ts';
import { addUniqueImage } from '../support/unique-image.ts';
import { startDockerRegistry, type Upstream } from '../support/upstream.ts';

const REPOSITORY = 'library/app';
/** The first part of this path looks like a host, but the request says that its registry is gcr.io. */
const DOMAIN_SCOPED = 'gcr.io/google.com/tools/app';
/** Each pull has an image of its own, because a client does not request a layer that it already has. */
const TAGS = [
  'tag',
  'digest',
  'digest-only',
  'first',
  'first-up',
  'every',
  'every-quay',
  'every-gcr',
] as const;

const images = emptyRepository();
let upstream: Upstream;
let upstreamProxy: CountingProxy;
let store: S3Server;
let edge: Edge;
let edgeProxy: CountingProxy;

beforeAll(async () => {
  [upstream, store] = await Promise.all([startDockerRegistry(), startS3Server()]);
  for (const tag of TAGS) await addUniqueImage(images, tag);
  await pushRepository(REPOSITORY, images, { url: upstream.url });
  const source = `${upstream.host}/${REPOSITORY}`;
  const { code, stderr } = await sync(store, {
    upstreams: { [upstream.host]: { insecure: true } },
    images: [
      { source, name: `docker.io/${REPOSITORY}`, tags: ['*'] },
      { source, name: `quay.io/${REPOSITORY}`, tags: ['*'] },
      { source, name: DOMAIN_SCOPED, tags: ['every-gcr'] },
    ],
  });
  if (code !== 0) throw new Error(`lifeboat sync ended with ${code}:\n${stderr}`);
  edge = await startEdge(store);
  edgeProxy = await startCountingProxy({ target: edge.url });
  upstreamProxy = await startCountingProxy({ target: upstream.url });
});
beforeEach(() => {
  edgeProxy.reset();
  upstreamProxy.reset();
});
afterAll(async () => {
  await Promise.all([edgeProxy?.stop(), upstreamProxy?.stop()]);
  await edge?.stop();
  await Promise.all([upstream?.stop(), store?.stop()]);
});

type Tag = (typeof TAGS)[number];

function byTag(tag: Tag, registry = 'docker.io'): string {
  return `${registry}/${REPOSITORY}:${tag}`;
}

function byDigest(tag: Tag): string {
  return `docker.io/${REPOSITORY}@${digestOfTag(images, tag)}`;
}

async function pull(
  client: Client,
  reference: string,
  options: Pick<PullRequest, 'block' | 'upstream'> & { readonly mode?: 'ns' } = {},
): Promise<string> {
  return (await client.pull({ edge: edgeProxy.url, mode: 'prefix', reference, ...options })).digest;
}

const TWO_FOLDERS = '/etc/containerd/certs.d:/etc/docker/certs.d';

describe.each<{ readonly version: ContainerdVersion; readonly defaults: Record<string, string> }>([
  { version: '1', defaults: { 'no config_path': 'version = 2\n' } },
  {
    version: '2',
    defaults: {
      'no config_path': 'version = 3\n',
      'two folders': `version = 3\n[plugins."io.containerd.cri.v1.images".registry]\nconfig_path = "${TWO_FOLDERS}"\n`,
    },
  },
])('containerd $version, by CRI', ({ version, defaults }) => {
  test.each(Object.entries(defaults))(
    'with %s it does not ask the mirror, whatever hosts.toml says',
    async (_, configuration) => {
      const daemon = await startContainerdDaemon('default', { version, configuration });
      try {
        await mkdir(join(daemon.hosts, 'docker.io'), { recursive: true });
        const hosts = atEdge(await documentedBlock('hosts.toml'), new URL(edgeProxy.url).host);
        await writeFile(join(daemon.hosts, 'docker.io', 'hosts.toml'), hosts);
        const pulling = pullImage(daemon.socket, { image: byTag('tag'), timeout: 60_000 });
        await expect(pulling).rejects.toThrow('connection refused');
        expect(edgeProxy.requests).toEqual([]);
      } finally {
        await daemon.stop();
      }
    },
  );

  describe('configured as documented', () => {
    let client: Client;
    beforeAll(async () => {
      client = await startCri({ version });
    });
    afterAll(async () => {
      await client?.stop();
    });

    test('mirror first: it pulls from the mirror by tag and by digest', async () => {
      expect(await pull(client, byTag('tag'))).toBe(digestOfTag(images, 'tag'));
      expect(await pull(client, byDigest('digest'))).toBe(digestOfTag(images, 'digest'));
    });

    test('digests only: it pulls a digest, and does not ask the mirror for a tag', async () => {
      const block = 'hosts.toml, digests only';
      await expect(pull(client, byTag('digest-only'), { block })).rejects.toThrow(PullFailedError);
      expect(edgeProxy.requests).toEqual([]);
      expect(await pull(client, byDigest('digest-only'), { block })).toBe(digestOfTag(images, 'digest-only'));
    });

    test('upstream first: it asks the mirror only when the upstream is down', async () => {
      const block = 'hosts.toml, upstream first';
      const live = { block, upstream: new URL(upstreamProxy.url).host } as const;
      expect(await pull(client, byTag('first-up'), live)).toBe(digestOfTag(images, 'first-up'));
      expect(edgeProxy.requests).toEqual([]);
      expect(await pull(client, byTag('first'), { block })).toBe(digestOfTag(images, 'first'));
    });

    test('one file for every registry: it pulls images of docker.io and of quay.io', async () => {
      expect(await pull(client, byTag('every'), { mode: 'ns' })).toBe(digestOfTag(images, 'every'));
      const other = await pull(client, byTag('every-quay', 'quay.io'), { mode: 'ns' });
      expect(other).toBe(digestOfTag(images, 'every-quay'));
      expect(new Set(edgeProxy.requests.map(({ query }) => query.get('ns')))).toEqual(
        new Set(['docker.io', 'quay.io']),
      );
    });

    test('one file for every registry: it pulls an image whose path begins with a domain', async () => {
      const reference = `${DOMAIN_SCOPED}:every-gcr`;
      expect(await pull(client, reference, { mode: 'ns' })).toBe(digestOfTag(images, 'every-gcr'));
      expect(new Set(edgeProxy.requests.map(({ query }) => query.get('ns')))).toEqual(new Set(['gcr.io']));
    });
  });
});

describe.each([
  { name: 'podman', start: startPodman },
  { name: 'skopeo', start: startSkopeo },
])('$name', ({ start }) => {
  let client: Client;
  beforeAll(async () => {
    client = await start();
  });
  afterAll(async () => {
    await client?.stop();
  });

  test('mirror first: it pulls from the mirror by tag and by digest', async () => {
    expect(await pull(client, byTag('tag'))).toBe(digestOfTag(images, 'tag'));
    expect(await pull(client, byDigest('digest'))).toBe(digestOfTag(images, 'digest'));
  });

  test('digests only: it pulls a digest, and does not ask the mirror for a tag', async () => {
    const block = 'registries.conf, digests only';
    await expect(pull(client, byTag('digest-only'), { block })).rejects.toThrow(PullFailedError);
    expect(edgeProxy.requests).toEqual([]);
    expect(await pull(client, byDigest('digest-only'), { block })).toBe(digestOfTag(images, 'digest-only'));
  });
});

describe('Docker Engine', () => {
  let docker: Docker | undefined;
  afterEach(async () => {
    await docker?.stop();
  });

  test('it pulls images of Docker Hub by tag and by digest', async () => {
    docker = await startDocker(atEdge(await documentedBlock('daemon.json'), new URL(edgeProxy.url).host));
    expect(await docker.pull(byTag('tag'))).toBe(digestOfTag(images, 'tag'));
    expect(await docker.pull(byDigest('digest'))).toBe(digestOfTag(images, 'digest'));
  });

  test('it does not ask the mirror for an image of another registry', async () => {
    docker = await startDocker(atEdge(await documentedBlock('daemon.json'), new URL(edgeProxy.url).host));
    await expect(docker.pull(byTag('every', 'quay.io'))).rejects.toThrow('connection refused');
    expect(edgeProxy.requests).toEqual([]);
  });
});
