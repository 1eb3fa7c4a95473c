/** `approve` and `revert` that a run overtakes, or that die between two writes. */
import { expect, test } from 'vitest';
import { TagContendedError } from '../../../../mirror-job/engine/tags/move-by-hand.ts';
import { StoreError } from '../../../../mirror-job/engine/store/store.ts';
import { TAG_KEY, indexOf, threeDigests } from './tag-fixture.ts';

test('a revert that a run overtakes is decided once more, from the tag as it is then', async () => {
  const fixture = await threeDigests();
  const other = await fixture.push('d');
  let isFirst = true;
  fixture.store.before = async (call, key) => {
    if (!(isFirst && call === 'put' && key === TAG_KEY)) return;
    isFirst = false;
    await fixture.run();
  };
  expect(await fixture.revert()).toEqual({ result: 'moved', digest: fixture.digest('c'), from: other });
  expect(fixture.stands().digest).toBe(fixture.digest('c'));
});

test('an approve that runs overtake again and again is given up, and moves nothing by hand', async () => {
  const fixture = await threeDigests();
  let runs = 0;
  let isRun = false;
  fixture.store.before = async (call, key) => {
    if (isRun || call !== 'put' || key !== TAG_KEY) return;
    isRun = true;
    runs += 1;
    await fixture.sync(`run ${runs}`);
    isRun = false;
  };
  await expect(fixture.approve('a')).rejects.toThrow(TagContendedError);
  expect([runs, fixture.stands().digest]).toEqual([2, fixture.digest('run 2')]);
});

/** The writes: index, history, tag, index. */
const WRITES = 4;

test.each(
  (['revert', 'approve'] as const).flatMap((command) =>
    Array.from({ length: WRITES + 1 }, (_, survived) => [command, survived] as const),
  ),
)(
  '%s that dies after %i writes leaves the tag whole, and the same command completes it',
  async (command, survived) => {
    const fixture = await threeDigests();
    const act = () => (command === 'revert' ? fixture.revert() : fixture.approve('b'));
    let writes = 0;
    fixture.store.before = (call) => {
      if (writes > survived) throw new StoreError('the process is gone');
      if (call !== 'put') return;
      writes += 1;
      if (writes > survived) throw new StoreError('the process is gone');
    };
    const outcome = await act().catch((error: unknown) => error);
    fixture.store.before = () => {};
    const moved = { result: 'moved', digest: fixture.digest('b'), from: fixture.digest('c') };
    expect(outcome).toEqual(survived < WRITES ? new StoreError('the process is gone') : moved);
    expect(writes).toBe(Math.min(survived + 1, WRITES));
    // If the index has the tag, it has the tag's digest and hold.
    const { digest, hold } = fixture.stands();
    const known = fixture.index().filter(({ kind }) => kind === 'tag');
    expect(known).toMatchObject(known.map(() => ({ digest, hold })));

    await act();
    const held = command === 'revert' ? 'reverted by hand' : undefined;
    expect([fixture.stands().digest, fixture.stands().hold]).toEqual([fixture.digest('b'), held]);
    expect(indexOf(fixture)).toEqual(['candidate c', held === undefined ? 'tag b' : `tag b (${held})`]);
  },
);
