/**
 * A repair beside a prune, over a real S3 server: the repair goes by what it reads in the bucket, as runs do, so nothing that
 * is condemned may be deleted meanwhile. docs/decisions/0174-two-sweeps-and-a-fence.md
 */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { addImage, addLayer, tagAs } from '../support/builder.ts';
import { emptyRepository } from '../support/content.ts';
import { MirroredServer, ROOT } from '../support/mirrored-server.ts';
import { pause, waitFor } from '../support/process.ts';

const LONG_AGO = '2026-01-01T00:00:00.000Z';
const STATE = 'state/_prune.json';
const TAG = `${ROOT}_tags/old`;

let mirror: MirroredServer;
/** Both tags are selected. */
let all = '';
/** One tag is selected, and the other may go. */
let pruned = '';

/** Mirrors two tags, lets them be old, condemns one of them, and loses its tag. */
beforeEach(async () => {
  const repository = emptyRepository();
  for (const tag of ['stays', 'old']) {
    tagAs(repository, addImage(repository, { layers: [await addLayer(repository, tag)] }), tag);
  }
  mirror = await MirroredServer.start(1, repository);
  all = await mirror.configure('all', ['*']);
  pruned = await mirror.configure('pruned', ['stays'], { retention: { days: 1, maxDeletePercent: 90 } });
  await succeed('sync', '-c', all);
  for (const key of await mirror.keys(/\/_(?:tags\/|history\/|index\.json)/)) {
    await replaceText(key, /20\d\d-\d\d-\d\dT[\d:.]+Z/g, LONG_AGO);
  }
  await succeed('prune', '-c', pruned);
  await succeed('prune', '--apply', 'prune-plan.json', '-c', pruned);
  // The grace is over.
  await replaceText(STATE, /"after": ?"[^"]+"/, `"after":"${LONG_AGO}"`);
  await mirror.delete(TAG);
});

afterEach(async () => {
  await mirror?.stop();
});

async function succeed(...args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await mirror.lifeboat(...args);
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`);
}

async function readText(key: string): Promise<string> {
  return (await mirror.reader().read(key))?.bytes.toString() ?? '';
}

async function replaceText(key: string, pattern: RegExp, text: string): Promise<void> {
  const before = await readText(key);
  const after = before.replace(pattern, text);
  if (after === before) throw new Error(`${key} has nothing to replace: ${before}`);
  await mirror.put(key, Buffer.from(after));
}

/** All that is served. A restored tag has one more movement. */
const content = () => mirror.keys(/^(?!state\/|.+\/_history\/)/);

/** The notes of writers that are at work. */
async function notes(): Promise<unknown[]> {
  const texts = await Promise.all((await mirror.keys(/^state\/_writers\//)).map(readText));
  return texts.filter((text) => /"hasEnded": ?false/.test(text));
}

test('a sweep gives way to a repair that is under way, and deletes nothing', async () => {
  const before = await content();
  const { promise: isReleased, resolve: release } = Promise.withResolvers<void>();
  let isHeld = false;
  mirror.holdEach(async ({ method, path }) => {
    if (method !== 'PUT' || !path.endsWith(TAG)) return;
    isHeld = true;
    await isReleased;
  });
  const repair = await mirror.begin('verify', '-c', all, '--repair');
  await waitFor('the write of the tag', () => isHeld, { program: repair });
  expect(await notes()).toHaveLength(1);

  const swept = await mirror.lifeboat('prune', '--continue', '-c', pruned);
  expect([swept.code, await content()]).toEqual([1, before]);
  release();
  expect((await repair.exited).code).toBe(0);
  expect(await content()).toEqual([...before, TAG].toSorted());
  expect([await mirror.faults(), await notes()]).toEqual([[], []]);

  // Nobody is at work any more. The sweep marks again, and a tag that was restored just now stays, with all that it needs.
  await succeed('prune', '--continue', '-c', pruned);
  expect(await content()).toEqual([...before, TAG].toSorted());
  expect(await mirror.faults()).toEqual([]);
});

test('a repair waits as long as a sweep is under way, and goes on when the sweep has given way', async () => {
  const before = await content();
  const state = await readText(STATE);
  const until = new Date(Date.now() + 600_000).toISOString();
  const sweeping = { ...JSON.parse(state), phase: 'sweeping', until, sweeper: 'another process' };
  await mirror.put(STATE, Buffer.from(JSON.stringify(sweeping)));
  const repair = await mirror.begin('verify', '-c', all, '--repair');
  await waitFor('the note of the repair', async () => (await notes()).length === 1, { program: repair });
  await pause(3000);
  expect([repair.running(), await content()]).toEqual([true, before]);
  await mirror.put(STATE, Buffer.from(state));
  expect((await repair.exited).code).toBe(0);
  expect([await content(), await mirror.faults()]).toEqual([[...before, TAG].toSorted(), []]);
});
