/** Interprets `retention`: what pruning leaves. */
import {
  DEFAULT_RETENTION,
  MAX_GRACE_MS,
  MIN_GRACE_MS,
  type MirrorRetention,
  type Retention,
} from '../engine/maintenance/retention.ts';
import type { Path } from './path.ts';
import { asMatcher } from './pattern.ts';
import type { Problems } from './problems.ts';
import type { ImageFile, RetentionFile } from './schema.ts';

const DAY_MS = 24 * 3_600_000;

/** @returns undefined without the key: then nothing is pruned */
export function interpretRetention(
  input: RetentionFile | undefined,
  path: Path,
  problems: Problems,
): MirrorRetention | undefined {
  if (input === undefined) return undefined;
  const graceMs = input.grace === undefined ? undefined : problems.duration(input.grace, [...path, 'grace']);
  if (graceMs !== undefined && graceMs < MIN_GRACE_MS) {
    problems.add(
      [...path, 'grace'],
      `it must be at least ${MIN_GRACE_MS / 3_600_000}h: an edge may count on an object for a day.`,
    );
  }
  if (graceMs !== undefined && graceMs > MAX_GRACE_MS) {
    problems.add(
      [...path, 'grace'],
      `it must be at most ${MAX_GRACE_MS / DAY_MS}d: no other plan can be applied until this one has come to its end. To keep images for longer, raise days.`,
    );
  }
  return {
    ...withKeys(input, DEFAULT_RETENTION, path, problems),
    maxDeletePercent: input.maxDeletePercent ?? DEFAULT_RETENTION.maxDeletePercent,
    graceMs: graceMs ?? DEFAULT_RETENTION.graceMs,
  };
}

/**
 * @param base the mirror's
 * @returns false if nothing of the image is pruned; undefined if it has no retention of its own
 */
export function interpretImageRetention(
  input: ImageFile['retention'],
  path: Path,
  problems: Problems,
  base: Retention = DEFAULT_RETENTION,
): Retention | false | undefined {
  return input === undefined || input === false ? input : withKeys(input, base, path, problems);
}

function withKeys(
  { history, days, keep }: Pick<RetentionFile, 'history' | 'days' | 'keep'>,
  base: Retention,
  path: Path,
  problems: Problems,
): Retention {
  return {
    history: history ?? base.history,
    keepMs: days === undefined ? base.keepMs : days * DAY_MS,
    keep:
      keep === undefined
        ? base.keep
        : problems.patterns(keep, [...path, 'keep']).map((one) => asMatcher(one)),
  };
}
