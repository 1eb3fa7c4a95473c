/** Shows where a mirror stands: the last run, then a table of repositories or of tags, what is held, and what failed. */
import { isDigest } from '../../core/digest.ts';
import { isHeld } from '../../core/held.ts';
import type { HeldLine } from '../../core/overview.ts';
import { formatReference, type Repository } from '../../core/reference.ts';
import type { DescribedManifest } from '../../core/repository-description.ts';
import type { RunSummary } from '../../core/run-history.ts';
import { countOf } from '../engine/support/count-of.ts';
import type {
  ItemFailure,
  MirrorStatus,
  RepositoryStatus,
  TagState,
  TagStates,
} from '../status/mirror-status.ts';
import { agoText, ageText, minuteOf } from './age.ts';
import { underWayText } from './prune-text.ts';
import type { CommandLine } from './command-line.ts';
import { more } from './failure-lines.ts';
import { formatBytes, shortDigest, shortenDigests, type Style } from './style.ts';
import { tableLines, type Column, type TextOptions } from './table.ts';

/** That of `skipped`. */
const RESULT_WIDTH = 7;

/** The most held tags and the most failures that are shown. */
const MAX_LISTED = 20;

const REPOSITORY_COLUMNS: readonly Column[] = [
  { heading: 'repository', rank: 1 },
  { heading: 'tags', rank: 4, isNumber: true },
  { heading: 'pins', rank: 7, isNumber: true },
  { heading: 'held', rank: 3, isNumber: true },
  { heading: 'gone', rank: 5, isNumber: true },
  { heading: 'checked', rank: 2 },
  { heading: 'moved last', rank: 6 },
];

const TAG_COLUMNS: readonly Column[] = [
  { heading: 'image', rank: 1 },
  { heading: 'digest', rank: 4 },
  { heading: 'since', rank: 3 },
  { heading: 'state', rank: 2 },
  { heading: 'size', rank: 5, isNumber: true },
  { heading: 'platforms', rank: 6 },
];

export function describeStatus(status: MirrorStatus, options: TextOptions): string {
  const { style } = options;
  const { images, alarms, pruning } = status;
  return [
    runLine(status, style),
    ...alarms.map((alarm) => style.bad(`${alarm}.`)),
    sumLine(status),
    ...(pruning === undefined ? [] : [`pruning: ${underWayText(pruning)}`]),
    '',
    ...(images === undefined ? repositoryTable(status, options) : tagTable(images, status, options)),
    ...heldLines(status, options),
    ...failureLines(status.failures, style),
  ].join('\n');
}

function runLine({ name, at, lastRun }: MirrorStatus, { good, bad }: Style): string {
  if (lastRun === undefined) return `${name}: the bucket has no history of runs.`;
  const how = lastRun.exitCode === 0 ? good('succeeded') : bad(whyBad(lastRun));
  return `${name}: the last run ended ${ageText(lastRun.ended, at)} and ${how}${countsText(lastRun)}.`;
}

function whyBad({ interrupted, counts, findings }: RunSummary): string {
  const reasons = [
    ...(interrupted ? ['was interrupted'] : []),
    ...(counts.failed > 0 ? [`failed for ${countOf(counts.failed, 'item')}`] : []),
    ...(findings > 0 ? [`has ${countOf(findings, 'finding')}`] : []),
  ];
  return reasons.length === 0 ? 'did not succeed' : reasons.join(', ');
}

function countsText({ counts }: RunSummary): string {
  const results = (['created', 'moved', 'unchanged', 'held', 'gone', 'skipped', 'failed'] as const)
    .filter((result) => counts[result] > 0)
    .map((result) => `${counts[result]} ${result}`);
  return results.length === 0 ? '' : `: ${results.join(', ')}`;
}

function sumLine({ repositories, repositoryCount, heldCount, clusters, at }: MirrorStatus): string {
  const sum = (key: 'tags' | 'pins' | 'gone') => repositories.reduce((whole, line) => whole + line[key], 0);
  const shown = repositories.length;
  const isPart = shown < repositoryCount;
  return [
    `${isPart ? `${shown} of ` : ''}${repositoryCount === 1 ? '1 repository' : `${repositoryCount} repositories`}`,
    countOf(sum('tags'), 'tag'),
    ...(sum('pins') > 0 ? [countOf(sum('pins'), 'pin')] : []),
    `${heldCount} held`,
    `${sum('gone')} gone upstream`,
    ...clusters.map(
      ({ name, images, observed }) =>
        `cluster ${name}: ${countOf(images, 'image')}, seen ${agoText(observed, at)}`,
    ),
  ].join(' · ');
}

function repositoryTable({ repositories, at }: MirrorStatus, { style, width }: TextOptions): string[] {
  if (repositories.length === 0) return ['No repository is like that.'];
  const rows = repositories.map((line) => [
    nameOf(line.name),
    String(line.tags),
    orNothing(line.pins),
    orNothing(line.held),
    orNothing(line.gone),
    checkedText(line, at, style),
    line.newest === undefined ? '' : `${line.newest.tag} ${agoText(line.newest.moved, at)}`,
  ]);
  return tableLines(REPOSITORY_COLUMNS, rows, { width, style });
}

function checkedText({ checked, isStale, isListed }: RepositoryStatus, at: string, style: Style): string {
  const text = checked === undefined ? 'never' : agoText(checked, at);
  if (!isListed) return style.faint(`${text}; not listed any more`);
  return isStale ? style.bad(text) : text;
}

function tagTable(
  { tags, pins, undescribed }: TagStates,
  { at }: MirrorStatus,
  options: TextOptions,
): string[] {
  const { style, width } = options;
  const rows = [
    ...tags.map((tag) => [
      formatReference({ repository: tag.repository, tag: tag.tag, digest: undefined }),
      shortDigest(tag.digest),
      agoText(tag.moved, at),
      stateOf(tag, at, style),
      ...measureOf(tag),
    ]),
    ...pins.map((pin) => [
      shortenDigests(formatReference({ repository: pin.repository, tag: undefined, digest: pin.digest })),
      shortDigest(pin.digest),
      agoText(pin.firstSeen, at),
      'pinned',
      ...measureOf(pin),
    ]),
  ];
  return [
    ...(rows.length === 0 ? ['No tag is like that.'] : tableLines(TAG_COLUMNS, rows, { width, style })),
    ...undescribed.map(({ repository, tags: count }) =>
      style.faint(`${nameOf(repository)}: ${countOf(count, 'tag')} not described yet; the next runs do it.`),
    ),
  ];
}

function stateOf(tag: TagState, at: string, style: Style): string {
  if (isHeld(tag)) {
    return style.waits(
      tag.upstream === undefined ? 'held' : `held, ${shortDigest(tag.upstream.digest)} waits`,
    );
  }
  return tag.gone === undefined ? 'follows' : style.bad(`gone ${agoText(tag.gone, at)}`);
}

function measureOf({ bytes, platforms, storedPlatforms }: DescribedManifest): string[] {
  const names = storedPlatforms ?? platforms.map(({ platform }) => platform);
  return [formatBytes(bytes), names.filter((name) => name !== 'unknown').join(' ')];
}

function heldLines({ held, heldCount, at }: MirrorStatus, { style, commandLine }: TextOptions): string[] {
  if (held.length === 0) return [];
  return [
    '',
    ...held
      .slice(0, MAX_LISTED)
      .flatMap((line) => [
        `${style.waits('held')}  ${heldText(line)}`,
        `      ${line.reason}${nextOf(line, at, commandLine)}`,
      ]),
    ...more(heldCount - Math.min(held.length, MAX_LISTED), ' held; --json lists up to 200'),
  ];
}

function heldText({ repository, tag, digest, upstream, since }: HeldLine): string {
  const name = formatReference({ repository, tag, digest: undefined });
  const there = upstream === undefined ? '' : `, upstream at ${shortDigest(upstream)}`;
  return `${name} at ${shortDigest(digest)}${there}, since ${minuteOf(since)}`;
}

function nextOf(
  { repository, tag, upstream, until }: HeldLine,
  at: string,
  commandLine: CommandLine,
): string {
  if (upstream === undefined) return '';
  const name = formatReference({ repository, tag, digest: undefined });
  const command = commandLine.for(`approve ${name}@${upstream}`);
  if (until === undefined) return ` ${command}`;
  const itself =
    until <= at ? 'The next run goes on with it' : `It moves by itself from ${minuteOf(until)} on`;
  return ` ${itself}, or now: ${command}`;
}

function failureLines(failures: readonly ItemFailure[], style: Style): string[] {
  if (failures.length === 0) return [];
  return [
    '',
    ...failures
      .slice(0, MAX_LISTED)
      .flatMap(({ repository, reference, result, says }) => [
        `${style.bad(result.padEnd(RESULT_WIDTH))} ${itemName(repository, reference)}`,
        `${' '.repeat(RESULT_WIDTH)} ${says}.`,
      ]),
    ...more(failures.length - MAX_LISTED, '; --json lists them'),
  ];
}

function itemName(repository: Repository, reference: string | undefined): string {
  const name = nameOf(repository);
  if (reference === undefined) return name;
  return shortenDigests(`${name}${isDigest(reference) ? '@' : ':'}${reference}`);
}

function nameOf(repository: RepositoryStatus['name']): string {
  return formatReference({ repository, tag: undefined, digest: undefined });
}

/** A zero would hide the numbers that matter. */
function orNothing(count: number): string {
  return count === 0 ? '' : String(count);
}
