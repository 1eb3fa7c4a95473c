/** How pages say whether a mirror is fresh, and how a run went. */
import { freshForMs } from '../../core/freshness.ts';
import type { RunSummary } from '../../core/run-history.ts';
import { formatDuration } from './formats.ts';
import type { View } from './document.tsx';
import type { Mood } from './elements.tsx';

export interface Freshness {
  readonly mood: Mood;
  /** One or two words. */
  readonly word: string;
  /** A sentence. */
  readonly says: string;
  /** When the last run ended. ISO 8601, UTC. */
  readonly since?: string;
}

/** @param runs newest first. How the last one went is not said to somebody who may not read everything */
export function freshnessOf(
  runs: readonly RunSummary[],
  { now, isPartial }: Pick<View, 'now' | 'isPartial'>,
): Freshness {
  const [last] = runs;
  if (last === undefined) {
    return { mood: 'plain', word: 'no record', says: 'No run has left a record of itself yet.' };
  }
  const since = last.ended;
  const limitMs = freshForMs(runs);
  if (now - Date.parse(since) > limitMs) {
    const says = `The next run is overdue: by the rhythm of the earlier ones it was due within ${formatDuration(limitMs)}.`;
    return { mood: 'bad', word: 'overdue', says, since };
  }
  if (isPartial) return { mood: 'ok', word: 'fresh', says: 'The last run was in time.', since };
  return { ...judgedRun(last), since };
}

/** The state of one run in a word and in a sentence. */
export function judgedRun({ counts, findings, interrupted, exitCode }: RunSummary): Omit<Freshness, 'since'> {
  if (interrupted)
    return { mood: 'warn', word: 'interrupted', says: 'The last run was stopped before its end.' };
  if (counts.failed > 0) {
    const what = counts.failed === 1 ? '1 tag or digest' : `${counts.failed} tags and digests`;
    return {
      mood: 'warn',
      word: 'partly failed',
      says: `${what} failed in the last run; the rest is up to date.`,
    };
  }
  if (findings > 0) {
    return {
      mood: 'warn',
      word: 'finding',
      says: 'The last run found something that somebody has to look at.',
    };
  }
  if (exitCode !== 0) {
    return { mood: 'warn', word: 'incomplete', says: 'The last run did not do all of its work.' };
  }
  return { mood: 'ok', word: 'fresh', says: 'The last run did all of its work.' };
}
