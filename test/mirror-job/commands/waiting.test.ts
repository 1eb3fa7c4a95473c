/** Tests commands that have to wait for a sweep of `lifeboat prune` that was killed: they say so once, and Ctrl-C ends them at once. */
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { encodePruneState } from '../../../mirror-job/engine/store/prune-state.ts';
import { digestOfTag } from '../../support/content.ts';
import { waitFor } from '../../support/process.ts';
import { createIo, runMain } from '../support/io.ts';
import { DamagedBucket } from './damaged-bucket.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** A command that was told to stop writes its last note, and ends before schedulers kill it. */
const SOON_MS = 8000;

let bucket: DamagedBucket;
const files = new Map<string, string>();
let digest = '';
const begun = new Date(Date.now() - 60_000).toISOString();
const until = new Date(Date.now() + 9 * 60_000);
const dead = new Date(until.getTime() + 20 * 60_000).toISOString();

beforeAll(async () => {
  bucket = await DamagedBucket.open(2);
  digest = digestOfTag(bucket.images, '1');
  const numbers = { one: [0], two: [0, 1] };
  for (const [prefix, stores] of Object.entries(numbers)) {
    files.set(prefix, await bucket.fill(prefix, stores));
    const at = new Date(0).toISOString();
    const state = encodePruneState({
      phase: 'sweeping',
      generation: 'one',
      plan: 'plan',
      configuration: 'default',
      stage: 'names',
      condemned: at,
      after: at,
      parts: 0,
      begun,
      until: until.toISOString(),
      sweeper: 'killed',
    });
    await bucket.put(prefix, 'state/_prune.json', state, 'application/json');
    await bucket.remove(prefix, 'repositories/a.b/app/_tags.json');
  }
});

afterAll(() => bucket.close());

test.each([
  ['sync', 'one', ['sync'], 'Not finished. The next run goes on from here.'],
  ['sync with two stores', 'two', ['sync'], 'Not finished. The next run goes on from here.'],
  ['rescue', 'one', ['rescue', 'a.b/app:1', '--from', 'app'], 'a.b/app:1: '],
  ['rescue with two stores', 'two', ['rescue', 'a.b/app:1', '--from', 'app'], 'a.b/app:1: '],
  ['verify --repair', 'one', ['verify', '--repair'], 'the check was stopped before its end'],
  ['approve', 'one', ['approve', () => `a.b/app:1@${digest}`], 'before anything was moved: '],
  ['revert', 'one', ['revert', 'a.b/app:1', '--to', () => digest], 'a.b/app:1: '],
] as const)(
  '%s says that it waits for a sweep, once, and Ctrl-C ends it',
  async (_, prefix, args, sentence) => {
    const io = createIo({ cwd: bucket.folder });
    let said = '';
    io.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
    const given = args.map((one) => (typeof one === 'string' ? one : one()));
    const file = files.get(prefix) ?? '';
    const running = runMain([...given, '-c', file], io);
    await waitFor('the sentence', () => said.includes('prune'), { timeout: 30_000 });
    // Another look at the state follows, of which nothing is said.
    await setTimeout(2500);
    expect(said.match(/has been deleting objects/g)).toHaveLength(1);
    expect(said).toContain(`has been deleting objects since ${begun}.`);
    expect(said).toContain(`this waits until ${dead} at the latest`);
    expect(said).toContain(`prune -c ${file} --continue" deletes the rest afterwards.`);
    const at = Date.now();
    io.signals.emit('SIGINT', 'SIGINT');
    const { code, stdout } = await running;
    expect(Date.now() - at).toBeLessThan(SOON_MS);
    expect(code).toBe(1);
    expect(said).not.toContain('fault of Lifeboat');
    expect(said).toContain('SIGINT: stopping');
    expect(said + stdout).toContain(sentence);
  },
);
