/** The overview, a description, `lifeboat status`, pages, metrics and the feed name the same held tags of one bucket. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { addImage, addLayer, tagAs } from '../../support/builder.ts';
import { emptyRepository } from '../../support/content.ts';
import { startEdge, type Edge } from '../../support/edge.ts';
import { writeLayout } from '../../support/oci-layout.ts';
import { emptyBuckets } from '../../support/shared.ts';
import { createIo, runMain } from '../support/io.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const APP = 'docker.io/library/app';
/** Held by policy alone; moved, and reverted by hand; and not moved by upstream. */
const TAGS = ['policy', 'hand', 'still'];

let folder = '';
let edge: Edge | undefined;
let first = '';

async function lifeboat(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runMain(args, createIo({ cwd: folder }));
  if (code !== 0) throw new Error(`${args.join(' ')}: ${code}\n${stdout}${stderr}`);
  return stdout;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-held-'));
  const store = await emptyBuckets();
  const { endpoint, bucket, region, accessKeyId, secretAccessKey } = store;
  await writeFile(
    join(folder, 'lifeboat.yaml'),
    JSON.stringify({
      store: { endpoint, bucket, region, accessKeyId, secretAccessKey },
      images: [{ source: 'oci:./app', name: APP, tags: ['*'], moves: { policy: 'hold' } }],
    }),
  );
  const app = emptyRepository();
  const push = async (name: string, tags: readonly string[]): Promise<string> => {
    const image = addImage(app, { layers: [await addLayer(app, name)] });
    tagAs(app, image, ...tags);
    await rm(join(folder, 'app'), { recursive: true, force: true });
    await writeLayout(app, join(folder, 'app'));
    await lifeboat('sync');
    return image.digest;
  };
  first = await push('one', TAGS);
  const second = await push('two', ['policy', 'hand']);
  await lifeboat('approve', `${APP}:hand@${second}`);
  // No run comes after it: a decision by hand shows at once.
  await lifeboat('revert', `${APP}:hand`);
  edge = await startEdge(store);
});

afterAll(async () => {
  await edge?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function textAt(path: string): Promise<string> {
  const response = await fetch(`${edge?.url}${path}`, { headers: { Accept: 'text/html' } });
  expect([path, response.status]).toEqual([path, 200]);
  return response.text();
}

test('lifeboat status counts two, and names them', async () => {
  const { heldCount, held, repositories, images } = JSON.parse(await lifeboat('status', '--tags', '--json'));
  expect(heldCount).toBe(2);
  expect(repositories).toMatchObject([{ name: APP, tags: 3, held: 2 }]);
  expect(held.map(({ tag }: { tag: string }) => tag).toSorted()).toEqual(['hand', 'policy']);
  const described = new Map(images.tags.map((one: { tag: string }) => [one.tag, one]));
  // Policy alone holds it: only what waits tells that.
  expect(described.get('policy')).not.toHaveProperty('hold');
  expect(described.get('policy')).toHaveProperty('upstream');
  const shown = await lifeboat('status', '--tags');
  expect(shown.match(/ held(?:,| |$)/gm)).not.toBeNull();
  expect([shown.match(/^\S+:hand .*held/m), shown.match(/^\S+:policy .*held/m)]).not.toContain(null);
  expect(shown).toMatch(/^\S+:still .*follows/m);
});

test('the pages count two, and each of them says so', async () => {
  const home = await textAt('/');
  expect(home).toMatch(/<a href="#held">2 tags<\/a>/);
  const repository = await textAt(`/r/${APP}`);
  expect(repository.match(/<span class="badge warn">held<\/span>/g)).toHaveLength(2);
  for (const tag of ['policy', 'hand'])
    expect(await textAt(`/r/${APP}?tag=${tag}`)).toContain('<p><span class="badge warn">held</span>');
  expect(await textAt(`/r/${APP}?tag=still`)).toContain('follows upstream');
});

test('so do the status and the metrics, and the feed has the digests of the mirror', async () => {
  expect(JSON.parse(await textAt('/status.json'))).toMatchObject({
    mirrors: [{ images: { tags: 3, held: 2 } }],
  });
  expect(await textAt('/metrics')).toContain('lifeboat_tags_held{mirror="default"} 2\n');
  const { releases } = JSON.parse(await textAt(`/feed/${APP}.json`));
  expect(new Set(releases.map(({ digest }: { digest: string }) => digest))).toEqual(new Set([first]));
});
