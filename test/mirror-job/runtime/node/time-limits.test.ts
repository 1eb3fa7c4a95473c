/** Waits for servers that are not upstreams end by themselves. bad-table.test.ts has the waits for upstreams. */
import { createServer } from 'node:http';
import { createServer as createPlainServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { createStoreAgents } from '../../../../mirror-job/runtime/node/agents.ts';
import { createS3Connection } from '../../../../mirror-job/runtime/node/s3-connection.ts';
import { parseTag, parseUpstream } from '../../../../core/reference.ts';
import { askEcr } from '../../../../mirror-job/credentials/ecr.ts';
import { connect } from '../../../../mirror-job/runtime/node/connection.ts';
import { NO_PROXIES } from '../../../../mirror-job/runtime/node/proxies.ts';
import { NO_BUDGET } from '../../../../mirror-job/sources/registry/pace/budget.ts';
import { Registry } from '../../../../mirror-job/sources/registry/registry.ts';
import { DEFAULT_CONCURRENCY } from '../../../../mirror-job/sources/registry/registry-options.ts';
import { RegistrySource } from '../../../../mirror-job/sources/registry/registry-source.ts';
import { S3Store } from '../../../../mirror-job/storage/s3/s3-store.ts';
import { addImage, addLayer, tagAs } from '../../../support/builder.ts';
import { emptyRepository } from '../../../support/content.ts';
import { close, listen } from '../../../support/http-server.ts';
import type { Misbehaviour } from '../../../support/misbehaviour.ts';
import { startRogueRegistry } from '../../../support/rogue-registry.ts';
import { becomeNobody } from '../../support/become-nobody.ts';
import { sourceAt, TestClock } from '../../support/harness.ts';

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(ends.splice(0).map((end) => end()));
});

const app = emptyRepository();
tagAs(app, addImage(app, { layers: [await addLayer(app, 'layer')] }), 'one');
const one = parseTag('one');

async function withRealm(misbehaviour: Misbehaviour) {
  const registry = await startRogueRegistry({
    corpus: { repositories: new Map([['team/app', app]]) },
    auth: { kind: 'bearer' },
    misbehave: ({ kind }) => (kind === 'token' ? misbehaviour : undefined),
  });
  ends.push(() => registry.stop());
  return { registry, source: await sourceAt(registry.host, 'team/app') };
}

test('a token realm that never answers is an error after its time limit', async () => {
  const { registry, source } = await withRealm({ kind: 'hang' });
  await expect(source.resolve(one)).rejects.toThrow(
    `${registry.host}/team/app: ${registry.host} did not answer within 0.3 s.`,
  );
  // There are two attempts, and a refusal before each.
  expect(registry.requests.filter(({ kind }) => kind === 'token').length).toBe(2);
});

test('a token realm that stalls in the middle of its answer is an error after its time limit', async () => {
  const { registry, source } = await withRealm({ kind: 'stall', after: 5 });
  await expect(source.resolve(one)).rejects.toThrow(
    `${registry.host} asks for a token from ${registry.host}, which sent nothing for 0.3 s in the middle of a body.`,
  );
});

test('a proxy that takes the connection and says nothing is an error after its time limit', async () => {
  const sockets = new Set<Socket>();
  const server: Server = createPlainServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  ends.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port.');
  const proxy = `http://127.0.0.1:${address.port}/`;
  const registry = new Registry(parseUpstream('registry.test'), {
    httpClient: await connect(undefined, { ...NO_PROXIES, https: proxy }),
    clock: new TestClock(),
    log: { info: () => {}, warn: () => {} },
    signal: new AbortController().signal,
    accounts: [],
    insecure: false,
    timeoutMs: 300,
    retry: { attempts: 2, delayMs: 10, maxDelayMs: 60_000 },
    concurrency: DEFAULT_CONCURRENCY,
    budget: NO_BUDGET,
  });
  await expect(new RegistrySource(registry, 'team/app').resolve(one)).rejects.toThrow(
    'registry.test/team/app: registry.test cannot be reached (ETIMEDOUT; HTTPS_PROXY is set).',
  );
  // There are one or two connections, and no request waits for either.
  expect(sockets.size).toBeGreaterThan(0);
});

test('a store that stalls in the middle of an object that is read whole is an error after its time limit', async () => {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'Content-Length': '100', ETag: '"e"' });
    response.write('half of it');
  });
  const endpoint = `http://127.0.0.1:${await listen(server)}`;
  ends.push(() => close(server));
  const credentials = { accessKeyId: 'id', secretAccessKey: 'key' };
  const options = { endpoint, region: 'auto', bucket: 'b', prefix: '', pathStyle: true, credentials };
  const store = new S3Store(options, createS3Connection(), 300);
  await expect(store.get('key')).rejects.toThrow(
    `The bucket "b" at ${endpoint}: could not read key: it does not answer (SilenceError). Check store.endpoint.`,
  );
});

test('an Amazon ECR that never answers is an error after its time limit', async () => {
  const server = createServer(() => {});
  const url = `http://127.0.0.1:${await listen(server)}`;
  ends.push(() => close(server));
  becomeNobody({
    AWS_ENDPOINT_URL_ECR: url,
    AWS_ACCESS_KEY_ID: 'test-access-key',
    AWS_SECRET_ACCESS_KEY: 'test-secret-key',
  });
  const host = parseUpstream('123456789012.dkr.ecr.eu-central-1.amazonaws.com');
  const { signal } = new AbortController();
  const asked = askEcr(host, { region: 'eu-central-1', fips: false }, createStoreAgents(), new Date(0), {
    signal,
    timeoutMs: 300,
  });
  await expect(asked).rejects.toThrow(`AWS gave no password for ${host} (AbortError).`);
});
