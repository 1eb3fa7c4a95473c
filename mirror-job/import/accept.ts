/**
 * Finds the entries of a draft that the configuration's own rules accept. The other entries become losses, each with the
 * sentences of the rules.
 */
import { ConfigurationError, type Problem } from '../configuration/configuration-error.ts';
import { parseConfiguration } from '../configuration/parse.ts';
import { formatReference, NameInvalidError, parseReference } from '../../core/reference.ts';
import type { Path } from '../configuration/path.ts';
import type { Draft, DraftImage, DraftUpstream } from './draft.ts';

export type Upstreams = Readonly<Record<string, DraftUpstream['value']>>;

/** The number of lines before the first image in the text that is checked. */
const LINES_BEFORE = 1;

export function acceptUpstreams(draft: Draft): Upstreams {
  const accepted: Record<string, DraftUpstream['value']> = {};
  for (const { host, value, path } of draft.upstreams) {
    const together = { ...accepted[host], ...value };
    const problems = problemsOf(draft, ['{"source":"a.b/c:1"}'], { [host]: together });
    if (problems.length === 0) accepted[host] = together;
    else draft.lose(path, sentencesOf(draft, problems, []));
  }
  return accepted;
}

/**
 * Checks all entries at once, and again without the refused ones. The rules are checked in a few steps: variables, shape,
 * meaning, conflicts between two entries. Each step needs one round, however many entries there are.
 */
export function acceptImages(draft: Draft, upstreams: Upstreams): readonly DraftImage[] {
  let images = distinct(draft, draft.images);
  while (images.length > 0) {
    const texts = images.map(({ value }) => JSON.stringify(value));
    const problems = problemsOf(draft, texts, upstreams);
    if (problems.length === 0) break;
    const next = withoutRefused(draft, images, problems);
    const hasChanged = next.length < images.length || next.some((image, index) => image !== images[index]);
    images = hasChanged ? next : loseAll(draft, images, problems);
  }
  return images;
}

/**
 * Ends the rounds if a round changes nothing. No rule leads here today. Without this function, a rule that did would
 * loop for ever.
 */
function loseAll(draft: Draft, images: readonly DraftImage[], problems: readonly Problem[]): readonly [] {
  for (const [index, { path }] of images.entries()) {
    const own = problems.filter((problem) => positionOf(problem) === index);
    const unknown = 'it cannot be checked beside the others, for which no reason is known. Please report it.';
    draft.lose(path, own.length === 0 ? unknown : sentencesOf(draft, own, images));
  }
  return [];
}

/** Joins entries for the same image, which another tool copies to several targets. The note names all of them. */
function distinct(draft: Draft, images: readonly DraftImage[]): readonly DraftImage[] {
  return [...Map.groupBy(images, (image) => identityOf(image)).values()].flatMap(([first, ...others]) => {
    if (first === undefined || others.length === 0) return first ?? [];
    const also = others.map(({ path, note }) => {
      const other = `also ${lineText(draft, path)}`;
      return note === undefined ? other : `${other}, ${note}`;
    });
    const { path, value, note } = first;
    return { path, value, note: (note === undefined ? also : [note, ...also]).join('; ') };
  });
}

function identityOf({ value }: DraftImage): string {
  try {
    return JSON.stringify({ ...value, source: formatReference(parseReference(value.source)) });
  } catch (error) {
    if (!(error instanceof NameInvalidError)) throw error;
    return JSON.stringify(value);
  }
}

/** @param texts has each image as JSON, on a line of its own, so that the line of a problem identifies the image */
function problemsOf(draft: Draft, texts: readonly string[], upstreams: Upstreams): readonly Problem[] {
  const store = { endpoint: 'https://store.invalid', bucket: 'b' };
  // Only names that the draft wrote as variables are variables, even if another text looks like one.
  const environment = Object.fromEntries([...draft.variables].map((name) => [name, 'x']));
  const rest = JSON.stringify({ store, upstreams }).slice(1);
  const text = `{"images":[\n${texts.join(',\n')}\n],${rest}`;
  try {
    parseConfiguration(draft.file.name, text, environment);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.problems;
  }
}

/** @returns the images without the refused ones. An image of which only the platforms are refused stays, with all platforms */
function withoutRefused(
  draft: Draft,
  images: readonly DraftImage[],
  problems: readonly Problem[],
): readonly DraftImage[] {
  const byImage = Map.groupBy(problems, positionOf);
  const strays = byImage.get(undefined);
  if (strays !== undefined) throw new ConfigurationError(draft.file.name, strays);
  const refused = new Set<number>();
  return images.flatMap((image, index) => {
    // If two entries select one tag, the first entry keeps the tag.
    const own = (byImage.get(index) ?? []).filter(
      ({ other }) => other === undefined || (other < index && !refused.has(other)),
    );
    if (own.length === 0) return image;
    const { platforms, ...rest } = image.value;
    if (platforms !== undefined && own.every(({ key }) => key.startsWith(`images[${index}].platforms`))) {
      const instead = `All platforms are mirrored instead of ${platforms.join(', ')}.`;
      draft.lose(image.path, `${sentencesOf(draft, own, images)} ${instead}`);
      return { path: image.path, value: rest, note: image.note };
    }
    refused.add(index);
    // A sentence about one item would suggest that the entry's other items were carried.
    const isItem = own.some(({ key }) => /^images\[\d+\]\.(?:tags|digests)\b/.test(key));
    const whole = isItem ? ` So nothing of ${image.value.source} is carried.` : '';
    draft.lose(image.path, `${sentencesOf(draft, own, images)}${whole}`);
    return [];
  });
}

/** Returns the position of the image that a problem is about. */
function positionOf({ key }: Problem): number | undefined {
  const [, position] = /^images\[(\d+)\]/.exec(key) ?? [];
  return position === undefined ? undefined : Number(position);
}

function lineText(draft: Draft, path: Path): string {
  const line = draft.file.lineOf(path);
  return line === undefined ? 'another entry' : `line ${line}`;
}

/**
 * Makes sentences with the lines of the other tool's file. Only the last key of a path is named, because nobody sees
 * the text that was checked.
 */
function sentencesOf(draft: Draft, problems: readonly Problem[], images: readonly DraftImage[]): string {
  const sentences = problems.map((problem) => {
    const [last = ''] = /[A-Za-z]\w*$/.exec(problem.key) ?? [];
    const message = messageOf(draft, problem, images);
    return last === '' || last === 'images' ? message : `${last}: ${message}`;
  });
  return [...new Set(sentences)].join(' ');
}

function messageOf(draft: Draft, { message, other }: Problem, images: readonly DraftImage[]): string {
  const image = other === undefined ? undefined : images[other];
  if (other === undefined || image === undefined) return message;
  const checked = new RegExp(String.raw`\bline ${LINES_BEFORE + other + 1}\b`);
  return message.replace(checked, () => lineText(draft, image.path));
}
