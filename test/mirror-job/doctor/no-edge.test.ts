/** Tests the doctor on addresses where no edge answers: a sentence for each, and nothing hangs. */
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createServer as createRawServer } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, expect, test } from 'vitest';
import { judge } from '../../../cluster/doctor/judge.ts';
import { examine, UnreachableError, type ExaminationLimits } from '../../../mirror-job/doctor/examine.ts';
import { NO_PROXIES } from '../../../mirror-job/runtime/node/proxies.ts';
import { makeCertificate } from '../../support/certificate.ts';
import { emptyRepository } from '../../support/content.ts';
import { close, listen } from '../../support/http-server.ts';
import { startRogueRegistry } from '../../support/rogue-registry.ts';
import { createIo, runMain } from '../support/io.ts';
import { problemsOf, verdictsOf, type Printed } from './scene.ts';

const ROOTS = getCACertificates('default');
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  setDefaultCACertificates(ROOTS);
  for (const stop of closing.splice(0)) await stop();
});

afterAll(() => {
  setDefaultCACertificates(ROOTS);
});

async function open(server: Server): Promise<number> {
  closing.push(() => close(server));
  return listen(server);
}

async function serve(listener: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await open(createServer(listener))}`;
}

async function examineJson(url: string): Promise<{ readonly code: number; readonly printed: Printed }> {
  const { code, stdout } = await runMain(['doctor', url, '--json'], createIo({ cwd: '/' }));
  const printed: Printed = JSON.parse(stdout);
  return { code, printed };
}

const ERROR = '{"errors":[{"code":"NAME_UNKNOWN","message":"nothing"}]}';

test.for<readonly [what: string, listener: RequestListener, check: string, verdict: string]>([
  ['a page', (_, response) => response.setHeader('content-type', 'text/html').end('<html>'), 'html', 'fails'],
  [
    'a page that says it is something else',
    (_, response) => response.setHeader('content-type', 'application/json').end('<!DOCTYPE html><p>'),
    'html',
    'fails',
  ],
  [
    'a redirect to a login',
    (_, response) => response.writeHead(302, { location: 'https://login.example.com/' }).end(),
    'redirected',
    'fails',
  ],
  [
    'a proxy without its server',
    (_, response) => response.writeHead(502).end('<html>'),
    'server-error',
    'falls back',
  ],
  ['a rate limit', (_, response) => response.writeHead(429).end(), 'throttled', 'falls back'],
  ['nothing at /v2/', (_, response) => response.writeHead(404).end(ERROR), 'registry', 'falls back'],
])('%s is named so, and nothing else', async ([, listener, check, verdict]) => {
  const { code, printed } = await examineJson(await serve(listener));
  expect([code, problemsOf(printed), verdictsOf(printed)['containerd']]).toEqual([3, [check], verdict]);
});

test('another registry is named so, and nothing else, with a login or without one', async () => {
  for (const auth of [undefined, { kind: 'basic', username: 'a', password: 'b' } as const]) {
    const registry = await startRogueRegistry({
      corpus: { repositories: new Map([['library/app', emptyRepository()]]) },
      ...(auth !== undefined && { auth }),
    });
    closing.push(() => registry.stop());
    const { code, printed } = await examineJson(registry.url);
    expect([code, problemsOf(printed), verdictsOf(printed)['docker']]).toEqual([3, ['lifeboat'], 'unknown']);
  }
});

test.for([
  ['its own host', (host: string) => `http://${host}/v2/upload/1?state=a`, ['DELETE /v2/upload/1?state=a']],
  ['a path', () => '/v2/upload/2', ['DELETE /v2/upload/2']],
  ['another host', () => 'http://127.0.0.1:9/v2/upload/3', []],
] as const)('what takes a push is told at %s that nothing follows', async ([, location, expected]) => {
  const deleted: string[] = [];
  const url = await serve(({ method, url: path = '', headers }, response) => {
    if (method === 'DELETE') deleted.push(`${method} ${path}`);
    if (method === 'POST') response.setHeader('location', location(headers.host ?? ''));
    const isHealth = path === '/healthz';
    response.writeHead(method === 'POST' ? 202 : isHealth || path === '/v2/' ? 200 : 404);
    response.end(isHealth ? '{"live":true,"stores":[]}' : path === '/v2/' ? '{}' : ERROR);
  });
  const { code, printed } = await examineJson(url);
  expect([code, problemsOf(printed)]).toEqual([3, expect.arrayContaining(['write'])]);
  expect(deleted).toEqual(expected);
});

test.for<readonly [what: string, address: () => Promise<string>, reason: RegExp]>([
  ['a name that is not in the DNS', async () => 'http://nothing.invalid', /its name is not known in the DNS/],
  [
    'a port where nothing listens',
    async () => 'http://127.0.0.1:1',
    /nothing listens there \(ECONNREFUSED\)/,
  ],
  [
    'a server that closes the connection',
    () => serve((request) => request.socket.destroy()),
    /it closed the connection without an answer/,
  ],
  [
    'a server that speaks no HTTP',
    async () => {
      const server = createRawServer((socket) =>
        socket.end('220 mail.example.com ESMTP\r\n', () => socket.destroy()),
      );
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      closing.push(() => new Promise((resolve) => server.close(() => resolve())));
      const address = server.address();
      return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
    },
    /it closed the connection without an answer \(HPE_INVALID_CONSTANT\)/,
  ],
  [
    'plain HTTP at an https address',
    async () => (await serve(() => {})).replace('http:', 'https:'),
    /it closed the connection/,
  ],
])('%s is one sentence with the next step, and exit code 1', async ([, address, reason]) => {
  const url = await address();
  const { code, stdout, stderr } = await runMain(['doctor', url], createIo({ cwd: '/' }));
  const [, sentence = '', ...more] = stderr.trimEnd().split('\n');
  expect([code, stdout, more]).toEqual([1, '', []]);
  expect(sentence).toMatch(reason);
  expect(sentence).toMatch(new RegExp(`^failed ${url} could not be examined: .*\\. [A-Z].*\\.$`));
});

async function serveSecurely(...names: readonly string[]): Promise<string> {
  const { keyPem: key, pem: cert } = makeCertificate(...names);
  const server = createSecureServer({ key, cert }, (_, response) =>
    response.end('{"live":true,"stores":[]}'),
  );
  const port = await open(server);
  setDefaultCACertificates([...ROOTS, cert]);
  return `https://localhost:${port}`;
}

test.for([
  ['for another host', 'other.test', /its certificate is not accepted \(it is for another host\)/],
  ['of an unknown root', undefined, /its certificate is not accepted \(it is its own root\)/],
] as const)('a certificate %s is one sentence, and exit code 1', async ([, name, reason]) => {
  const url = await serveSecurely(name ?? 'localhost');
  if (name === undefined) setDefaultCACertificates(ROOTS);
  const { code, stdout, stderr } = await runMain(['doctor', url], createIo({ cwd: '/' }));
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(reason);
  expect(stderr).toContain('NODE_EXTRA_CA_CERTS');
});

test('a certificate that ends tomorrow is named', async () => {
  const { printed } = await examineJson(await serveSecurely('localhost'));
  const certificate = printed.checks.find(({ check }) => check === 'certificate');
  expect(certificate).toMatchObject({ outcome: 'problem', says: expect.stringMatching(/, in [01] days?$/) });
});

const FAST = { answerMs: 200, bodyMs: 200, blobMs: 200 };

function examineAt(url: string, limits: Partial<ExaminationLimits>) {
  return examine({
    url,
    token: undefined,
    image: undefined,
    wantsChallenge: false,
    configuration: { notLooked: 'the bucket' },
    edgeKey: { notLooked: 'no key' },
    proxies: NO_PROXIES,
    say: () => {},
    limits,
  });
}

test('an edge that never answers is given up after the time limit', async () => {
  const url = await serve(() => {});
  const error = await examineAt(url, FAST).catch((one: unknown) => one);
  expect(error).toBeInstanceOf(UnreachableError);
  expect(error instanceof UnreachableError && error.failure).toMatchObject({
    reason: 'silent',
    detail: 'not within 0.2 s',
  });
});

test('a body that never ends is given up after the time limit', async () => {
  const url = await serve((_, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).write('{'),
  );
  const { findings } = judge(await examineAt(url, FAST));
  expect(findings.filter(({ outcome }) => outcome === 'problem').map(({ check }) => check)).toEqual([
    'unanswered',
  ]);
});

test('an edge that answers slowly all the time does not hold the examination up for longer than its limit', async () => {
  const url = await serve((request, response) => {
    setTimeout(() => {
      const isHealth = request.url === '/healthz';
      response
        .setHeader('content-type', 'application/json')
        .end(isHealth ? '{"live":true,"stores":[]}' : '{}');
    }, 150);
  });
  const begin = performance.now();
  const { registry } = await examineAt(url, { ...FAST, allMs: 500 });
  expect(performance.now() - begin).toBeLessThan(5000);
  expect(registry?.write).toMatchObject({ kind: 'failure', detail: 'the examination ran out of time' });
});
