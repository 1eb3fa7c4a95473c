/**
 * Decides what an address is told after a run: a problem when it begins, once a day while it lasts, and when it has ended.
 * docs/decisions/0163-each-problem-is-told-once.md. Pure.
 */
import type { NotifyEvent, NotifyTarget } from '../configuration/configuration.ts';
import type { Memory, Remembered, Told } from './memory.ts';
import { wasSeen, type Problem, type RunFacts } from './problems.ts';

/** A little less than a day, because the runs of a daily schedule do not end at the same minute. */
const REMIND_AFTER_MS = 23.5 * 3_600_000;
/** The most problems that are remembered: all of one run, and as many that a run could not look at. */
const MAX_REMEMBERED = 8000;

export interface NewsLine {
  readonly name: string;
  readonly text: string;
  readonly count: number;
  /** Since when it lasts: ISO 8601, UTC. Left out for what is new. */
  readonly since?: string;
}

export interface News {
  readonly event: NotifyEvent;
  readonly state: 'new' | 'lasting' | 'ended';
  readonly lines: readonly NewsLine[];
}

/** An address, and the name under which the memory has it. */
export interface Listener extends Pick<NotifyTarget, 'on' | 'staleAfterMs'> {
  readonly id: string;
}

interface ToldOf extends Told {
  readonly key: string;
}

export interface Decision {
  readonly news: readonly News[];
  /** By problem: the address's knowledge of it once it has got the news. */
  readonly told: ReadonlyMap<string, Told>;
}

/** The order in which a message has them. */
const ORDER = [
  ['new', ['failed', 'stale', 'finding', 'held', 'moved']],
  ['lasting', ['failed', 'stale', 'finding']],
  ['ended', ['failed', 'stale', 'finding']],
] as const satisfies readonly (readonly [News['state'], readonly NotifyEvent[]])[];

/** @param now the end of the run */
export function newsFor(listener: Listener, facts: RunFacts, memory: Memory, now: Date): Decision {
  const lines: { event: NotifyEvent; state: News['state']; line: NewsLine }[] = [];
  const told: ToldOf[] = [];
  const current = new Set(facts.problems.map(({ key }) => key));
  for (const problem of facts.problems) {
    const { key, name, text, count, isEvent } = problem;
    const remembered = memory.get(key);
    const before = remembered?.told.get(listener.id);
    const since = remembered?.since ?? now.toISOString();
    const event = eventOf(problem, now.getTime() - Date.parse(since), listener);
    if (event === undefined) {
      // Skipped now, and failed before: it has not ended.
      if (before !== undefined) told.push({ key, ...before });
      continue;
    }
    const state = stateOf(event, before, now);
    if (state === undefined) told.push({ key, event, at: before?.at ?? since });
    else {
      const isOld = since !== now.toISOString();
      lines.push({ event, state, line: { name, text, count, ...(isOld && { since }) } });
      if (!isEvent) told.push({ key, event, at: now.toISOString() });
    }
  }
  for (const [key, { name, since, told: all }] of memory) {
    const before = all.get(listener.id);
    if (before === undefined || current.has(key)) continue;
    if (!wasSeen(name, facts)) told.push({ key, ...before });
    // Somebody has moved a held tag, so somebody knows.
    else if (before.event !== 'held') {
      lines.push({ event: before.event, state: 'ended', line: { name, text: '', count: 1, since } });
    }
  }
  if (listener.on.has('moved')) {
    for (const { name, text } of facts.moved) {
      lines.push({ event: 'moved', state: 'new', line: { name, text, count: 1 } });
    }
  }
  const news = ORDER.flatMap(([state, events]) =>
    events.flatMap((event): News[] => {
      const own = lines.filter((one) => one.state === state && one.event === event);
      return own.length === 0 ? [] : [{ event, state, lines: own.map(({ line }) => line) }];
    }),
  );
  return { news, told: new Map(told.map(({ key, event, at }) => [key, { event, at }])) };
}

/** @returns the event that a problem is for an address; undefined if the address does not want to hear of it */
function eventOf(
  { kind }: Problem,
  ageMs: number,
  { on, staleAfterMs }: Pick<Listener, 'on' | 'staleAfterMs'>,
): NotifyEvent | undefined {
  const isUnseen = kind === 'failed' || kind === 'skipped';
  if (isUnseen && ageMs >= staleAfterMs && on.has('stale')) return 'stale';
  if (kind === 'skipped') return undefined;
  if (kind === 'in-use-list') return on.has('finding') ? 'finding' : on.has('stale') ? 'stale' : undefined;
  return on.has(kind) ? kind : undefined;
}

/** @returns undefined if there is nothing to tell now */
function stateOf(event: NotifyEvent, before: Told | undefined, now: Date): 'new' | 'lasting' | undefined {
  if (before === undefined || before.event !== event) return 'new';
  const isDue = now.getTime() - Date.parse(before.at) >= REMIND_AFTER_MS;
  return isDue && event !== 'held' ? 'lasting' : undefined;
}

/**
 * @param told by address: what it knows now
 * @returns the memory after a run: its problems, and those before it that an address still has to hear the end of
 */
export function remember(
  facts: RunFacts,
  memory: Memory,
  told: ReadonlyMap<string, ReadonlyMap<string, Told>>,
  now: Date,
): Memory {
  const next = new Map<string, Remembered>();
  const toldOf = (key: string): ReadonlyMap<string, Told> => {
    const all = new Map<string, Told>();
    for (const [id, own] of told) {
      const one = own.get(key);
      if (one !== undefined) all.set(id, one);
    }
    return all;
  };
  for (const { key, name, isEvent } of facts.problems) {
    if (isEvent) continue;
    next.set(key, { name, since: memory.get(key)?.since ?? now.toISOString(), told: toldOf(key) });
  }
  for (const [key, { name, since }] of memory) {
    if (next.has(key) || next.size >= MAX_REMEMBERED) continue;
    const left = toldOf(key);
    if (left.size > 0 || !wasSeen(name, facts)) next.set(key, { name, since, told: left });
  }
  return next;
}
