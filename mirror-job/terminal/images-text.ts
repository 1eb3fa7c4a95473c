/** Shows people which images are needed, and why. */
import type { Problem } from '../../cluster/images/mention.ts';
import { describeUse } from '../../cluster/images/lists.ts';
import { isNamedByTextAlone, shortened, type InUseImage, type SeenImage } from '../../core/in-use-list.ts';
import { countOf } from '../engine/support/count-of.ts';
import { shortDigest, type Style } from './style.ts';
import { tableLines, type Column } from './table.ts';

const COLUMNS: readonly Column[] = [
  { heading: 'image', rank: 1 },
  { heading: 'runs', rank: 3 },
  { heading: 'platforms', rank: 4 },
  { heading: 'why', rank: 5 },
  { heading: 'used by', rank: 2 },
];

export function describeImages(images: readonly SeenImage[], style: Style, width: number): string {
  const rows = images.map((image) => [
    withoutDigest(image.reference),
    image.digest === undefined ? '' : shortDigest(image.digest),
    (image.platforms ?? []).join(' '),
    whyOf(image),
    usersOf(image),
  ]);
  return [...tableLines(COLUMNS, rows, { width, style }), '', `${countOf(images.length, 'image')}.`].join(
    '\n',
  );
}

/** The JSON of a list in the bucket, as if the images were seen now for the first time, with what could not be read. */
export function imagesData(
  {
    images,
    problems,
    unread,
  }: {
    readonly images: readonly SeenImage[];
    readonly problems: readonly Problem[];
    readonly unread: readonly string[];
  },
  cluster: string | undefined,
  now: Date,
) {
  const observed = now.toISOString();
  return {
    version: 1,
    cluster: cluster ?? '',
    observed,
    ...(unread.length > 0 && { unread: shortened(unread) }),
    images: images.map((image): InUseImage =>
      Object.assign({ firstSeen: observed, lastSeen: observed }, image),
    ),
    problems: problems.map(({ where, message }) => ({ where, message })),
  };
}

/** The column beside it has the digest. */
function withoutDigest(reference: string): string {
  return reference.replace(/@.*$/, '');
}

function whyOf(image: SeenImage): string {
  if (isNamedByTextAlone(image)) return 'found in text';
  const isRunning = image.uses.some(({ how }) => how === 'running');
  const isAsked = image.uses.some(({ how }) => how === 'spec');
  return isRunning ? (isAsked ? 'asked for, runs' : 'runs') : 'asked for';
}

function usersOf({ uses, useCount }: SeenImage): string {
  // A use that asks for an image explains it better than one that runs it.
  const [first] = uses.toSorted((one, other) => rank(one.how) - rank(other.how));
  if (first === undefined) return '';
  return `${describeUse(first)}${useCount > 1 ? `, and ${useCount - 1} more` : ''}`;
}

function rank(how: SeenImage['uses'][number]['how']): number {
  return ['spec', 'running', 'text'].indexOf(how);
}
