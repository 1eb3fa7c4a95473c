/** The text of a lifeboat.yaml for a draft. What the configuration's own rules refuse is not in it, and is said. */
import { Document, isMap, isNode, isSeq } from 'yaml';
import { ConfigurationError, type Problem } from '../configuration/configuration-error.ts';
import { parseConfiguration } from '../configuration/load.ts';
import type { Draft, DraftImage, DraftImageValue, DraftUpstream } from './draft.ts';

type Upstreams = Readonly<Record<string, DraftUpstream['value']>>;

const STORE = {
  endpoint: '${S3_ENDPOINT}',
  bucket: 'lifeboat',
  region: 'auto',
  accessKeyId: '${S3_ACCESS_KEY_ID}',
  secretAccessKey: '${S3_SECRET_ACCESS_KEY}',
};

export interface Composed {
  /** A configuration that `loadConfiguration` takes, once its variables are set; undefined where nothing is left. */
  readonly text: string | undefined;
  readonly images: number;
}

/** Adds to the draft's losses what the configuration does not take. */
export function compose(draft: Draft): Composed {
  const upstreams = acceptUpstreams(draft);
  const accepted = draft.images.flatMap((image) => acceptImage(draft, image) ?? []);
  const images = acceptTogether(draft, accepted, upstreams);
  if (images.length === 0) return { text: undefined, images: 0 };
  return { text: write(draft, images, upstreams), images: images.length };
}

/** What is wrong with a configuration of these images, or undefined. */
function complaintAbout(
  draft: Draft,
  images: readonly DraftImageValue[],
  upstreams: Upstreams = {},
): string | undefined {
  const store = { endpoint: 'https://store.invalid', bucket: 'b' };
  // What the draft did not write as a variable is none, however much it looks like one.
  const environment = Object.fromEntries([...draft.variables].map((name) => [name, 'x']));
  try {
    parseConfiguration(draft.file.name, JSON.stringify({ store, upstreams, images }), environment);
    return undefined;
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    // Of two that want one tag each is told of the other.
    return [...new Set(error.problems.map((problem) => sentenceOf(problem)))].join(' ');
  }
}

/** Without the place, which is one in a text that nobody sees: only the last key of it tells something. */
function sentenceOf({ key, message }: Problem): string {
  const [last = ''] = /[A-Za-z]\w*$/.exec(key) ?? [];
  const text = message.replace(/\bline 1\b/, 'an entry above');
  return last === '' || last === 'images' ? text : `${last}: ${text}`;
}

function acceptImage(draft: Draft, image: DraftImage): DraftImage | undefined {
  const complaint = complaintAbout(draft, [image.value]);
  if (complaint === undefined) return image;
  const { platforms, ...rest } = image.value;
  if (platforms !== undefined && complaintAbout(draft, [rest]) === undefined) {
    draft.lose(image.path, `${complaint} All platforms are mirrored instead of ${platforms.join(', ')}.`);
    return { ...image, value: rest };
  }
  draft.lose(image.path, complaint);
  return undefined;
}

function acceptUpstreams(draft: Draft): Upstreams {
  const accepted: Record<string, DraftUpstream['value']> = {};
  const probe = [{ source: 'a.b/c:1' }];
  for (const { host, value, path } of draft.upstreams) {
    const together = { ...accepted[host], ...value };
    const complaint = complaintAbout(draft, probe, { [host]: together });
    if (complaint === undefined) accepted[host] = together;
    else draft.lose(path, complaint);
  }
  return accepted;
}

/** Two entries that are right alone can both want the same tag. */
function acceptTogether(draft: Draft, images: readonly DraftImage[], upstreams: Upstreams): DraftImage[] {
  const values = images.map(({ value }) => value);
  if (values.length === 0 || complaintAbout(draft, values, upstreams) === undefined) return [...images];
  const accepted: DraftImage[] = [];
  for (const image of images) {
    const complaint = complaintAbout(
      draft,
      [...accepted, image].map(({ value }) => value),
      upstreams,
    );
    if (complaint === undefined) accepted.push(image);
    else draft.lose(image.path, complaint);
  }
  return accepted;
}

function write(draft: Draft, images: readonly DraftImage[], upstreams: Upstreams): string {
  const document = new Document({
    store: STORE,
    ...(Object.keys(upstreams).length > 0 && { upstreams }),
    images: images.map(({ value }) => (isShort(value) ? value.source : value)),
  });
  document.commentBefore = [
    ` Written by "lifeboat import" from ${draft.file.name}, ${draft.kind}.`,
    ' What it copied to a registry is served from this store, under its upstream name.',
    ' An image that upstream does not show to everybody needs public: true, or a store with audience: token.',
  ].join('\n');
  const list = document.get('images');
  if (isSeq(list)) {
    for (const [index, { path, note }] of images.entries()) {
      const item = list.items[index];
      if (!isNode(item)) continue;
      item.commentBefore = ` ${[draft.file.placeOf(path), ...(note === undefined ? [] : [note])].join(', ')}`;
      flow(item);
    }
  }
  const text = document.toString({ lineWidth: 0, singleQuote: true, flowCollectionPadding: false });
  return text.replaceAll(/\n(?=(?:upstreams|images):)/g, '\n\n');
}

function isShort(value: DraftImageValue): boolean {
  return Object.keys(value).length === 1;
}

/** Lists stand on one line, as people write them. */
function flow(item: unknown): void {
  if (!isMap(item)) return;
  for (const { value } of item.items) {
    if (isSeq(value)) value.flow = true;
    else flow(value);
  }
}
