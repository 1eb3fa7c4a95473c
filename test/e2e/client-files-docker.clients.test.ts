/**
 * A real Docker gets the file of `lifeboat clients docker`, and `lifeboat clients --check` says of the files of a node what the edge
 * sees. The edge speaks plain HTTP at an address that Docker does not take for its own machine. Docker Hub is down.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { prepareClientFiles } from '../support/clients/client-files.ts';
import { startDocker } from '../support/clients/docker.ts';
import { outerAddress } from '../support/clients/mirrored-app.ts';

const DAEMON = 'etc/docker/daemon.json';

const fixture = prepareClientFiles(outerAddress);

test('Docker pulls with its file, from an edge with plain HTTP too, and the check agrees', async () => {
  expect((await fixture.app.lifeboat('docker', '--out', fixture.folder)).code).toBe(0);
  const file = await readFile(join(fixture.folder, DAEMON), 'utf8');
  expect(JSON.parse(file)).toEqual({ 'registry-mirrors': [fixture.app.edge.url] });
  const docker = fixture.use(await startDocker(file));
  expect(await docker.pull(fixture.app.byTag)).toBe(fixture.app.digest);
  expect(fixture.app.isAsked()).toBe(true);
  expect(await fixture.app.check(docker.root, /Docker/)).toMatchObject({
    asked: 'first',
    names: 'all',
    reasons: [],
  });
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
  const text = configuration(fixture.app.edge.url);
  await mkdir(join(fixture.folder, 'etc/docker'), { recursive: true });
  await writeFile(join(fixture.folder, DAEMON), text);
  const { asked, reasons } = await fixture.app.check(fixture.folder, /Docker/);
  // With some of these Docker does not start.
  const docker = await startDocker(text).then(fixture.use, () => undefined);
  await docker?.pull(fixture.app.byTag).catch(() => undefined);
  expect(asked === 'no' ? 'not asked' : 'asked').toBe(fixture.app.isAsked() ? 'asked' : 'not asked');
  const doesNotStart = reasons.some((reason) => reason.includes('Docker does not start'));
  expect(doesNotStart).toBe(docker === undefined);
});
