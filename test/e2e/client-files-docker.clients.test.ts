/**
 * A real Docker gets the file of `lifeboat clients docker`, and `lifeboat clients --check` says of the files of a node what the edge
 * sees. The edge speaks plain HTTP at an address that Docker does not take for its own machine. Docker Hub is down.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { startDocker, type Docker } from '../support/clients/docker.ts';
import { outerAddress, startMirroredApp, type MirroredApp } from '../support/clients/mirrored-app.ts';

const DAEMON = 'etc/docker/daemon.json';

let app: MirroredApp;
let folder: string;
let docker: Docker | undefined;

beforeAll(async () => {
  app = await startMirroredApp(outerAddress());
});
beforeEach(async () => {
  app.edge.reset();
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-clients-'));
});
afterEach(async () => {
  await docker?.stop();
  docker = undefined;
  await rm(folder, { recursive: true });
});
afterAll(async () => {
  await app?.stop();
});

test('Docker pulls with its file, from an edge with plain HTTP too, and the check agrees', async () => {
  expect((await app.lifeboat('docker', '--out', folder)).code).toBe(0);
  const file = await readFile(join(folder, DAEMON), 'utf8');
  expect(JSON.parse(file)).toEqual({ 'registry-mirrors': [app.edge.url] });
  docker = await startDocker(file);
  expect(await docker.pull(app.byTag)).toBe(app.digest);
  expect(app.isAsked()).toBe(true);
  expect(await app.check(docker.root, /Docker/)).toMatchObject({ asked: 'first', names: 'all', reasons: [] });
});

test.each<readonly [string, (edge: string) => string]>([
  [
    'insecure-registries beside the mirror',
    (edge) => `{"registry-mirrors":["${edge}"],"insecure-registries":["${new URL(edge).host}"]}`,
  ],
  ['no mirrors', () => '{}'],
  ['an empty file', () => ''],
  [
    'https for an edge with plain HTTP',
    (edge) => `{"registry-mirrors":["${edge.replace('http:', 'https:')}"]}`,
  ],
  ['a path', (edge) => `{"registry-mirrors":["${edge}/v2/docker.io"]}`],
  ['no scheme', (edge) => `{"registry-mirrors":["${new URL(edge).host}"]}`],
  ['a path of another mirror', (edge) => `{"registry-mirrors":["${edge}","https://mirror.test/hub"]}`],
  ['text in the place of a list', (edge) => `{"registry-mirrors":"${edge}"}`],
  ['broken JSON', (edge) => `{"registry-mirrors":["${edge}"],}`],
])('the check is right about %s', async (_, configuration) => {
  const text = configuration(app.edge.url);
  await mkdir(join(folder, 'etc/docker'), { recursive: true });
  await writeFile(join(folder, DAEMON), text);
  const { asked, reasons } = await app.check(folder, /Docker/);
  // With some of these Docker does not start.
  docker = await startDocker(text).catch(() => undefined);
  await docker?.pull(app.byTag).catch(() => undefined);
  expect(asked === 'no' ? 'not asked' : 'asked').toBe(app.isAsked() ? 'asked' : 'not asked');
  const doesNotStart = reasons.some((reason) => reason.includes('Docker does not start'));
  expect(doesNotStart).toBe(docker === undefined);
});
