/** How many messages fit into a window, and when a refusal is worth a warning. */
import { expect, it } from 'vitest';
import { SendBudget } from '../../../worker/misses/send-budget.ts';

it('a window begins with its first message, and ends after its time', () => {
  const clock = { now: 1_000_000 };
  const budget = new SendBudget({ limit: 2, windowMs: 60_000, now: () => clock.now });
  expect(budget.hasRoom).toBe(true);
  budget.take();
  clock.now += 59_999;
  budget.take();
  expect([budget.hasRoom, budget.refuse(), budget.refuse()]).toEqual([false, true, false]);
  clock.now += 1;
  expect(budget.hasRoom).toBe(true);
  budget.take();
  budget.take();
  expect([budget.hasRoom, budget.refuse(), budget.refuse()]).toEqual([false, true, false]);
  clock.now += 59_999;
  expect(budget.hasRoom).toBe(false);
  clock.now += 1;
  expect(budget.hasRoom).toBe(true);
});
