/** Tests that `lifeboat deploy` waits for the edge, and that the doctor then looks at it: with the real edge in workerd. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { close, listen } from '../../support/http-server.ts';
import { freePort, pause } from '../../support/process.ts';
import { EDGE_KEY, Scene } from '../doctor/scene.ts';
import { Clone } from './clone.ts';

const SECRETS = Object.entries(EDGE_KEY)
  .map(([name, value]) => `${name}=${value}\n`)
  .join('');
const ARGS = ['--edge-only', '--yes', '--secrets', 'secrets.env'];

let scene: Scene;
let url = '';
const clones: Clone[] = [];

beforeAll(async () => {
  scene = await Scene.start('public');
  ({ url } = await scene.edge());
}, 60_000);

afterAll(async () => {
  await scene?.stop();
  for (const clone of clones) await clone.remove();
});

/** @param address of the edge, as lifeboat.yaml has it */
async function cloneFor(address: string): Promise<Clone> {
  const file = await scene.writeConfiguration('deploy', 0, {}, undefined, { edge: { url: address } });
  const clone = await Clone.make(await readFile(file, 'utf8'));
  clones.push(clone);
  await clone.write('secrets.env', SECRETS);
  return clone;
}

function dropsManifests({ path }: { readonly path: string }): 'drop' | undefined {
  return path.includes('/manifests/') ? 'drop' : undefined;
}

test('the edge answers, and the doctor pulls an image from it', async () => {
  const clone = await cloneFor(url);
  const { code, stdout, stderr } = await clone.deploy(ARGS);
  expect(stderr).toContain(`${url} answers`);
  expect(stdout).toContain(`${url}, by docker.io/library/app:1`);
  expect(stdout).not.toContain('lifeboat doctor');
  expect(code).toBe(0);
  const json = await clone.deploy([...ARGS, '--json']);
  expect(JSON.parse(json.stdout)).toMatchObject({ steps: [], doctor: { url, problems: 0 } });
});

test('what the doctor finds makes the exit code 1', async () => {
  const proxy = await scene.inFrontOf({ url }, { instead: dropsManifests });
  const clone = await cloneFor(proxy.url);
  const { code, stdout, stderr } = await clone.deploy(ARGS);
  expect(stderr).toContain(`${proxy.url} answers`);
  expect(stdout).toMatch(/[1-9]\d* problems?/);
  expect(code).toBe(1);
});

test('it waits for an address at which nobody answers yet', async () => {
  const port = await freePort();
  const clone = await cloneFor(`http://127.0.0.1:${port}`);
  const ending = clone.deploy([...ARGS, '--wait', '20s']);
  await pause(2500);
  const late = createServer((_, response) => response.end('{"live":true,"stores":[]}'));
  await new Promise<void>((resolve) => late.listen(port, '127.0.0.1', resolve));
  const { stderr } = await ending;
  await close(late);
  expect(stderr).toContain('not yet: nothing listens there (ECONNREFUSED)');
  expect(stderr).toContain(`http://127.0.0.1:${port} answers`);
});

test('an address that stays silent is an error with the next step', async () => {
  const clone = await cloneFor(`http://127.0.0.1:${await freePort()}`);
  const { code, stderr } = await clone.deploy([...ARGS, '--wait', '1s']);
  expect(code).toBe(1);
  expect(stderr).toContain('Everything is deployed; the same command waits again.');
});

test('before the first run an R2 bucket is empty, and the edge’s 503 is an answer', async () => {
  const empty = createServer((_, response) => response.writeHead(503).end('{"live":false,"stores":[]}'));
  const address = `http://127.0.0.1:${await listen(empty)}`;
  const clone = await cloneFor(address);
  await clone.write(
    'lifeboat.yaml',
    JSON.stringify({
      store: { endpoint: 'https://account-1.r2.cloudflarestorage.com', bucket: 'b' },
      images: ['docker.io/library/app:1'],
      edge: { url: address },
    }),
  );
  const { code, stdout } = await clone.deploy([...ARGS, '--wait', '5s']);
  await close(empty);
  expect(code).toBe(0);
  expect(stdout).toContain('npx lifeboat sync    # fills the bucket');
});
