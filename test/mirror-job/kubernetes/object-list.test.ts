/** Listing objects of an API server that answers with faults, which a real one gives seldom. */
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { ClusterConnection } from '../../../mirror-job/kubernetes/connection.ts';
import { listObjects } from '../../../mirror-job/kubernetes/object-list.ts';
import { close, listen } from '../../support/http-server.ts';
import { createIo, runMain } from '../support/io.ts';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of closing.splice(0)) await stop();
});

/** @returns a kubeconfig for a server that answers so */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  const port = await listen(server);
  closing.push(() => close(server));
  return writeConfig(`http://127.0.0.1:${port}`);
}

async function writeConfig(server: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-kubernetes-'));
  closing.push(() => rm(folder, { recursive: true }));
  const file = join(folder, 'config');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'c',
    // The client refuses plain HTTP otherwise.
    clusters: [{ name: 'c', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'u', user: { token: 'geheim' } }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
  };
  await writeFile(file, JSON.stringify(config));
  return file;
}

/** @param waits gets the milliseconds of each wait, and none is waited for */
async function namesIn(kubeconfig: string, waits: number[] = []): Promise<unknown[]> {
  const { signal } = new AbortController();
  const clock = {
    now: () => new Date('2026-01-01T00:00:00Z'),
    sleep: async (milliseconds: number) => void waits.push(milliseconds),
  };
  const connection = new ClusterConnection({ kubeconfig, context: undefined, cwd: '/' }, signal, clock);
  const names: unknown[] = [];
  for await (const { kind, name } of listObjects(connection, '/api/v1/pods')) names.push([kind, name]);
  return names;
}

function page(names: readonly string[], next = ''): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'PodList',
    metadata: { continue: next },
    items: names.map((name) => ({ name })),
  });
}

test('pages follow each other, with the login, and items get the kind that a list leaves out', async () => {
  const asked: string[] = [];
  const kubeconfig = await serve(({ url = '', headers, method }, response) => {
    asked.push(`${method} ${url} ${headers.authorization}`);
    response.end(url.includes('continue=x%2F1') ? page(['b']) : page(['a'], 'x/1'));
  });
  expect(await namesIn(kubeconfig)).toEqual([
    ['Pod', 'a'],
    ['Pod', 'b'],
  ]);
  expect(asked).toEqual([
    'GET /api/v1/pods?limit=500 Bearer geheim',
    'GET /api/v1/pods?limit=500&continue=x%2F1 Bearer geheim',
  ]);
});

test('a list that the server has forgotten is begun anew, and not for ever', async () => {
  let gone = 1;
  const kubeconfig = await serve(({ url = '' }, response) => {
    if (url.includes('continue') && gone > 0) {
      gone -= 1;
      response.writeHead(410).end('{"kind":"Status","message":"the provided continue parameter is too old"}');
    } else response.end(url.includes('continue') ? page(['b']) : page(['a'], 'next'));
  });
  expect(await namesIn(kubeconfig)).toEqual([
    ['Pod', 'a'],
    ['Pod', 'a'],
    ['Pod', 'b'],
  ]);
  gone = 100;
  await expect(namesIn(kubeconfig)).rejects.toThrow(
    /answered GET \/api\/v1\/pods with 410 \(the provided continue/,
  );
});

test.for<[string, RequestListener, RegExp]>([
  [
    '401',
    (_, response) => response.writeHead(401).end('no'),
    /with 401\. The login of the kubeconfig is not accepted/,
  ],
  [
    '403',
    (_, response) => response.writeHead(403).end('{"message":"pods is forbidden"}'),
    /with 403 \(pods is forbidden\)\. Give this user the rights of infra\/kubernetes\/base\/images\.yaml/,
  ],
  ['500', (_, response) => response.writeHead(500).end('<html>'), /answered GET \/api\/v1\/pods with 500\.$/],
  [
    'a page',
    (_, response) => response.end('<html>'),
    /answered GET \/api\/v1\/pods with something that is no list/,
  ],
  ['no list', (_, response) => response.end('{"kind":"Pod"}'), /something that is no list/],
  ['nothing', ({ socket }) => socket.destroy(), /does not answer: /],
  [
    'half of an answer',
    (_, response) => response.writeHead(200, { 'content-length': '99' }).write('{', () => response.destroy()),
    /broke off/,
  ],
])('an API server that answers with %s is a sentence, at once', async ([, listener, sentence]) => {
  const waits: number[] = [];
  await expect(namesIn(await serve(listener), waits)).rejects.toThrow(sentence);
  expect(waits).toEqual([]);
});

test.for<[string, number, string | undefined, number[]]>([
  ['seconds', 429, '1', [1000, 1000, 1000]],
  ['a date', 503, 'Thu, 01 Jan 2026 00:00:05 GMT', [5000, 5000, 5000]],
  ['nothing', 429, undefined, [1000, 2000, 4000]],
  ['nonsense', 503, 'soon', [1000, 2000, 4000]],
  ['too much', 503, '86400', [30_000, 30_000, 30_000]],
])(
  'a server that is too busy, and says %s of when, is asked again four times',
  async ([, status, after, expected]) => {
    let refusals = 3;
    let asked = 0;
    const kubeconfig = await serve(({ url = '' }, response) => {
      asked += 1;
      if (url.includes('continue') && refusals > 0) {
        refusals -= 1;
        response
          .writeHead(status, after === undefined ? {} : { 'Retry-After': after })
          .end('{"message":"slow down"}');
      } else response.end(url.includes('continue') ? page(['b']) : page(['a'], 'next'));
    });
    const waits: number[] = [];
    expect(await namesIn(kubeconfig, waits)).toEqual([
      ['Pod', 'a'],
      ['Pod', 'b'],
    ]);
    expect([waits, asked]).toEqual([expected, 5]);
    [refusals, asked] = [4, 0];
    await expect(namesIn(kubeconfig)).rejects.toThrow(`/api/v1/pods with ${status} (slow down).`);
    expect(asked).toBe(5);
  },
);

test('Retry-After is really waited for', async () => {
  let isBusy = true;
  const kubeconfig = await serve(({ url = '' }, response) => {
    if (url.startsWith('/api/v1/pods') && isBusy) {
      isBusy = false;
      response.writeHead(429, { 'Retry-After': '1' }).end();
    } else servingAllBut(404)({ url }, response);
  });
  const start = performance.now();
  const { code, stdout } = await runMain(
    ['images', '--cluster', 'a', '--kubeconfig', kubeconfig, '--csv'],
    createIo({}),
  );
  expect([code, stdout]).toEqual([0, expect.stringContaining('a.test/x:1')]);
  expect(performance.now() - start).toBeGreaterThan(950);
});

/** @param status of the list of Deployments. All others are served, and Pods have an image. */
function servingAllBut(status: number) {
  return ({ url = '' }: { readonly url?: string | undefined }, response: ServerResponse): void => {
    if (url.startsWith('/apis/apps/v1/deployments')) response.writeHead(status).end('{}');
    else if (url.startsWith('/apis?') || url === '/apis') response.end('{"groups":[]}');
    else if (url.startsWith('/api/v1/pods')) {
      const spec = { containers: [{ name: 'c', image: 'a.test/x:1' }] };
      response.end(JSON.stringify({ kind: 'PodList', items: [{ metadata: { name: 'p' }, spec }] }));
    } else response.end(page([]));
  };
}

test.for([403, 410, 500])(
  'a list that fails with %i makes the result incomplete, and the rest is read',
  async (status) => {
    const kubeconfig = await serve(servingAllBut(status));
    const { code, stdout } = await runMain(
      ['images', '--cluster', 'a', '--kubeconfig', kubeconfig, '--json'],
      createIo({}),
    );
    expect([code, JSON.parse(stdout)]).toMatchObject([
      1,
      {
        unread: ['/apis/apps/v1/deployments'],
        images: [{ reference: 'a.test/x:1' }],
        problems: [{ message: expect.stringContaining(`with ${status}`) }],
      },
    ]);
  },
);

test('an API that a server does not have makes nothing incomplete', async () => {
  const kubeconfig = await serve(servingAllBut(404));
  const args = ['images', '--cluster', 'a', '--kubeconfig', kubeconfig, '--json'];
  const { code, stdout } = await runMain(args, createIo({}));
  expect([code, JSON.parse(stdout).problems, JSON.parse(stdout).unread]).toEqual([0, [], undefined]);
});

test('a kubeconfig that cannot be used is a sentence, and exit code 2; a server that does not answer is 1', async () => {
  const config = await writeConfig('http://127.0.0.1:9');
  for (const [args, ends, sentence] of [
    [['--kubeconfig', '/nope'], 2, /^lifeboat: --kubeconfig \/nope cannot be read: ENOENT.*\.\n$/],
    [['--kubeconfig', config, '--context', 'x'], 2, /^lifeboat: .* has no context "x"\. It has: c\.\n$/],
    [
      [],
      2,
      /^lifeboat: there is no kubeconfig with a cluster, and no service account\. Name a file with --kubeconfig.*\n$/,
    ],
    [['--kubeconfig', config], 1, /http:\/\/127\.0\.0\.1:9 does not answer: .*ECONNREFUSED/],
  ] as const) {
    const { code, stdout, stderr } = await runMain(
      ['images', '--cluster', 'a', ...args],
      createIo({ env: { HOME: '/nope' } }),
    );
    expect([code, stdout]).toEqual([ends, '']);
    expect(stderr).toMatch(sentence);
  }
});
