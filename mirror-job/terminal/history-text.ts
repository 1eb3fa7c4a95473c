/** Shows the history of tags to people: one line per movement, then the holds and the digests that wait. */
import { formatReference, type Reference } from '../../core/reference.ts';
import type { RecordedMovement } from '../engine/tags/movement-log.ts';
import type { TagStatus } from '../engine/tags/tag-status.ts';
import type { CommandLine } from './command-line.ts';
import { shortDigest, type Style } from './style.ts';
import { tableLines, type Column, type TextOptions } from './table.ts';

/** The words for a digest that does not wait for anybody. */
const STATES = { left: 'left by hand', older: 'older' } as const;

/** The most candidates that are shown per tag. */
const MAX_CANDIDATES = 5;

export interface History {
  /** Sorted, the newest first. */
  readonly movements: readonly RecordedMovement[];
  readonly tags: readonly TagStatus[];
  /** The most movements that the command shows. */
  readonly limit: number;
  /** The tags that each digest has now. */
  readonly tagsAt?: Readonly<Record<string, readonly string[]>>;
}

/** The most other tags that are named beside a digest. */
const MAX_TAGS = 2;

const COLUMNS: readonly Column[] = [
  { heading: 'time', rank: 1 },
  { heading: 'tag', rank: 2 },
  { heading: 'from', rank: 4 },
  { heading: '', rank: 4 },
  { heading: 'to', rank: 3 },
  { heading: 'why', rank: 5 },
  { heading: 'by', rank: 6 },
  { heading: 'run', rank: 7 },
];

/** @param reference if it names a tag, only the history of that tag is shown */
export function describeHistory(
  reference: Reference,
  { movements, tags, limit, tagsAt = {} }: History,
  { style, commandLine, width }: TextOptions,
): string {
  const rows = movements.map((movement) => movementRow(movement, reference.tag === undefined, tagsAt, style));
  return [
    ...(movements.length === 0
      ? ['No movement is recorded.']
      : tableLines(COLUMNS, rows, { width, style, hasHeadings: false })),
    ...(movements.length === limit ? [style.faint(`The newest ${limit}; --limit N shows more.`)] : []),
    ...tags.flatMap((status) => statusLines(reference, status, style, commandLine)),
  ].join('\n');
}

function movementRow(
  { at, tag, from, to, why, by, run, isCarriedOut }: RecordedMovement,
  showsTag: boolean,
  tagsAt: NonNullable<History['tagsAt']>,
  { faint }: Style,
): string[] {
  const named = (digest: string): string => `${shortDigest(digest)}${otherTags(tagsAt[digest], tag)}`;
  const row = [
    formatTime(at),
    showsTag ? tag : '',
    from === undefined ? 'nowhere' : named(from),
    '→',
    named(to),
    isCarriedOut ? why : `${why} (not carried out)`,
    by === undefined ? '' : `by ${by}`,
    `run ${run}`,
  ];
  return isCarriedOut ? row : row.map((cell) => (cell === '' ? '' : faint(cell)));
}

/** ` (1.27.3)`: a digest says little to people, and a version of the same image says it all. */
function otherTags(tags: readonly string[] = [], own: string): string {
  const others = tags.filter((tag) => tag !== own);
  if (others.length === 0) return '';
  return ` (${others.slice(0, MAX_TAGS).join(', ')}${others.length > MAX_TAGS ? ', …' : ''})`;
}

function statusLines(
  { repository }: Reference,
  { tag, digest, hold, candidates }: TagStatus,
  { waits, faint }: Style,
  commandLine: CommandLine,
): string[] {
  const name = formatReference({ repository, tag, digest: undefined });
  const place = digest === undefined ? 'is not served yet' : `is at ${shortDigest(digest)}`;
  const head = hold === undefined ? `${name} ${place}` : `${waits('held')} ${name} ${place}: ${hold}`;
  const shown = candidates.slice(0, MAX_CANDIDATES);
  const rest = candidates.length - shown.length;
  return [
    '',
    head,
    ...shown.map(({ digest: other, firstSeen, state }) => {
      const next = state === 'waits' ? commandLine.for(`approve ${name}@${other}`) : STATES[state];
      return `  ${shortDigest(other)}, first seen ${formatTime(firstSeen)}: ${faint(next)}`;
    }),
    ...(rest > 0 ? [`  … and ${rest} more; --json shows them`] : []),
  ];
}

/** `2026-01-31 23:59:59Z` */
function formatTime(time: string): string {
  return time.replace('T', ' ').replace(/\.\d+Z$/, 'Z');
}
