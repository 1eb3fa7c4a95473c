/** Shows the result of `lifeboat verify` to people: what is wrong, which images cannot be pulled, and what mends it. */
import type { Problem, ProblemKind } from '../engine/verify/problem.ts';
import { insideSentence } from '../engine/store/store-name.ts';
import type { KeyDifference, StoreDifference } from '../engine/verify/store-difference.ts';
import { isDamaged, isKnown, type VerifyReport } from '../engine/verify/verify-report.ts';
import type { StoreResult } from '../engine/verify/verify-store.ts';
import { countOf } from '../engine/support/count-of.ts';
import type { CommandLine } from './command-line.ts';
import { more } from './failure-lines.ts';
import { formatBytes, shortenDigests, type Style } from './style.ts';

/** Lines of each part. */
const MAX_LISTED = 20;

export function describeVerification(report: VerifyReport, style: Style, commandLine: CommandLine): string {
  const found = [
    ...report.stores.flatMap((store) => storeLines(store, style)),
    ...report.differences.flatMap((difference) => differenceLines(difference, style)),
    ...driftLines(report, style),
    ...repairLines(report, style),
  ];
  const end = [headline(report, style), ...nextSteps(report, commandLine)];
  // Digests that a person may want to pin again are shown in full.
  return [
    ...found.map((line) => shortenDigests(line)),
    ...lostTagLines(report, style, commandLine),
    ...unprotectedLines(report, style, commandLine),
    ...end.map((line) => shortenDigests(line)),
  ].join('\n');
}

/** The last line. A bucket of which a part is not known is never called whole. */
function headline(report: VerifyReport, { good, bad }: Style): string {
  const problems = report.stores.reduce((sum, { problemCount }) => sum + problemCount, 0);
  const differences = report.differences.reduce((sum, { differenceCount }) => sum + differenceCount, 0);
  if (isDamaged(report)) {
    const parts = [
      ...(problems > 0 ? [countOf(problems, 'problem')] : []),
      ...(differences > 0 ? [`${countOf(differences, 'difference')} between stores`] : []),
      ...(isKnown(report) ? [] : ['and a part is not known']),
    ];
    return bad(`not whole: ${parts.join(', ')}`);
  }
  if (!isKnown(report))
    return bad('not known: a part could not be read, so nobody can say whether it is whole');
  const isPartial = report.stores.some(({ deep }) => deep !== undefined && deep.passBytes < deep.ofBytes);
  if (report.mode === 'quick') return good('whole, as far as lists and small objects show');
  return good(isPartial ? 'whole, as far as bytes are hashed' : 'whole: every byte is hashed');
}

function storeLines(result: StoreResult, style: Style): string[] {
  const { store, checked, problems, unknown, unknownCount, unneeded, deep } = result;
  const images = [
    countOf(checked.tags, 'tag'),
    ...(checked.pins > 0 ? [countOf(checked.pins, 'pin')] : []),
    ...(checked.candidates > 0 ? [`${countOf(checked.candidates, 'digest')} waiting`] : []),
  ];
  const size = `${countOf(checked.objects, 'object')}, ${formatBytes(checked.bytes)}`;
  const lost = [...new Set(problems.flatMap((problem) => problem.images))].toSorted();
  const rest = unneeded.blobs + unneeded.manifests + unneeded.links;
  return [
    `${store}: ${countOf(checked.repositories, 'image name')} with ${images.join(', ')} · ${size}`,
    ...(deep === undefined
      ? []
      : [
          `  hashed ${formatBytes(deep.bytes)} in ${countOf(deep.blobs, 'blob')}; ${formatBytes(deep.passBytes)} of ${formatBytes(deep.ofBytes)} since ${deep.began}`,
        ]),
    ...(rest === 0
      ? []
      : [
          style.faint(
            `  ${countOf(rest, 'object')} and ${formatBytes(unneeded.bytes)} are needed by no tag, pin or waiting digest`,
          ),
        ]),
    ...part(
      'cannot be pulled whole',
      lost.map((image) => style.bad(image)),
    ),
    ...part('not known', unknown, unknownCount),
    ...part(
      'wrong',
      problems.map((problem) => problemLine(problem)),
      result.problemCount,
    ),
  ];
}

function nameProblem({ repository, key, message }: Pick<Problem, 'repository' | 'key' | 'message'>): string {
  return `${repository ?? key}: ${message}`;
}

function problemLine({ images, attachedTo, ...problem }: Problem): string {
  const affected =
    images.length > 0
      ? ` (${some(images)})`
      : attachedTo.length > 0
        ? ` (a signature, an SBOM or the like of ${some(attachedTo)})`
        : '';
  return `${nameProblem(problem)}${affected}`;
}

function some(images: readonly string[]): string {
  const shown = images.slice(0, 3).join(', ');
  return images.length > 3 ? `${shown} and ${images.length - 3} more` : shown;
}

function differenceLines(difference: StoreDifference, style: Style): string[] {
  const { first, second, differences, differenceCount, unneeded, unneededCount, unknown } = difference;
  if (unknown !== undefined)
    return [style.bad(`${first} and ${insideSentence(second)} could not be compared: ${unknown}`)];
  const rest = part(
    style.faint('they also differ in what nothing needs, which is no damage'),
    unneeded.map((one) => style.faint(differenceLine(one))),
    unneededCount,
  );
  if (differenceCount === 0) {
    const same = 'have the same tags, and the same of all that these need';
    return [`${first} and ${insideSentence(second)} ${same}`, ...rest];
  }
  const lines = differences.map((one) => differenceLine(one));
  return [
    ...part(style.bad(`${first} and ${insideSentence(second)} differ`), lines, differenceCount),
    ...rest,
  ];
}

function differenceLine({ key, kind, missingIn }: KeyDifference): string {
  if (kind === 'missing') return `${key} is missing in ${insideSentence(missingIn ?? '')}`;
  return kind === 'tag' ? `${key} is not the same tag in both` : `${key} has another size in each`;
}

function driftLines({ drift }: VerifyReport, style: Style): string[] {
  if (drift === undefined) return [];
  const { tags, drifts, unknown } = drift;
  const sum = `upstream: ${countOf(tags, 'tag')} asked for, ${drifts.length} with another state there`;
  return [
    ...part(
      sum,
      drifts.map(({ image, how }) => `${image}: ${how}`),
    ),
    ...(drifts.length === 0 ? [sum] : []),
    ...part(style.bad('upstream could not be asked'), unknown),
  ];
}

function repairLines({ repaired }: VerifyReport, { good, bad }: Style): string[] {
  const count = (result: string): number => repaired.filter((one) => one.result === result).length;
  if (repaired.length === 0) return [];
  const lines = repaired.map(({ result, detail, ...problem }) => {
    const what = nameProblem(problem);
    if (result === 'repaired') return `${good('repaired')} ${what} From ${detail}`;
    return `${result === 'right' ? good('right') : bad(result)} ${what} ${detail}`;
  });
  return part(`repaired ${count('repaired')} of ${repaired.length}`, lines);
}

/** The tags that a repair did not bring back, with the digest that they are known to have had. */
function lostTagLines(report: VerifyReport, { bad }: Style, commandLine: CommandLine): string[] {
  if (report.repaired.length === 0) return [];
  const problems = report.stores.flatMap((store) => store.problems);
  const images = problems.flatMap(({ kind, repository = '', tag, digest }) =>
    kind === 'tag-missing' && tag !== undefined && digest !== undefined
      ? [`${repository}:${tag}@${digest}`]
      : [],
  );
  if (images.length === 0) return [];
  return [
    ...part(bad('lost, with the digest of the last movement'), [...new Set(images)]),
    '  to put a tag back, if its image is in a bucket. OTHER.yaml is a configuration of that bucket. It may be this one:',
    `    ${commandLine.for('rescue NAME:TAG@DIGEST --from bucket:OTHER.yaml')}`,
  ];
}

/** The digests of lost indexes. Nobody knows which of them were pinned. */
function unprotectedLines({ repaired }: VerifyReport, { bad }: Style, commandLine: CommandLine): string[] {
  const images = repaired.flatMap(({ repository, unprotected = [] }) =>
    unprotected.map((digest) => `${repository ?? ''}@${digest}`),
  );
  if (images.length === 0) return [];
  return [
    ...part(bad('lost their pin, if they had one, so that pruning may take them'), images),
    '  to keep one, name it in "images", or pin it again. OTHER.yaml is a configuration of a bucket that has the image. It may be this one:',
    `    ${commandLine.for('rescue NAME@DIGEST --from bucket:OTHER.yaml')}`,
  ];
}

/** A problem for which an image that is rescued from elsewhere is the remedy. */
const RESCUED: ReadonlySet<ProblemKind> = new Set([
  'blob-missing',
  'blob-size',
  'blob-bytes',
  'manifest-missing',
  'manifest-bytes',
  'tag-missing',
  'tag-unreadable',
]);

/** The commands that mend what is wrong. */
function nextSteps(report: VerifyReport, commandLine: CommandLine): string[] {
  if (!isDamaged(report)) return [];
  const kinds = new Set(report.stores.flatMap(({ problems }) => problems.map(({ kind }) => kind)));
  const isRepaired = report.repaired.length > 0;
  const mendable = [...kinds].some((kind) => kind !== 'stray' && kind !== 'manifest-size');
  const steps: string[] = [];
  if (mendable && !isRepaired) {
    steps.push(
      'to fetch again what is damaged, to take what is lost from another store, and to make lists anew:',
      `  ${commandLine.for('verify --repair')}`,
    );
  }
  if (isRepaired && [...kinds].some((kind) => RESCUED.has(kind))) {
    steps.push(
      'for an image that neither another store nor upstream has any more, from an archive or another registry:',
      `  ${commandLine.for('rescue IMAGE --from SOURCE')}`,
    );
  }
  const differing = report.differences.filter(({ differenceCount }) => differenceCount > 0);
  if (differing.some(({ isInStep }) => isInStep !== true)) {
    steps.push('to bring the stores in step:', `  ${commandLine.for('sync')}`);
  }
  // A repair may still take from one store what the other one has lost.
  if (differing.some(({ isInStep }) => isInStep === true) && (isRepaired || !mendable)) {
    steps.push(
      'the notes of the stores say that they are in step, so that "sync" does not compare them. If one of them was pruned, prune the other one, too:',
      `  ${commandLine.for('prune')}`,
      'to make one like the other instead, list the right one first under "stores", delete state/_stores.json of the other one, and run:',
      `  ${commandLine.for('sync')}`,
    );
  }
  if (kinds.has('stray'))
    steps.push('keys that are not of the layout are deleted by hand, if nobody needs them.');
  return steps;
}

function part(title: string, lines: readonly string[], count = lines.length): string[] {
  if (lines.length === 0) return [];
  const shown = lines.slice(0, MAX_LISTED).map((line) => `    ${line}`);
  return [`  ${title}:`, ...shown, ...more(count - shown.length, '').map((line) => `    ${line}`)];
}
