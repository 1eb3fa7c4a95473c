/** A real BuildKit gets the file of `lifeboat clients buildkit`. Docker Hub is down. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { startBuildKit, type BuildKit } from '../support/clients/buildkit.ts';
import { outerAddress, startMirroredApp, type MirroredApp } from '../support/clients/mirrored-app.ts';

let app: MirroredApp;
let folder: string;
let buildkit: BuildKit | undefined;

beforeAll(async () => {
  app = await startMirroredApp(outerAddress());
});
beforeEach(async () => {
  app.edge.reset();
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-clients-'));
});
afterEach(async () => {
  await buildkit?.stop();
  buildkit = undefined;
  await rm(folder, { recursive: true });
});
afterAll(async () => {
  await app?.stop();
});

/** @returns the content of buildkitd.toml that the command writes for this edge */
async function written(): Promise<string> {
  const { code, stderr } = await app.lifeboat('buildkit', '--out', folder);
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  return readFile(join(folder, 'etc/buildkit/buildkitd.toml'), 'utf8');
}

test.each(['byTag', 'byDigest'] as const)('it builds from an image of the edge, %s', async (by) => {
  buildkit = await startBuildKit(await written());
  const image = await buildkit.build(app[by]);
  expect((await readFile(image)).includes('application/vnd.oci.image')).toBe(true);
  expect(app.isAsked()).toBe(true);
  const folders = app.edge.requests.map(({ path }) => path.replace(/\/[^/]*$/, ''));
  expect(new Set(folders)).toEqual(
    new Set(['/v2/docker.io/library/app/manifests', '/v2/docker.io/library/app/blobs']),
  );
});

test.each<readonly [string, (text: string) => string]>([
  ['no file', () => ''],
  ['an edge with plain HTTP that is not said to have it', (text) => text.replace('http = true', '')],
  ['another registry', (text) => text.replace('"docker.io"', '"quay.io"')],
])('with %s it does not ask', async (_, change) => {
  const file = await written();
  expect(change(file)).not.toBe(file);
  buildkit = await startBuildKit(change(file));
  await expect(buildkit.build(app.byTag)).rejects.toThrow('could not pull');
  expect(app.isAsked()).toBe(false);
});
