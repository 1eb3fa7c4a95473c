/** Shows a plan to people: a table of the images, the tags that are in and out per image, the failures, and the sum. */
import { formatReference } from '../../core/reference.ts';
import { compareNaturally } from '../engine/selection/natural-order.ts';
import { countOf } from '../engine/support/count-of.ts';
import type { Cost, PlannedDigest, PlannedImage, PlanReport } from '../engine/run/plan.ts';
import { alignColumns, formatBytes, shortDigest, type Style } from './style.ts';
import { countFindings, findingLines, goneLines, heldLines } from './held-lines.ts';
import { pullLines } from './pull-lines.ts';
import { areFailuresCut, failureLines } from './failure-lines.ts';
import { tableLines, type Column } from './table.ts';

export interface PlanOptions {
  readonly style: Style;
  /** Shows one line per tag, instead of groups by reason. */
  readonly all: boolean;
  /** The columns of the terminal. */
  readonly width: number;
}

/** The most groups that are shown per image, and the most names per group. */
const MAX_GROUPS = 6;
const MAX_NAMES = 5;
const COLUMNS: readonly Column[] = [
  { heading: 'image', rank: 1 },
  { heading: 'tags', rank: 2 },
  { heading: 'new', rank: 3 },
  { heading: 'moved', rank: 4 },
  { heading: 'requests', rank: 7 },
  { heading: 'manifest GETs', rank: 6 },
  { heading: 'bytes', rank: 5 },
];

/** The text for a tag or a digest, and the rule that put it in or out. */
interface Named {
  readonly tag: string;
  readonly why: string;
}

export function describePlan(report: PlanReport, { style, all, width }: PlanOptions): string {
  const images = report.images.toSorted((one, other) => compareNaturally(titleOf(one), titleOf(other)));
  return [
    ...tableLines(
      COLUMNS,
      images.map((image) => rowOf(image)),
      { width, style },
    ),
    ...images.flatMap((image) => imageLines(image, style, all)),
    '',
    ...heldLines(report, style),
    ...goneLines(report, style),
    ...failureLines(report, style),
    ...(areFailuresCut(report) ? [style.faint('Each failure with its reason: --json')] : []),
    ...findingLines(report, style),
    ...sumOf(report, style),
    ...(report.interrupted ? [style.bad('Not finished: this plan is incomplete.')] : []),
  ].join('\n');
}

function imageLines(image: PlannedImage, style: Style, all: boolean): string[] {
  const reference = image.chosen[0]?.tag ?? image.pinned[0]?.digest;
  const pulls = pullLines([{ repository: image.repository, reference }]);
  return [
    '',
    titleOf(image),
    ...pulls.map((line) => `  ${style.faint(line)}`),
    ...(all ? everyTag(image, style) : groupsOf(image, style)),
  ];
}

function rowOf(image: PlannedImage): string[] {
  const { chosen, left, pinned, cost } = image;
  const count = (result: string): string =>
    String([...chosen, ...pinned].filter((one) => one.result === result).length);
  return [
    titleOf(image),
    left.length === 0 ? String(chosen.length) : `${chosen.length} of ${chosen.length + left.length}`,
    count('created'),
    count('moved'),
    String(totalOf(cost)),
    String(cost.requests.manifestGets),
    formatBytes(cost.bytes),
  ];
}

function titleOf({ repository, source }: PlannedImage): string {
  const name = formatReference({ repository, tag: undefined, digest: undefined });
  return name === source ? name : `${name} (from ${source})`;
}

function everyTag({ chosen, left, pinned }: PlannedImage, style: Style): string[] {
  return alignColumns([
    ...[...chosen, ...pinned.map((one) => ({ ...pinOf(one), result: one.result }))].map(
      ({ tag, why, result }) => [`  ${style.good('in')}`, wordFor(result), tag, why],
    ),
    ...left.map(({ tag, why }) => [`  ${style.faint('out')}`, '', tag, why]),
  ]);
}

function groupsOf({ chosen, left, pinned }: PlannedImage, style: Style): string[] {
  const pins = pinned.map((one) => pinOf(one));
  return alignColumns([
    ...groupRows([...chosen, ...pins], style.good('in')),
    ...groupRows(left, style.faint('out')),
  ]);
}

function pinOf({ digest, name }: PlannedDigest): Named {
  return name === undefined
    ? { tag: shortDigest(digest), why: 'pinned by digest' }
    : { tag: `${name}@${shortDigest(digest)}`, why: 'pinned by digest, and the tag is only a name' };
}

function groupRows(choices: readonly Named[], word: string): string[][] {
  const groups = [...Map.groupBy(choices, ({ why }) => why)].toSorted(
    ([, one], [, other]) => other.length - one.length,
  );
  const rest = groups.slice(MAX_GROUPS).reduce((sum, [, group]) => sum + group.length, 0);
  return [
    ...groups
      .slice(0, MAX_GROUPS)
      .map(([why, group]) => [`  ${word}`, String(group.length), `${why}: ${namesOf(group)}`]),
    ...(rest === 0 ? [] : [[`  ${word}`, String(rest), 'for other reasons; --all shows each tag']]),
  ];
}

function namesOf(choices: readonly Named[]): string {
  const names = choices.slice(0, MAX_NAMES).map(({ tag }) => tag);
  return `${names.join(', ')}${choices.length > MAX_NAMES ? ', …' : ''}`;
}

function wordFor(result: string): string {
  return result === 'created' ? 'new' : result;
}

function sumOf({ counts, findings, cost }: PlanReport, style: Style): string[] {
  const { heads, manifestGets, blobGets, lists } = cost.requests;
  const results = (['created', 'moved', 'unchanged', 'held', 'gone', 'skipped', 'failed'] as const)
    .filter((result) => counts[result] > 0)
    .map((result) => `${counts[result]} ${wordFor(result)}`);
  const found = countFindings(findings);
  return [
    `${results.length === 0 ? 'nothing to mirror' : results.join(', ')}${found === '' ? '' : ` · ${found}`} · ${countOf(totalOf(cost), 'request')} (${heads} HEAD, ${manifestGets} manifest GET, ${lists} of lists, ${blobGets} of blobs) · at most ${formatBytes(cost.bytes)}`,
    style.faint(
      'This holds for upstream and the bucket as they are now, if no request is repeated. Tokens and redirects come on top.',
    ),
    style.faint('The plan itself has sent all of these requests but those of blobs. Nothing was written.'),
  ];
}

function totalOf({ requests }: Cost): number {
  return requests.heads + requests.manifestGets + requests.blobGets + requests.lists;
}
