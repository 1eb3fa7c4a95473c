/** Which entries of a draft the configuration's own rules take. The others are lost, each with what the rules say of it. */
import { ConfigurationError, type Problem } from '../configuration/configuration-error.ts';
import { parseConfiguration } from '../configuration/load.ts';
import { formatReference, NameInvalidError, parseReference } from '../../core/reference.ts';
import type { Draft, DraftImage, DraftUpstream } from './draft.ts';

export type Upstreams = Readonly<Record<string, DraftUpstream['value']>>;

/** Lines before the first image in the text that is checked. */
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
 * All of them are checked at once, and again without those that were lost: the rules are looked at in a few steps (variables,
 * shape, meaning, what two entries both want), and each step needs one round, however many entries there are.
 */
export function acceptImages(draft: Draft, upstreams: Upstreams): readonly DraftImage[] {
  let images = distinct(draft.images);
  while (images.length > 0) {
    const texts = images.map(({ value }) => JSON.stringify(value));
    const problems = problemsOf(draft, texts, upstreams);
    if (problems.length === 0) break;
    images = withoutRefused(draft, images, problems);
  }
  return images;
}

/** What was copied to several places there is one image here. */
function distinct(images: readonly DraftImage[]): readonly DraftImage[] {
  return [...Map.groupBy(images, (image) => identityOf(image)).values()].flatMap(([first, ...others]) => {
    if (first === undefined || others.length === 0) return first ?? [];
    const same = `the same as ${others.length} below it`;
    const note = first.note === undefined ? same : `${first.note}, ${same}`;
    return { path: first.path, value: first.value, note };
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

/** @param texts each image as JSON: one a line, so that problems tell which image they mean */
function problemsOf(draft: Draft, texts: readonly string[], upstreams: Upstreams): readonly Problem[] {
  const store = { endpoint: 'https://store.invalid', bucket: 'b' };
  // What the draft did not write as a variable is none, however much it looks like one.
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

/** @returns fewer images, or some of them with all platforms */
function withoutRefused(
  draft: Draft,
  images: readonly DraftImage[],
  problems: readonly Problem[],
): readonly DraftImage[] {
  const byImage = Map.groupBy(problems, ({ key }) => Number(/^images\[(\d+)\]/.exec(key)?.[1] ?? -1));
  const strays = byImage.get(-1);
  if (strays !== undefined) throw new ConfigurationError(draft.file.name, strays);
  const refused = new Set<number>();
  return images.flatMap((image, index) => {
    // Of two entries that want one tag, the first one has it.
    const own = (byImage.get(index) ?? []).filter((problem) => {
      const other = otherOf(problem);
      return other === undefined || (other < index && !refused.has(other));
    });
    if (own.length === 0) return image;
    const { platforms, ...rest } = image.value;
    if (platforms !== undefined && own.every(({ key }) => key.startsWith(`images[${index}].platforms`))) {
      const instead = `All platforms are mirrored instead of ${platforms.join(', ')}.`;
      draft.lose(image.path, `${sentencesOf(draft, own, images)} ${instead}`);
      return { path: image.path, value: rest, note: image.note };
    }
    refused.add(index);
    draft.lose(image.path, sentencesOf(draft, own, images));
    return [];
  });
}

const OTHER_LINE = /\bline (\d+)\b/;

/** The image that a problem says to be at odds with its own. */
function otherOf({ message }: Problem): number | undefined {
  const [, line] = OTHER_LINE.exec(message) ?? [];
  return line === undefined ? undefined : Number(line) - LINES_BEFORE - 1;
}

/** Lines are those of the other tool's file, and of the place only the last key: the text that it is in nobody sees. */
function sentencesOf(draft: Draft, problems: readonly Problem[], images: readonly DraftImage[]): string {
  const sentences = problems.map((problem) => {
    const [last = ''] = /[A-Za-z]\w*$/.exec(problem.key) ?? [];
    const other = images[otherOf(problem) ?? -1];
    const line = other === undefined ? undefined : draft.file.lineOf(other.path);
    const message = problem.message.replace(
      OTHER_LINE,
      line === undefined ? 'another entry' : `line ${line}`,
    );
    return last === '' || last === 'images' ? message : `${last}: ${message}`;
  });
  return [...new Set(sentences)].join(' ');
}
