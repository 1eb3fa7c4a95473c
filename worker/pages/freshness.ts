/** The words of pages for a mirror that is fresh or not, and for a run. */
import { freshForMs } from '../../core/freshness.ts';
import type { RunSummary } from '../../core/run-history.ts';
import { formatCount, formatDuration } from './formats.ts';
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
  const { failed, skipped } = counts;
  if (interrupted)
    return { mood: 'warn', word: 'interrupted', says: 'The last run was stopped before its end.' };
  if (failed > 0) {
    const done = counts.unchanged + counts.created + counts.moved + counts.held + counts.gone;
    const rest = skipped === 0 ? '' : `, and left ${formatCount(skipped)} for the next run`;
    return {
      mood: done === 0 ? 'bad' : 'warn',
      word: done === 0 ? 'failed' : 'partly failed',
      says: `The last run failed for ${referencesOf(failed)}${done === 0 ? ' and did nothing else' : ''}${rest}.`,
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
  if (skipped > 0) {
    const says = `The last run left ${referencesOf(skipped)} for the next one.`;
    return { mood: 'plain', word: 'incomplete', says };
  }
  return { mood: 'ok', word: 'fresh', says: 'The last run did all of its work.' };
}

function referencesOf(count: number): string {
  return count === 1 ? '1 tag or digest' : `${formatCount(count)} tags and digests`;
}
