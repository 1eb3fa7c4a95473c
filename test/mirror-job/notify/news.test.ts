/** The news that an address is told in a row of runs, and the bucket's memory between them. */
import { expect, test } from 'vitest';
import { maxSizeOf } from '../../../core/object-size.ts';
import { parseRepository } from '../../../core/reference.ts';
import type { NotifyEvent } from '../../../mirror-job/configuration/configuration.ts';
import type { Finding, RunReport } from '../../../mirror-job/engine/report.ts';
import { decodeMemory, encodeMemory, type Memory } from '../../../mirror-job/notify/memory.ts';
import { newsFor, remember, type News } from '../../../mirror-job/notify/news.ts';
import { factsOf } from '../../../mirror-job/notify/problems.ts';
import { failed, held, moved, reportOf, skipped } from './reports.ts';

const KEY = 'state/default/notified.json';
const APP = 'a.test/team/app';
const ALL: readonly NotifyEvent[] = ['failed', 'finding', 'held', 'moved', 'stale'];
const HOUR_MS = 3_600_000;

/** An address, hour by hour. */
class Listening {
  readonly #listener;
  #memory: Memory = new Map();
  #hours = 0;

  constructor(on: readonly NotifyEvent[] = ALL) {
    this.#listener = { id: 'one', on: new Set(on), staleAfterMs: 24 * HOUR_MS };
  }

  /** @returns what is told after a run that ends `hours` after the one before, as `new failed: names` */
  after(report: RunReport, { hours = 1, isDelivered = true } = {}): string[] {
    this.#hours += hours;
    const now = new Date(Date.UTC(2026, 0, 1) + this.#hours * HOUR_MS);
    const facts = factsOf(report);
    const { news, told } = newsFor(this.#listener, facts, this.#memory, now);
    const known = isDelivered ? told : this.#toldBefore();
    const next = remember(facts, this.#memory, new Map([['one', known]]), now);
    // Each run reads what the one before has written.
    this.#memory = decodeMemory(KEY, encodeMemory(next));
    return news.map(lineOf);
  }

  get remembered(): number {
    return this.#memory.size;
  }

  get bytes(): number {
    return encodeMemory(this.#memory).length;
  }

  #toldBefore() {
    return new Map(
      [...this.#memory].flatMap(([key, { told }]) => {
        const one = told.get('one');
        return one === undefined ? [] : [[key, one] as const];
      }),
    );
  }
}

function lineOf({ state, event, lines }: News): string {
  return `${state} ${event}: ${lines.map(({ name }) => name).join(' ')}`;
}

function finding(kind: Finding['kind'], more: Partial<Finding> = {}): Finding {
  return { kind, repository: parseRepository(APP), message: 'Look at it.', ...more };
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

test('a failure is told when it begins, once a day while it lasts, and when it has ended', () => {
  const one = new Listening(['failed']);
  expect(one.after(reportOf([failed(APP, '1')]))).toEqual([`new failed: ${APP}:1`]);
  const day = Array.from({ length: 24 }, () => one.after(reportOf([failed(APP, '1')])));
  expect(day.filter((told) => told.length > 0)).toEqual([[`lasting failed: ${APP}:1`]]);
  expect(day[23]).toHaveLength(1);
  expect(one.after(reportOf([]))).toEqual([`ended failed: ${APP}:1`]);
  expect(one.after(reportOf([]))).toEqual([]);
  expect(one.remembered).toBe(0);
  expect(one.after(reportOf([failed(APP, '1')]))).toEqual([`new failed: ${APP}:1`]);
});

test('a held tag is told once for as long as it is held', () => {
  const one = new Listening();
  expect(one.after(reportOf([held(APP, '1')]))).toEqual([`new held: ${APP}:1`]);
  for (let day = 0; day < 30; day += 1)
    expect(one.after(reportOf([held(APP, '1')]), { hours: 24 })).toEqual([]);
  expect(one.after(reportOf([held(APP, '1'), held(APP, '2')]))).toEqual([`new held: ${APP}:2`]);
  // Upstream failed in between, which says nothing about the hold.
  expect(one.after(reportOf([failed(APP)]))).toEqual([`new failed: ${APP}`]);
  expect(one.after(reportOf([held(APP, '1'), held(APP, '2')]))).toEqual([`ended failed: ${APP}`]);
  expect(one.after(reportOf([held(APP, '2')]))).toEqual([]);
  expect(one.after(reportOf([held(APP, '1'), held(APP, '2')]))).toEqual([`new held: ${APP}:1`]);
});

test('a failure has not ended while a run does not come to it', () => {
  const one = new Listening(['failed']);
  one.after(reportOf([failed(APP, '1'), failed('a.test/other', '1')]));
  expect(one.after(reportOf([skipped(APP, '1')]))).toEqual(['ended failed: a.test/other:1']);
  expect(one.after(reportOf([skipped(APP)]))).toEqual([]);
  expect(one.after(reportOf([], { unlisted: 7 }))).toEqual([]);
  expect(one.after(reportOf([failed(APP, '1')]))).toEqual([]);
  expect(one.after(reportOf([]))).toEqual([`ended failed: ${APP}:1`]);
});

test('an image that no run could look at for a day is stale, whether it failed or was skipped', () => {
  const one = new Listening(['stale']);
  expect(one.after(reportOf([failed(APP, '1'), skipped(APP, '2')]))).toEqual([]);
  expect(one.after(reportOf([skipped(APP, '1'), failed(APP, '2')]), { hours: 23 })).toEqual([]);
  expect(one.after(reportOf([skipped(APP, '1'), failed(APP, '2')]))).toEqual([
    `new stale: ${APP}:1 ${APP}:2`,
  ]);
  expect(one.after(reportOf([failed(APP, '1')]))).toEqual([`ended stale: ${APP}:2`]);
  expect(one.after(reportOf([failed(APP, '1')]), { hours: 24 })).toEqual([`lasting stale: ${APP}:1`]);
});

test('an address for failures and stale images is told of an old failure as stale, and not twice', () => {
  const one = new Listening();
  expect(one.after(reportOf([failed(APP, '1')]))).toEqual([`new failed: ${APP}:1`]);
  expect(one.after(reportOf([failed(APP, '1')]), { hours: 24 })).toEqual([`new stale: ${APP}:1`]);
  expect(one.after(reportOf([]))).toEqual([`ended stale: ${APP}:1`]);
});

test('a finding is told as a failure is, and what a catch-up changed is told each time', () => {
  const one = new Listening();
  const [lost, caughtUp] = [finding('object-lost'), finding('caught-up', { store: 's' })];
  expect(one.after(reportOf([], { findings: [lost, lost, caughtUp] }))).toEqual([
    `new finding: ${APP} ${APP}`,
  ]);
  expect(one.after(reportOf([], { findings: [lost, caughtUp] }))).toEqual([`new finding: ${APP}`]);
  expect(one.after(reportOf([]))).toEqual([`ended finding: ${APP}`]);
});

test('a finding about an in-use list is also for those who want stale things alone', () => {
  const list: Finding = { kind: 'in-use-list', cluster: 'prod', message: 'It is 3 days old.' };
  const report = reportOf([], { findings: [list] });
  expect(new Listening(['stale']).after(report)).toEqual(['new stale: prod']);
  expect(new Listening().after(report)).toEqual(['new finding: prod']);
  expect(new Listening(['held']).after(report)).toEqual([]);
});

test('movements are told in each run, and only if they are wanted', () => {
  const one = new Listening();
  expect(one.after(reportOf([moved(APP, '1')]))).toEqual([`new moved: ${APP}:1`]);
  expect(one.after(reportOf([moved(APP, '1')]))).toEqual([`new moved: ${APP}:1`]);
  expect(new Listening(['failed']).after(reportOf([moved(APP, '1')]))).toEqual([]);
});

test('a run that had to stop and a store that is behind are failures', () => {
  const stores = [
    { name: 's1', state: 'in step' as const },
    { name: 's2', state: 'behind' as const, reason: 'It does not answer.' },
  ];
  const one = new Listening();
  expect(one.after(reportOf([], { interrupted: true, stores }))).toEqual(['new failed: the run s2']);
  expect(one.after(reportOf([]))).toEqual(['ended failed: the run s2']);
});

test('news that did not arrive is told by the next run, its end too', () => {
  const one = new Listening(['failed']);
  const report = reportOf([failed(APP, '1')]);
  expect(one.after(report, { isDelivered: false })).toEqual([`new failed: ${APP}:1`]);
  expect(one.after(report)).toEqual([`new failed: ${APP}:1`]);
  expect(one.after(reportOf([]), { isDelivered: false })).toEqual([`ended failed: ${APP}:1`]);
  expect(one.after(reportOf([]))).toEqual([`ended failed: ${APP}:1`]);
  expect(one.after(reportOf([]))).toEqual([]);
});

test('the memory of 20,000 failures is bounded, and they are told once', () => {
  const one = new Listening();
  const many = reportOf(Array.from({ length: 20_000 }, (_, index) => failed(APP, `tag-${index}`)));
  const facts = factsOf(many);
  expect(facts.problems.reduce((sum, { count }) => sum + count, 0)).toBe(20_000);
  expect(one.after(many)).toHaveLength(1);
  expect(one.after(many)).toEqual([]);
  expect(one.remembered).toBe(1001);
  // A repository that fails as a whole says nothing about its tags, so the memory could grow from run to run.
  for (let run = 0; run < 20; run += 1) {
    const others = Array.from({ length: 1000 }, (_, index) => failed(APP, `other-${run}-${index}`));
    one.after(reportOf([failed(APP), ...others]));
  }
  expect(one.remembered).toBe(8000);
  expect(one.bytes).toBeLessThan(maxSizeOf(KEY) / 50);
});

test('a memory that is damaged is refused, and what is not understood in it is left out', () => {
  for (const text of ['', '[]', '{"version":2,"problems":[]}', '{"version":1}']) {
    expect(() => decodeMemory(KEY, bytesOf(text))).toThrow(KEY);
  }
  const told = '{"one":{"event":"failed","at":"2026-01-01T00:00:00.000Z"},"two":{"event":"odd","at":1}}';
  const good = `{"key":"k","name":"n","since":"2026-01-01T00:00:00.000Z","told":${told}}`;
  const memory = decodeMemory(KEY, bytesOf(`{"version":1,"problems":[7,{"key":"x"},${good}]}`));
  expect([...memory.keys()]).toEqual(['k']);
  expect([...(memory.get('k')?.told.keys() ?? [])]).toEqual(['one']);
});
