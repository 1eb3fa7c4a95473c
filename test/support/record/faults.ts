/** Records the faults of upstreams and stores, and the messages that people then read. */
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { s3ClientOf } from '../bucket-reader.ts';
import { digestOfTag, repositoryOf } from '../content.ts';
import type { Misbehaviour } from '../misbehaviour.ts';
import type { RegistryRequest } from '../registry-request.ts';
import { corpusOf, smallImages } from './images.ts';
import { startRegistry } from './registry.ts';
import type { Scenario } from './stage.ts';

type Fault = (request: RegistryRequest) => Misbehaviour | undefined;

const at =
  (kind: RegistryRequest['kind'], fault: Misbehaviour): Fault =>
  (request) =>
    request.kind === kind ? fault : undefined;

/** The faults. Each of them ends without a long wait. */
const FAULTS: Readonly<Record<string, Fault>> = {
  'no list of tags': at('tags', { kind: 'status', status: 404 }),
  'a forbidden list': at('tags', { kind: 'status', status: 403 }),
  'a page of HTML': at('manifest', { kind: 'html' }),
  'a list that goes in circles': at('tags', { kind: 'page-loop' }),
  'a list of bad tags': at('tags', { kind: 'tags', tags: ['one', '-bad', 'a b', '\u001B[31mred'] }),
  'a manifest with wrong bytes': at('manifest', { kind: 'wrong-bytes' }),
  'a manifest that is too large': at('manifest', { kind: 'huge-manifest' }),
  'an unknown media type': at('manifest', { kind: 'unknown-media-type' }),
  'a manifest of schema 1': at('manifest', { kind: 'schema1' }),
  'a blob with wrong bytes': at('blob', { kind: 'wrong-bytes' }),
  'a blob that is too short': at('blob', { kind: 'short', by: 1, honest: true }),
  'a blob that is too long': at('blob', { kind: 'long', by: 1, honest: true }),
  'a missing blob': at('blob', { kind: 'status', status: 404 }),
  'blobs on another host': at('blob', { kind: 'redirect-elsewhere' }),
  'a redirect without an end': at('blob', { kind: 'redirect-loop' }),
  'a long Retry-After': at('tags', { kind: 'status', status: 429, headers: { 'retry-after': '7200' } }),
  'no credentials': at('manifest', { kind: 'status', status: 401 }),
};

export const recordFaults: Scenario = async (stage) => {
  const corpus = corpusOf({ 'team/app': await smallImages('faults', ['one', 'two']) });
  const registry = await startRegistry(stage.recorder, 'upstream of faults', { corpus });
  const bucket = await stage.openBucket('store of faults');
  const lifeboat = await stage.commandLine('faults');
  const image = 'mirror.test/app';
  const configurationFor = (store: object, name = image) => ({
    store: { ...bucket.configuration, ...store },
    upstreams: { [registry.host]: { insecure: true, concurrency: 1, credentials: [] } },
    images: [{ source: `${registry.host}/team/app`, name, tags: ['*'] }],
  });
  const record = async (step: string, ...args: readonly string[]): Promise<void> => {
    await lifeboat.run(step, args);
    registry.record(step);
    await bucket.record(step);
  };
  const client = s3ClientOf(bucket);
  const put = async (Key: string, Body: string): Promise<void> => {
    await client.send(new PutObjectCommand({ Bucket: bucket.bucket, Key, Body }));
  };
  try {
    for (const [what, fault] of Object.entries(FAULTS)) {
      // Each fault has a prefix of its own, which is still empty.
      await lifeboat.configure('lifeboat.yaml', configurationFor({ prefix: what.replaceAll(' ', '-') }));
      registry.misbehave(fault);
      await record(`upstream: ${what}`, 'sync');
    }
    registry.misbehave(undefined);
    const wrong: Readonly<Record<string, object>> = {
      'no such bucket': { bucket: 'nowhere' },
      'a wrong key': { secretAccessKey: 'wrong' },
      'another audience': { audience: 'token', prefix: 'no-credentials' },
    };
    for (const [what, store] of Object.entries(wrong)) {
      await lifeboat.configure('lifeboat.yaml', configurationFor(store));
      await record(`store: ${what}`, 'sync');
      await record(`store: ${what}, history`, 'history', image);
    }
    await put('foreign/file', 'of others');
    await lifeboat.configure('lifeboat.yaml', configurationFor({ prefix: 'foreign' }));
    await record('store: files of others', 'sync');
    const prefix = 'damaged';
    await lifeboat.configure('lifeboat.yaml', configurationFor({ prefix }));
    await record('store: before the damage', 'sync');
    const [blob] = repositoryOf(corpus, 'team/app').blobs.keys();
    await client.send(
      new DeleteObjectCommand({ Bucket: bucket.bucket, Key: `${prefix}/blobs/${blob?.replace(':', '/')}` }),
    );
    await record('store: a lost blob', 'sync', '--json');
    const folder = `${prefix}/repositories/${image}`;
    const digest = digestOfTag(repositoryOf(corpus, 'team/app'), 'two');
    await put(`${folder}/_index.json`, '{"not": "an index"}');
    await put(`${folder}/_tags.json`, 'not JSON');
    await put(`${folder}/_tags/two`, '{}');
    await put(`${folder}/_manifests/${digest.replace(':', '/')}`, 'not a manifest');
    await record('store: damaged objects', 'sync');
    await record('store: history of damaged objects', 'history', image);
    await lifeboat.run('store: export of damaged objects', ['export', image, '--to', 'out']);
    await put(`${prefix}/lifeboat.json`, '{"layout": 99}');
    await record('store: a later layout', 'sync');
  } finally {
    client.destroy();
    await registry.stop();
  }
};
