/** A real BuildKit gets the file of `lifeboat clients buildkit`. Docker Hub is down. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { prepareClientFiles } from '../support/clients/client-files.ts';
import { startBuildKit } from '../support/clients/buildkit.ts';
import { outerAddress } from '../support/clients/mirrored-app.ts';

const fixture = prepareClientFiles(outerAddress);

/** @returns the content of buildkitd.toml that the command writes for this edge */
async function written(): Promise<string> {
  const { code, stderr } = await fixture.app.lifeboat('buildkit', '--out', fixture.folder);
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  return readFile(join(fixture.folder, 'etc/buildkit/buildkitd.toml'), 'utf8');
}

test.each(['byTag', 'byDigest'] as const)('it builds from an image of the edge, %s', async (by) => {
  const buildkit = fixture.use(await startBuildKit(await written()));
  const image = await buildkit.build(fixture.app[by]);
  expect((await readFile(image)).includes('application/vnd.oci.image')).toBe(true);
  expect(fixture.app.isAsked()).toBe(true);
  const folders = fixture.app.edge.requests.map(({ path }) => path.replace(/\/[^/]*$/, ''));
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
  const buildkit = fixture.use(await startBuildKit(change(file)));
  await expect(buildkit.build(fixture.app.byTag)).rejects.toThrow('could not pull');
  expect(fixture.app.isAsked()).toBe(false);
});
