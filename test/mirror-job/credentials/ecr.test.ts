/** Which hosts of Amazon ECR get a password from AWS, and when it is requested. */
import { createServer, type ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createStoreAgents } from '../../../mirror-job/runtime/node/agents.ts';
import { createS3Connection } from '../../../mirror-job/runtime/node/s3-connection.ts';
import { parseUpstream } from '../../../core/reference.ts';
import { DockerConfig } from '../../../mirror-job/credentials/docker-config.ts';
import { ecrRegistry } from '../../../mirror-job/credentials/ecr.ts';
import { credentialProvidersFor } from '../../../mirror-job/credentials/credential-providers.ts';
import type { CredentialProvider } from '../../../mirror-job/sources/registry/registry-options.ts';
import { S3Store } from '../../../mirror-job/storage/s3/s3-store.ts';
import { startEcrServer, type EcrServer } from '../../support/ecr-server.ts';
import { close, listen } from '../../support/http-server.ts';
import { becomeNobody } from '../support/become-nobody.ts';
import { TestClock } from '../support/harness.ts';

const HOST = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';
const TWELVE_HOURS = 12 * 3_600_000;

let server: EcrServer;
let clock: TestClock;
beforeEach(async () => {
  clock = new TestClock();
  const start = clock.now().getTime();
  server = await startEcrServer(
    (call) => `password ${call}`,
    (call) => (start + call * TWELVE_HOURS) / 1000,
  );
  becomeNobody({
    AWS_ENDPOINT_URL_ECR: server.url,
    AWS_ACCESS_KEY_ID: 'test-access-key',
    AWS_SECRET_ACCESS_KEY: 'test-secret-key',
  });
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.stop();
});

async function accountFor(
  host: string,
  agents = createStoreAgents(),
): Promise<CredentialProvider | undefined> {
  const [account] = await credentialProvidersFor(parseUpstream(host), undefined, {
    clock,
    signal: new AbortController().signal,
    dockerConfigs: async () => [],
    agents,
  });
  return account;
}

test.each([
  [HOST, { region: 'eu-central-1', fips: false }],
  ['123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com', { region: 'us-gov-west-1', fips: true }],
  ['123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn', { region: 'cn-north-1', fips: false }],
  ['123456789012.dkr-ecr.us-east-1.on.aws', { region: 'us-east-1', fips: false }],
  ['public.ecr.aws', undefined],
  ['12345.dkr.ecr.eu-central-1.amazonaws.com', undefined],
  [`${HOST}.evil.test`, undefined],
  ['123456789012.dkr.ecr.eu-central-1.amazonaws.com.evil.test', undefined],
  ['123456789012.dkr.ecr.evil.test', undefined],
  [`${HOST}:5000`, undefined],
])('a host is an ECR registry of a region, or none: %s', (host, expected) => {
  expect(ecrRegistry(parseUpstream(host))).toEqual(expected);
});

test('a password is requested once in the registry’s region, and again ten minutes before its twelve hours end', async () => {
  const account = await accountFor(HOST);
  expect(server.calls).toEqual([]);
  const first = { username: 'AWS', password: 'password 1', from: 'that AWS gave for this registry' };
  expect(await Promise.all([account?.(), account?.()])).toEqual([first, first]);
  clock.advance(TWELVE_HOURS - 10 * 60_000 - 1);
  expect(await account?.()).toEqual(first);
  expect(server.calls).toEqual(['test-access-key eu-central-1']);
  clock.advance(1);
  expect(await account?.()).toEqual({ ...first, password: 'password 2' });
  expect(server.calls).toHaveLength(2);
});

test('the configuration and docker’s login come first, and then AWS gets no request', async () => {
  const surroundings = {
    clock,
    signal: new AbortController().signal,
    dockerConfigs: async () => [],
    agents: createStoreAgents(),
  };
  const own = { username: 'me', password: 'secret' };
  const accounts = await credentialProvidersFor(parseUpstream(HOST), [own], surroundings);
  expect(await Promise.all(accounts.map((account) => account()))).toEqual([
    { ...own, from: 'configured for this upstream' },
  ]);
  expect(await credentialProvidersFor(parseUpstream(HOST), [], surroundings)).toEqual([]);
  const login = new DockerConfig('config.json', JSON.stringify({ auths: { [HOST]: own } }));
  const [account] = await credentialProvidersFor(parseUpstream(HOST), undefined, {
    ...surroundings,
    dockerConfigs: async () => [login],
  });
  expect(await account?.()).toEqual({ ...own, from: 'of config.json' });
  expect(server.calls).toEqual([]);
});

test('the error for a refusal by AWS names the missing permission, and quotes nothing of AWS’s message', async () => {
  server.refuse({ type: 'AccessDeniedException', message: 'test-secret-key' });
  const account = await accountFor(HOST);
  await expect(account?.()).rejects.toThrow(
    expect.objectContaining({
      message: `AWS gave no password for ${HOST} (AccessDeniedException). Give this process AWS credentials that allow ecr:GetAuthorizationToken in eu-central-1, or configure upstreams["${HOST}"].credentials.`,
    }),
  );
});

test('ECR gets no request without AWS credentials, and the error names the registry', async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', '');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', '');
  const account = await accountFor(HOST);
  await expect(account?.()).rejects.toThrow(`AWS gave no password for ${HOST} (CredentialsProviderError).`);
  expect(server.calls).toEqual([]);
});

test('a download from the store goes on while ECR is asked, because the client does not close shared connections', async () => {
  const pieces: ServerResponse[] = [];
  const slow = createServer((_, response) => {
    response.writeHead(200, { etag: '"e"', 'content-length': '8' }).write('half');
    pieces.push(response);
  });
  const endpoint = `http://127.0.0.1:${await listen(slow)}`;
  try {
    const agents = createStoreAgents();
    const credentials = { accessKeyId: 'id', secretAccessKey: 'key' };
    const options = { endpoint, region: 'auto', bucket: 'b', prefix: '', pathStyle: true, credentials };
    const reading = new S3Store(options, createS3Connection(agents)).get('key');
    await vi.waitFor(() => expect(pieces.length).toBe(1));
    const account = await accountFor(HOST, agents);
    expect(await account?.()).toMatchObject({ password: 'password 1' });
    pieces[0]?.end('half');
    expect(Buffer.from((await reading)?.bytes ?? []).toString()).toBe('halfhalf');
    expect(pieces.length).toBe(1);
  } finally {
    await close(slow);
  }
});
