/** A repository whose path begins with a segment that looks like a host can be pulled by every way to name it. */
import { beforeAll, describe, expect, it } from 'vitest';
import { r2Bucket } from '../support/bucket.ts';
import { countingBytes, putBlob, putIdentity, putManifest, putTag } from '../support/content.ts';
import { TestEdge } from '../support/test-edge.ts';

const REPOSITORY = 'gcr.io/google.com/cloudsdktool/x';
const PATH = 'google.com/cloudsdktool/x';

const open = r2Bucket();
const closed = r2Bucket();
let blob = '';
let manifest = '';

beforeAll(async () => {
  await putIdentity(open);
  await putIdentity(closed, 'token');
  for (const bucket of [open, closed]) {
    blob = await putBlob(bucket, REPOSITORY, countingBytes(10));
    manifest = await putManifest(bucket, REPOSITORY, 'x');
    await putTag(bucket, REPOSITORY, '1', 'x');
    await bucket.put(`repositories/${REPOSITORY}/_tags.json`, `{"name":"${REPOSITORY}","tags":["1"]}`);
  }
});

const NAMINGS = [
  // The way to name it, the host, the name in the path, the query.
  ['by prefix', 'mirror.example.com', REPOSITORY, ''],
  ['by "ns", as containerd in host mode', 'mirror.example.com', PATH, '?ns=gcr.io'],
  ['by "ns" with a port', 'mirror.example.com', PATH, '?ns=gcr.io:443'],
  ['by both, as containerd with override_path', 'mirror.example.com', REPOSITORY, '?ns=gcr.io'],
  ['by a configured host name', 'gcr.example.com', PATH, ''],
] as const;

describe.each(NAMINGS)('%s', (_how, host, name, query) => {
  const edge = new TestEdge([open], { variables: { HOSTS: 'gcr.example.com=gcr.io' } });
  const get = (rest: string) => edge.get(`https://${host}/v2/${name}/${rest}${query}`);

  it('its tag, its manifest, its blob and its list of tags are found', async () => {
    const tag = await get('manifests/1');
    expect([tag.status, tag.headers.get('docker-content-digest')]).toEqual([200, manifest]);
    const byDigest = await get(`manifests/${manifest}`);
    expect([byDigest.status, byDigest.headers.get('docker-content-digest')]).toEqual([200, manifest]);
    const bytes = await get(`blobs/${blob}`);
    expect([bytes.status, (await bytes.arrayBuffer()).byteLength]).toEqual([200, 10]);
    const list = await get('tags/list');
    expect([list.status, await list.json()]).toEqual([200, { name, tags: ['1'] }]);
    const referrers = await get(`referrers/${manifest}`);
    expect([referrers.status, await referrers.json()]).toMatchObject([200, { manifests: [] }]);
  });
});

describe('a token is checked against the repository that a name leads to', () => {
  const SHA256 = '948b8c2427cd29047839b8e4a27a08763f8befbafa86be5cce8e46217d75e58a';
  const statusWith = async (glob: string, host: string, path: string) => {
    const variables = {
      AUDIENCE: 'token',
      TOKENS: `ci ${SHA256} ${glob}`,
      HOSTS: 'gcr.example.com=gcr.io',
    };
    const edge = new TestEdge([closed], { variables });
    return (await edge.get(`https://${host}/v2/${path}`, { authorization: 'Bearer ci-token' })).status;
  };

  it.each(NAMINGS)('%s', async (_how, host, name, query) => {
    const path = `${name}/manifests/1${query}`;
    expect(await statusWith('gcr.io/google.com/**', host, path)).toBe(200);
    expect(await statusWith('google.com/**', host, path)).toBe(403);
    expect(await statusWith('docker.io/**', host, path)).toBe(403);
  });

  it.each([
    // Glob, path, status. The first segment of the path gives no access.
    ['google.com/**', `${PATH}/manifests/1?ns=gcr.io`, 403],
    ['docker.io/**', `docker.io/library/a/manifests/1?ns=gcr.io`, 403],
    ['gcr.io/**', `docker.io/library/a/manifests/1?ns=gcr.io`, 404],
    ['google.com/**', `${PATH}/manifests/1`, 404],
    ['gcr.io/**', `${PATH}/manifests/1`, 403],
  ])('with the glob %s, %s has the status %i', async (glob, path, status) => {
    expect(await statusWith(glob, 'mirror.example.com', path)).toBe(status);
  });
});
