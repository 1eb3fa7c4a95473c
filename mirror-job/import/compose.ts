/** Writes the lifeboat.yaml of a draft. An entry that the configuration's own rules refuse is left out, and reported. */
import { Document, isMap, isNode, isSeq, visit } from 'yaml';
import { printable, printableLines } from '../../core/printable.ts';
import { acceptImages, acceptUpstreams, type Upstreams } from './accept.ts';
import type { Draft, DraftImage, DraftImageValue } from './draft.ts';

const STORE = {
  endpoint: '${S3_ENDPOINT}',
  bucket: 'lifeboat',
  region: 'auto',
  accessKeyId: '${S3_ACCESS_KEY_ID}',
  secretAccessKey: '${S3_SECRET_ACCESS_KEY}',
};

export interface Composed {
  /** A configuration that `loadConfiguration` accepts once its variables are set; undefined if no image remains. */
  readonly text: string | undefined;
  readonly images: number;
}

/** Writes the configuration, and adds the entries that its rules refuse to the draft's losses. */
export function compose(draft: Draft): Composed {
  const upstreams = acceptUpstreams(draft);
  const images = acceptImages(draft, upstreams);
  if (images.length === 0) return { text: undefined, images: 0 };
  return { text: write(draft, images, upstreams), images: images.length };
}

function write(draft: Draft, images: readonly DraftImage[], upstreams: Upstreams): string {
  const document = new Document({
    store: STORE,
    ...(Object.keys(upstreams).length > 0 && { upstreams }),
    images: images.map(({ value }) => (isShort(value) ? value.source : value)),
  });
  document.commentBefore = [
    ` Written by "lifeboat import" from ${printable(draft.file.name)}, ${draft.kind}.`,
    ' Images that it copied to a registry are served from this store, under their upstream names.',
    ' An image that upstream does not show to everybody needs public: true, or a store with audience: token.',
  ].join('\n');
  const list = document.get('images');
  if (isSeq(list)) {
    for (const [index, { path, note }] of images.entries()) {
      const item = list.items[index];
      if (!isNode(item)) continue;
      const comment = [draft.file.positionOf(path), ...(note === undefined ? [] : [note])].join(', ');
      // A line break would end the comment and begin a key.
      item.commentBefore = ` ${printable(comment)}`;
      flow(item);
    }
  }
  quoteUnprintable(document);
  const text = document.toString({
    lineWidth: 0,
    singleQuote: true,
    flowCollectionPadding: false,
    doubleQuotedMinMultiLineLength: Infinity,
  });
  return printableLines(text).replaceAll(/\n(?=(?:upstreams|images):)/g, '\n\n');
}

/** Puts unprintable texts in double quotes, because YAML reads escapes only there. */
function quoteUnprintable(document: Document): void {
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value === 'string' && printable(node.value) !== node.value) node.type = 'QUOTE_DOUBLE';
    },
  });
}

function isShort(value: DraftImageValue): boolean {
  return Object.keys(value).length === 1;
}

/** Writes lists on one line, as people do. */
function flow(item: unknown): void {
  if (!isMap(item)) return;
  for (const { value } of item.items) {
    if (isSeq(value)) value.flow = true;
    else flow(value);
  }
}
