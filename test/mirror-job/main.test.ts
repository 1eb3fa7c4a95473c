/** `main(args, io)` runs a command inside any process, because it uses nothing of the process but its `io`. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { addImage, addLayer, tagAs } from '../support/builder.ts';
import { emptyRepository } from '../support/content.ts';
import { startLocalStore, type Store } from '../support/local-store.ts';
import { startRogueRegistry, type RogueRegistry } from '../support/rogue-registry.ts';
import { createIo, runMain } from './support/io.ts';

// The machine may be busy, and the local store takes a while to start.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let cwd = '';
let store: Store;
let registry: RogueRegistry;

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'lifeboat-main-'));
  store = await startLocalStore();
  const app = emptyRepository();
  tagAs(app, addImage(app, { layers: [await addLayer(app, 'layer')] }), 'one');
  registry = await startRogueRegistry({ corpus: { repositories: new Map([['team/app', app]]) } });
});

afterAll(async () => {
  await registry?.stop();
  await store?.stop();
  await rm(cwd, { recursive: true, force: true });
});

test('each file name starts in the folder of the io, and each variable comes from its environment', async () => {
  const { endpoint, bucket, region, accessKeyId } = store;
  const configuration = {
    store: { endpoint, bucket, region, accessKeyId, secretAccessKey: '${SECRET}' },
    upstreams: { [registry.host]: { insecure: true, credentials: [] } },
    images: [`${registry.host}/team/app:one`],
  };
  await writeFile(join(cwd, 'lifeboat.yaml'), JSON.stringify(configuration));
  const io = createIo({ cwd, env: { SECRET: store.secretAccessKey } });
  const synced = await runMain(['sync', '--report', 'report.json', '--metrics', 'lifeboat.prom'], io);
  expect(synced).toMatchObject({ code: 0, stdout: expect.stringMatching(/^created .*team\/app:one\n/) });
  const report: unknown = JSON.parse(await readFile(join(cwd, 'report.json'), 'utf8'));
  expect(report).toMatchObject({ counts: { created: 1 } });
  expect(await readFile(join(cwd, 'lifeboat.prom'), 'utf8')).toMatch(/^lifeboat_run_success\{.*\} 1$/m);
  const history = await runMain(['history', `${registry.host}/team/app:one`], io);
  expect(history).toMatchObject({ code: 0, stdout: expect.stringContaining('nowhere') });
  const exported = await runMain(['export', `${registry.host}/team/app:one`, '--to', 'app.tar'], io);
  expect(exported).toMatchObject({ code: 0, stdout: expect.stringContaining('app.tar: 1 manifests') });
  expect((await readFile(join(cwd, 'app.tar'))).length).toBeGreaterThan(0);
});

test('a suggested command starts with the program of the io', async () => {
  const io = createIo({ cwd, program: 'docker run lifeboat' });
  expect(await runMain(['sink'], io)).toEqual({
    code: 2,
    stdout: '',
    stderr:
      'lifeboat: there is no command "sink". Did you mean "sync"? "docker run lifeboat --help" explains it.\n',
  });
});

test('a signal of the io stops a run', async () => {
  const io = createIo({ cwd, env: { SECRET: store.secretAccessKey } });
  const running = runMain(['sync'], io);
  while (io.signals.listenerCount('SIGTERM') === 0) await new Promise((resolve) => setImmediate(resolve));
  io.signals.emit('SIGTERM', 'SIGTERM');
  expect(await running).toMatchObject({
    code: 1,
    stdout: expect.stringContaining('Not finished. The next run goes on from here.\n'),
    stderr: 'SIGTERM: stopping; aborting unfinished uploads. A second signal stops at once.\n',
  });
});

test.each([
  ['sync', 0, ['sync']],
  ['plan', 0, ['plan']],
  ['sync to a store that does not answer', 2, ['sync', '-c', 'no-store.yaml']],
  ['export', 0, ['export', '--to', 'again.tar']],
  ['export of an image that is not there', 1, ['export', '--to', 'absent.tar']],
])('%s leaves no listener on the signals of the io', async (title, code, args) => {
  const configuration = await readFile(join(cwd, 'lifeboat.yaml'), 'utf8');
  await writeFile(join(cwd, 'no-store.yaml'), configuration.replace(store.endpoint, 'http://127.0.0.1:1'));
  const io = createIo({ cwd, env: { SECRET: store.secretAccessKey } });
  const listens = vi.spyOn(io.signals, 'on');
  const tag = title.includes('not there') ? 'none' : 'one';
  const images = args[0] === 'export' ? [`${registry.host}/team/app:${tag}`] : [];
  expect(await runMain([...args, ...images], io)).toMatchObject({ code });
  expect([listens.mock.calls.length, io.signals.eventNames()]).toEqual([2, []]);
});
