/** Shows whether the runtimes of a node would ask the edge. */
import type { ProbeResult } from '../../cluster/check/probe-result.ts';
import type { Verdict } from '../../cluster/check/verdict.ts';
import { alignColumns } from './style.ts';

const ASKED: Readonly<Record<Verdict['asked'], string>> = {
  first: 'asked first',
  last: 'asked when the upstream fails',
  no: 'NOT ASKED',
};

const NAMES: Readonly<Record<Verdict['names'], string>> = {
  all: 'tags and digests',
  tags: 'tags only',
  digests: 'digests only',
  none: '',
};

/** The result of `clients --check`. */
export interface CheckResult {
  readonly verdicts: readonly Verdict[];
  /** Empty if nothing was pulled. */
  readonly probes: readonly ProbeResult[];
  /** Why nothing could be pulled, if the edge does not answer this machine. */
  readonly failure: string | undefined;
}

const THROUGH: Readonly<Record<ProbeResult['through'], string>> = {
  yes: 'pulled through the edge',
  no: 'NOT PULLED',
  unknown: 'not tried',
  'as configured': 'not asked, as configured',
};

/** A pull may also fail after the edge was asked, as with a snapshotter that is not there. */
const NOT_PULLED =
  'NOT PULLED: the edge was not asked, or the pull failed for another reason. The runtime says:';

/** Two tables, each with its reasons below it: what the files say, and what the runtimes did. */
export function describeCheck({ verdicts, probes }: Omit<CheckResult, 'failure'>): string {
  const files = [
    ...alignColumns(verdicts.map(rowOf)),
    ...notesOf(verdicts.map(({ runtime, upstream, reasons }) => ({ runtime, upstream, reasons }))),
  ];
  if (probes.length === 0) return files.join('\n');
  const pulled = probes.map(({ runtime, upstream, by, through }) => [
    runtime,
    upstream,
    `by ${by}`,
    THROUGH[through],
  ]);
  const failed = probes.filter(({ reason }) => reason !== '');
  return [
    ...files,
    '',
    'Pulled just now, an image that only the edge has:',
    ...alignColumns(pulled),
    ...(probes.some(({ through }) => through === 'no') ? ['', NOT_PULLED] : []),
    ...notesOf(failed.map(({ runtime, upstream, reason }) => ({ runtime, upstream, reasons: [reason] }))),
  ].join('\n');
}

function rowOf({ runtime, upstream, asked, names }: Verdict): string[] {
  return [runtime, upstream, ASKED[asked], NAMES[names]];
}

interface Note {
  readonly runtime: string;
  readonly upstream: string;
  readonly reasons: readonly string[];
}

/** Each reason once, with the registries that it is for, unless it is for all of them. */
function notesOf(notes: readonly Note[]): string[] {
  const all = new Set(notes.map(({ upstream }) => upstream)).size;
  const registries = new Map<string, string[]>();
  for (const { runtime, upstream, reasons } of notes) {
    for (const reason of reasons) {
      const key = `${runtime}: ${reason}`;
      registries.set(key, [...(registries.get(key) ?? []), upstream]);
    }
  }
  const lines = [...registries].map(([reason, those]) =>
    those.length === all ? `! ${reason}` : `! ${reason} (${those.join(', ')})`,
  );
  return lines.length > 0 ? ['', ...lines] : [];
}
