/** `--metrics-push`: what is sent where, and that a Pushgateway which fails changes nothing about a run. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { addImage, addLayer, tagAs } from '../../../support/builder.ts';
import { emptyRepository } from '../../../support/content.ts';
import { close, listen } from '../../../support/http-server.ts';
import { writeLayout } from '../../../support/oci-layout.ts';
import { freePort } from '../../../support/process.ts';
import { emptyBuckets } from '../../../support/shared.ts';
import { createIo, runMain, type Ended } from '../../support/io.ts';

// The limits are wide, because a run is slow on a busy machine. Each wait in this file has its own limit.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

interface Pushed {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly type: string | undefined;
  readonly body: string;
}

let folder = '';
let server: Server;
let gateway = '';
let pushed: Pushed[] = [];
/** When the last request came. */
let pushedMs = 0;
let answer: (response: ServerResponse) => void;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-push-'));
  const store = await emptyBuckets();
  const { endpoint, bucket, region, accessKeyId, secretAccessKey } = store;
  const app = emptyRepository();
  tagAs(app, addImage(app, { layers: [await addLayer(app, 'one')] }), '1');
  await writeLayout(app, join(folder, 'app'));
  const configuration = {
    name: 'eu',
    store: { endpoint, bucket, region, accessKeyId, secretAccessKey },
    images: [{ source: 'oci:./app', name: 'docker.io/library/app', tags: ['1'] }],
  };
  await writeFile(join(folder, 'lifeboat.yaml'), JSON.stringify(configuration));
  const at = new Date().toISOString();
  const uses = [{ kind: 'Pod', name: 'a', how: 'running' }];
  const images = [{ reference: 'docker.io/library/app:1', uses, useCount: 1, firstSeen: at, lastSeen: at }];
  const list = { version: 1, cluster: 'prod', observed: at, images };
  await writeFile(join(folder, 'list.json'), JSON.stringify(list));
  server = createServer((request, response) => void receive(request, response));
  gateway = `http://127.0.0.1:${await listen(server)}`;
});

beforeEach(() => {
  pushed = [];
  answer = (response) => response.writeHead(200).end();
});

afterAll(async () => {
  await close(server);
  await rm(folder, { recursive: true });
});

async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, url: path, headers } = request;
  pushedMs = performance.now();
  pushed.push({ method, path, type: headers['content-type'], body: await text(request) });
  answer(response);
}

function lifeboat(...args: readonly string[]): Promise<Ended> {
  return runMain(args, createIo({ cwd: folder }));
}

test('a run puts its metrics into the group of its configuration’s name', async () => {
  expect(await lifeboat('sync', '--metrics-push', gateway)).toMatchObject({ code: 0 });
  expect(pushed).toEqual([
    {
      method: 'PUT',
      path: '/metrics/job/lifeboat/instance/eu',
      type: 'text/plain; version=0.0.4; charset=utf-8',
      body: expect.stringMatching(/^# HELP .*\nlifeboat_run_success\{mirror="eu"\} 1\n.*\n$/s),
    },
  ]);
});

test('a drill puts its metrics into a group of its own, also if too little would be pulled', async () => {
  const args = ['list.json', '--require', '100', '--metrics-push', `${gateway}/`];
  expect(await lifeboat('drill', ...args)).toMatchObject({ code: 0 });
  await lifeboat('drill', ...args, '--digests-only');
  expect(pushed.map(({ method, path }) => [method, path])).toEqual([
    ['PUT', '/metrics/job/lifeboat_drill/instance/eu'],
    ['PUT', '/metrics/job/lifeboat_drill/instance/eu'],
  ]);
  expect(pushed.map(({ body }) => /lifeboat_drill_success\{mirror="eu"\} \d/.exec(body)?.[0])).toEqual([
    'lifeboat_drill_success{mirror="eu"} 1',
    'lifeboat_drill_success{mirror="eu"} 0',
  ]);
});

test.each([
  ['/push/', '/push/metrics/job/lifeboat/instance/eu'],
  ['/metrics/job/mirrors/site/b', '/metrics/job/mirrors/site/b'],
  ['/push/metrics/job@base64/YS9i', '/push/metrics/job@base64/YS9i'],
])('an address with the path %s gets them at %s', async (path, whole) => {
  await lifeboat('sync', '--metrics-push', `${gateway}${path}`);
  expect(pushed.map((one) => one.path)).toEqual([whole]);
});

test.each<[string, (response: ServerResponse) => void, string]>([
  [
    'refuses them',
    (response) => response.writeHead(400).end('pushed metrics are invalid\r\n\u001B[2J'),
    String.raw`it answered 400: pushed metrics are invalid \u001b[2J`,
  ],
  ['redirects', (response) => response.writeHead(302, { location: '/elsewhere' }).end(), 'it answered 302'],
  ['hangs up', (response) => response.destroy(), 'ECONNRESET'],
  [
    'refuses them at length',
    (response) => response.writeHead(500).end('x'.repeat(1_000_000)),
    `it answered 500: ${'x'.repeat(300)}`,
  ],
])('a Pushgateway that %s is a warning, and the run counts all the same', async (_how, how, reason) => {
  answer = how;
  const { code, stderr } = await lifeboat('sync', '--metrics-push', gateway);
  expect(stderr).toContain(
    `--metrics-push ${gateway}/metrics/job/lifeboat/instance/eu: the metrics were not taken (${reason}). Nothing else depends on it.`,
  );
  expect(code).toBe(0);
});

test('a Pushgateway that is not there is a warning', async () => {
  const { code, stderr } = await lifeboat('sync', '--metrics-push', `http://127.0.0.1:${await freePort()}`);
  expect([code, stderr]).toEqual([0, expect.stringContaining('the metrics were not taken (ECONNREFUSED).')]);
});

test.each<[string, (response: ServerResponse) => void, string]>([
  ['does not answer', () => {}, 'not within 5 s'],
  ['never ends its answer', (response) => response.writeHead(500).write('no'), 'it answered 500: no'],
])('a Pushgateway that %s delays a run by five seconds at most', async (_how, how, reason) => {
  answer = how;
  const { code, stderr } = await lifeboat('sync', '--metrics-push', gateway);
  expect(performance.now() - pushedMs).toBeLessThan(10_000);
  expect([code, stderr]).toEqual([0, expect.stringContaining(`the metrics were not taken (${reason}).`)]);
});

test('a run that was stopped waits a second for it', async () => {
  answer = () => {};
  const io = createIo({ cwd: folder });
  const ended = runMain(['sync', '--metrics-push', gateway], io);
  // The signal is sent before the run has begun anything, as soon as it listens.
  while (io.signals.listenerCount('SIGTERM') === 0) await new Promise((done) => setImmediate(done));
  io.signals.emit('SIGTERM', 'SIGTERM');
  expect(await ended).toMatchObject({ code: 1, stderr: expect.stringContaining('not within 1 s') });
  expect(pushed).toEqual([
    expect.objectContaining({ body: expect.stringContaining('lifeboat_run_success{mirror="eu"} 0\n') }),
  ]);
});

test.each([
  ['', 'it must be the address of a Pushgateway'],
  ['pushgateway:9091', 'it must be the address of a Pushgateway'],
  ['http://me:secret@push.example.com', 'leave user and password out'],
  ['http://push.example.com/?a=b', 'leave out what begins with "?" or "#"'],
])('the address "%s" is refused before anything is done, and is not repeated', async (address, reason) => {
  for (const command of ['sync', 'drill']) {
    const { code, stderr } = await lifeboat(command, '--metrics-push', address);
    expect([code, stderr]).toEqual([2, expect.stringContaining(`--metrics-push: ${reason}`)]);
    expect(stderr).not.toContain('secret');
  }
});

test('a plan has no metrics to send', async () => {
  const { code, stderr } = await lifeboat('sync', '--dry-run', '--metrics-push', gateway);
  expect([code, stderr]).toEqual([2, expect.stringContaining('--metrics-push needs a run')]);
  expect(pushed).toEqual([]);
});
