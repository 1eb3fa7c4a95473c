/** All that the pulls share: the registry with the images, two stores that one run has filled, the edge's bundle, and the clients. */
import { DeleteObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { s3ClientOf } from '../bucket-reader.ts';
import { issueCertificate, makeCertificate } from '../certificate.ts';
import { OCI_MANIFEST } from '../media-types.ts';
import { buildOwnEdge } from '../own-edge.ts';
import { pushRepository } from '../push.ts';
import { startS3Server, type S3Server } from '../s3-server.ts';
import { sync } from '../sync.ts';
import { startDockerRegistry } from '../upstream.ts';
import { writeClientFileTemplates } from './client-file-templates.ts';
import { makeFaultImage, type FaultImage } from './images.ts';
import { PULLER_NAMES, type Puller, type PullerName } from './puller.ts';
import { openPuller } from './pullers.ts';
import { EDGE_PORT, SILENT_ADDRESS, UPSTREAM_PORT, type Row } from './rows.ts';
import { startSilentHost } from './silent-host.ts';
import type { Servers } from './site.ts';

export interface Stage {
  readonly servers: Servers;
  imageOf(row: Row): FaultImage;
  puller(name: PullerName): Puller;
  stop(): Promise<void>;
}

/** @throws if a program is missing or a server does not start. What has started by then is stopped */
export async function startStage(rows: readonly Row[]): Promise<Stage> {
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const each of stops.splice(0).toReversed()) await each();
  };
  const started = <Started extends { stop(): Promise<void> }>(each: Started): Started => {
    stops.push(async () => each.stop());
    return each;
  };
  try {
    const bundle = await mkdtemp(join(tmpdir(), 'lifeboat-fault-edge-'));
    stops.push(async () => rm(bundle, { recursive: true, force: true }));
    await buildOwnEdge(bundle);
    const registry = started(await startDockerRegistry());
    const stores = [started(await startS3Server()), started(await startS3Server())] as const;
    const whole = started(await startS3Server());
    const images = new Map<number, FaultImage>();
    for (const row of rows) {
      const image = await makeFaultImage(row.repository);
      images.set(row.number, image);
      await pushRepository(row.repository, image.repository, { url: registry.url });
    }
    await mirror(registry.host, [...stores, whole], rows);
    for (const row of rows) await damage(stores, row, present(images.get(row.number)));
    started(await startSilentHost(SILENT_ADDRESS, [UPSTREAM_PORT, EDGE_PORT]));
    const root = makeCertificate('lifeboat root');
    const certificate = issueCertificate(root, '*.upstream.test');
    const templates = started(await writeClientFileTemplates());
    const pullers = new Map<PullerName, Puller>();
    for (const name of PULLER_NAMES) {
      pullers.set(name, started(await openPuller(name, { templates, rows, root: root.pem })));
    }
    return {
      servers: { registry: registry.url, stores, whole, bundle, certificate },
      imageOf: ({ number }) => present(images.get(number)),
      puller: (name) => present(pullers.get(name)),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** @throws if the run does not end well */
async function mirror(host: string, stores: readonly S3Server[], rows: readonly Row[]): Promise<void> {
  const [first] = stores;
  const { code, stderr } = await sync(present(first), {
    store: undefined,
    stores: stores.map(({ endpoint, bucket, region, accessKeyId, secretAccessKey }) => ({
      endpoint,
      bucket,
      region,
      accessKeyId,
      secretAccessKey,
      audience: 'public',
    })),
    upstreams: { [host]: { insecure: true } },
    images: rows.map(({ upstream, repository }) => ({
      source: `${host}/${repository}`,
      name: `${upstream}/${repository}`,
      tags: ['*'],
    })),
  });
  if (code !== 0) throw new Error(`lifeboat sync ended with ${code}:\n${stderr}`);
}

async function damage(stores: readonly S3Server[], row: Row, image: FaultImage): Promise<void> {
  for (const { stores: numbers, key, bytes } of row.fault.damage?.(image) ?? []) {
    for (const number of numbers) {
      const store = present(stores[number - 1]);
      const client = s3ClientOf(store);
      await replace(client, store.bucket, key(`repositories/${row.upstream}/${row.repository}/`), bytes);
      client.destroy();
    }
  }
}

async function replace(
  client: S3Client,
  Bucket: string,
  Key: string,
  Body: Buffer | undefined,
): Promise<void> {
  if (Body === undefined) {
    await client.send(new DeleteObjectCommand({ Bucket, Key }));
    return;
  }
  const ContentType = Key.includes('/_manifests/') ? OCI_MANIFEST : 'application/octet-stream';
  await client.send(new PutObjectCommand({ Bucket, Key, Body, ContentType }));
}

function present<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('The row is not on the stage.');
  return value;
}
