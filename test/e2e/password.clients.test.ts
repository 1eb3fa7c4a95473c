/** Tests a real registry that requires a password: docker-registry with htpasswd. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildCorpus } from '../support/corpus.ts';
import { selectRepositories } from '../support/content.ts';
import { pushCorpus } from '../support/push.ts';
import { startS3Server, type S3Server } from '../support/s3-server.ts';
import { sync, type Synced } from '../support/sync.ts';
import { UPSTREAM_USER, startDockerRegistry, type Upstream } from '../support/upstream.ts';

let upstream: Upstream;
let store: S3Server;

beforeAll(async () => {
  [upstream, store] = await Promise.all([startDockerRegistry({ auth: true }), startS3Server()]);
  const { username, password } = UPSTREAM_USER;
  const Authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const corpus = selectRepositories(await buildCorpus(), (name) => name === 'team/one');
  await pushCorpus(corpus, { url: upstream.url, headers: { Authorization } });
});
afterAll(async () => {
  await Promise.all([upstream?.stop(), store?.stop()]);
});

function mirror(options: { credentials?: readonly object[]; public?: boolean }): Promise<Synced> {
  const { credentials, public: mayBePublic } = options;
  return sync(store, {
    upstreams: { [upstream.host]: { insecure: true, ...(credentials !== undefined && { credentials }) } },
    images: [
      {
        source: `${upstream.host}/team/one`,
        tags: ['latest'],
        ...(mayBePublic !== undefined && { public: mayBePublic }),
      },
    ],
  });
}

function errorsOf({ report }: Synced): (string | undefined)[] {
  return report.items.map(({ outcome }) => outcome.error);
}

test('without a password the image fails, and its error names the setting to configure', async () => {
  const synced = await mirror({});
  expect(synced.code).toBe(1);
  expect(errorsOf(synced)).toEqual([expect.stringContaining(`upstreams["${upstream.host}"].credentials`)]);
});

test('with a wrong password the error says that the configured credentials are not accepted, and no output shows the password', async () => {
  const synced = await mirror({
    credentials: [{ username: UPSTREAM_USER.username, password: 'not-this-one' }],
  });
  expect(synced.code).toBe(1);
  expect(errorsOf(synced)).toEqual([expect.stringContaining('credentials configured for this upstream')]);
  expect(synced.stdout + synced.stderr).not.toContain('not-this-one');
});

test('an image that upstream shows only with a password does not go into a public bucket', async () => {
  const synced = await mirror({ credentials: [UPSTREAM_USER] });
  expect(synced.code).toBe(1);
  expect(errorsOf(synced)).toEqual([expect.stringContaining('public: true')]);
});

test('an image that upstream shows only with a password goes into a public bucket if the operator allows it', async () => {
  const synced = await mirror({ credentials: [UPSTREAM_USER], public: true });
  expect(synced.report.counts).toMatchObject({ created: 1, failed: 0 });
  expect(synced.code).toBe(0);
});
