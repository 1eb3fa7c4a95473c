import { expect, test } from 'vitest';
import { workedAhead } from '../../../../mirror-job/engine/support/worked-ahead.ts';

async function* numbers(count: number): AsyncGenerator<number> {
  for (let number = 0; number < count; number += 1) yield number;
}

test('results come in the order of the items, and no more than so many are worked on at once', async () => {
  let [running, most] = [0, 0];
  const results: number[] = [];
  const work = async (number: number): Promise<number> => {
    running += 1;
    most = Math.max(most, running);
    // The first of them take longest.
    await new Promise((resolve) => setTimeout(resolve, 20 - 2 * number));
    running -= 1;
    return number * 10;
  };
  for await (const result of workedAhead(numbers(8), 3, work)) results.push(result);
  expect([results, most]).toEqual([[0, 10, 20, 30, 40, 50, 60, 70], 3]);
});

test('a failure comes after the results before it, when nothing is under way any more', async () => {
  const results: number[] = [];
  let running = 0;
  const work = async (number: number): Promise<number> => {
    running += 1;
    await new Promise((resolve) => setTimeout(resolve, number === 1 ? 1 : 20));
    running -= 1;
    if (number === 1) throw new Error('one');
    return number;
  };
  const all = async (): Promise<void> => {
    for await (const result of workedAhead(numbers(6), 3, work)) results.push(result);
  };
  await expect(all()).rejects.toThrow('one');
  expect([results, running]).toEqual([[0], 0]);
});

test('a reader that stops waits for what is under way', async () => {
  let running = 0;
  const work = async (): Promise<void> => {
    running += 1;
    await new Promise((resolve) => setTimeout(resolve, 20));
    running -= 1;
  };
  for await (const _ of workedAhead(numbers(6), 3, work)) break;
  expect(running).toBe(0);
});
