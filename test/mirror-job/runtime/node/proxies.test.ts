/** HTTPS_PROXY, HTTP_PROXY and NO_PROXY with a real proxy, which alone can resolve the names. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { parseTag } from '../../../../core/reference.ts';
import { connect } from '../../../../mirror-job/runtime/node/connection.ts';
import { createStoreAgents } from '../../../../mirror-job/runtime/node/agents.ts';
import { createS3Connection } from '../../../../mirror-job/runtime/node/s3-connection.ts';
import { NO_PROXIES, readProxies, type Proxies } from '../../../../mirror-job/runtime/node/proxies.ts';
import { RegistrySource } from '../../../../mirror-job/sources/registry/registry-source.ts';
import { S3Store } from '../../../../mirror-job/storage/s3/s3-store.ts';
import { makeCertificate } from '../../../support/certificate.ts';
import { startForwardProxy, type ForwardProxy } from '../../../support/forward-proxy.ts';
import { close, listen } from '../../../support/http-server.ts';
import { freePort } from '../../../support/process.ts';
import { registryAt } from '../../support/harness.ts';

const DIGEST = `sha256:${'0'.repeat(64)}`;
const one = parseTag('one');

let folder = '';
let ca = '';
let https: Server | undefined;
let httpsPort = 0;
let httpPort = 0;
const http = createHttpServer(answer);

/** Answers every request with a list of one tag. */
function answer(_: IncomingMessage, response: ServerResponse): void {
  response
    .writeHead(200, { 'docker-content-digest': DIGEST, etag: '"etag"' })
    .end(JSON.stringify({ tags: ['one'] }));
}

let proxy: ForwardProxy | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-proxies-'));
  ca = join(folder, 'ca.pem');
  const { keyPem, pem } = makeCertificate('registry.test');
  await writeFile(ca, pem);
  https = createServer({ key: keyPem, cert: pem }, answer);
  httpsPort = await listen(https);
  httpPort = await listen(http);
});
afterEach(async () => {
  await proxy?.stop();
});
afterAll(async () => {
  await Promise.all([https && close(https), close(http)]);
  await rm(folder, { recursive: true, force: true });
});

async function sourceThrough(proxies: Proxies, host: string, insecure: boolean): Promise<RegistrySource> {
  const httpClient = await connect(insecure ? undefined : ca, proxies);
  const options = {
    httpClient,
    insecure,
    timeoutMs: 5000,
    retry: { attempts: 1, delayMs: 1, maxDelayMs: 1 },
  };
  return new RegistrySource(await registryAt(host, options), 'team/app');
}

test('https goes through a tunnel, and `ca` vouches for the registry at its end', async () => {
  proxy = await startForwardProxy();
  const proxies = { ...NO_PROXIES, https: proxy.url };
  const host = `registry.test:${httpsPort}`;
  const from = await sourceThrough(proxies, host, false);
  expect(await from.tags()).toEqual(['one']);
  expect(proxy.passed).toEqual([`CONNECT ${host}`]);

  const client = await registryAt(host, { httpClient: await connect(undefined, proxies), insecure: false });
  await expect(new RegistrySource(client, 'team/app').resolve(one)).rejects.toThrow(
    'cannot be reached (DEPTH_ZERO_SELF_SIGNED_CERT; HTTPS_PROXY is set). Its certificate comes from an unknown root: give the file of that root certificate as "ca" of this upstream.',
  );
});

test('the certificates of NODE_EXTRA_CA_CERTS are trusted in addition to `ca`', async () => {
  const usual = getCACertificates('default');
  const other = join(folder, 'other.pem');
  await writeFile(other, makeCertificate('other.test').pem);
  proxy = await startForwardProxy();
  const host = `registry.test:${httpsPort}`;
  const ask = async () => {
    const httpClient = await connect(other, { ...NO_PROXIES, https: proxy?.url });
    return new RegistrySource(await registryAt(host, { httpClient, insecure: false }), 'team/app').tags();
  };
  try {
    await expect(ask()).rejects.toThrow('DEPTH_ZERO_SELF_SIGNED_CERT');
    setDefaultCACertificates([...usual, await readFile(ca, 'utf8')]);
    expect(await ask()).toEqual(['one']);
  } finally {
    setDefaultCACertificates(usual);
  }
});

test('http goes through the proxy by whole addresses, because some proxies tunnel only to port 443', async () => {
  proxy = await startForwardProxy();
  const host = `registry.test:${httpPort}`;
  const from = await sourceThrough({ ...NO_PROXIES, http: proxy.url }, host, true);
  expect(await from.resolve(one)).toEqual({ digest: DIGEST });
  expect(proxy.passed).toEqual([`HEAD http://${host}`]);
});

test('the store is reached through the proxy too', async () => {
  proxy = await startForwardProxy({ credentials: { username: 'me', password: 'p@ss' } });
  const agents = createStoreAgents(readProxies({ HTTP_PROXY: proxy.url.replace('//', '//me:p%40ss@') }));
  const origin = `http://store.test:${httpPort}`;
  const options = { endpoint: origin, region: 'auto', bucket: 'bucket', prefix: '', pathStyle: true };
  const credentials = { accessKeyId: 'id', secretAccessKey: 'key' };
  const store = new S3Store({ ...options, credentials }, createS3Connection(agents));
  expect((await store.get('lifeboat.json'))?.etag).toBe('"etag"');
  expect(await store.put('key', Buffer.from('bytes'), { contentType: 'text/plain' })).toBe('written');
  expect(proxy.passed).toEqual([`GET ${origin}`, `PUT ${origin}`]);
});

test('each variable applies only to its own kind of address', async () => {
  proxy = await startForwardProxy();
  const { url, passed } = proxy;
  const from = await sourceThrough({ ...NO_PROXIES, http: url }, `registry.test:${httpsPort}`, false);
  await expect(from.resolve(one)).rejects.toThrow('cannot be reached');
  const other = await sourceThrough({ ...NO_PROXIES, https: url }, `registry.test:${httpPort}`, true);
  await expect(other.resolve(one)).rejects.toThrow('cannot be reached');
  expect(passed).toEqual([]);
});

test.each([
  ['this machine, always', '', '127.0.0.1'],
  ['what NO_PROXY says', 'other.test,.0.0.1', '127.0.0.1'],
])('the proxy is not used for %s', async (_, NO_PROXY, name) => {
  proxy = await startForwardProxy();
  const proxies = readProxies({ HTTP_PROXY: proxy.url, NO_PROXY });
  const from = await sourceThrough(proxies, `${name}:${httpPort}`, true);
  expect(await from.resolve(one)).toEqual({ digest: DIGEST });
  expect(proxy.passed).toEqual([]);
});

test('the proxy is not used for a name in NO_PROXY', async () => {
  proxy = await startForwardProxy();
  const proxies = readProxies({ HTTP_PROXY: proxy.url, NO_PROXY: 'other.test, registry.test' });
  const from = await sourceThrough(proxies, `registry.test:${httpPort}`, true);
  await expect(from.resolve(one)).rejects.toThrow(
    /cannot be reached \((ENOTFOUND|EAI_AGAIN); HTTP_PROXY is set\)/,
  );
  expect(proxy.passed).toEqual([]);
});

test('the proxy gets its own password, which only the proxy sees', async () => {
  const credentials = { username: 'me', password: 'p@ss' };
  proxy = await startForwardProxy({ credentials });
  const url = proxy.url.replace('//', '//me:p%40ss@');
  for (const [port, insecure] of [
    [httpsPort, false],
    [httpPort, true],
  ] as const) {
    const from = await sourceThrough(
      readProxies({ HTTPS_PROXY: url, HTTP_PROXY: url }),
      `registry.test:${port}`,
      insecure,
    );
    expect(await from.resolve(one)).toEqual({ digest: DIGEST });
    const refused = await sourceThrough(
      readProxies({ HTTPS_PROXY: proxy.url, HTTP_PROXY: proxy.url }),
      `registry.test:${port}`,
      insecure,
    );
    await expect(refused.resolve(one)).rejects.toThrow('cannot be reached (the proxy answered 407)');
  }
});

test('the error for a proxy that does not listen names the variable, and not the password', async () => {
  const url = `http://me:secret@127.0.0.1:${await freePort()}`;
  const from = await sourceThrough(readProxies({ HTTPS_PROXY: url }), `registry.test:${httpsPort}`, false);
  await expect(from.resolve(one)).rejects.toThrow(
    expect.objectContaining({
      message: `registry.test:${httpsPort}/team/app: registry.test:${httpsPort} cannot be reached (ECONNREFUSED; HTTPS_PROXY is set).`,
    }),
  );
});

test.each([
  ['none', {}, [undefined, undefined]],
  ['empty ones', { HTTPS_PROXY: '', http_proxy: '' }, [undefined, undefined]],
  ['the lower case first', { HTTPS_PROXY: 'http://a', https_proxy: 'http://b' }, ['http://b/', undefined]],
  ['without a scheme', { HTTP_PROXY: 'proxy.test:3128' }, [undefined, 'http://proxy.test:3128/']],
])('readProxies reads the variables: %s', (_, environment, expected) => {
  const { https: secure, http: plain } = readProxies(environment);
  expect([secure, plain]).toEqual(expected);
});

test.each(['http://me:secret@', 'socks5://me:secret@proxy.test'])(
  'the address %s is refused as that of a proxy',
  (address) => {
    expect(() => readProxies({ https_proxy: address })).toThrow(
      expect.objectContaining({
        message:
          'the environment variable https_proxy is not the address of a proxy, such as http://proxy.example.com:3128. Correct it, or unset it.',
      }),
    );
  },
);
