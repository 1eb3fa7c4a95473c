/**
 * Reads an ImageSetConfiguration of oc-mirror, v1alpha2 or v2alpha1. Its additional images are carried over. The images
 * of release payloads, operator catalogues and charts are not, because oc-mirror finds them itself, and the file does
 * not list them.
 */
import { isObject, type JsonObject } from '../../core/json.ts';
import type { Path } from '../configuration/path.ts';
import { NameInvalidError, formatReference, parseReference, type Reference } from '../../core/reference.ts';
import { Draft } from './draft.ts';
import { entriesOf, listOf, textOf, type ForeignFile } from './foreign-file.ts';

export function looksLikeImageSet({ apiVersion, kind }: JsonObject): boolean {
  return String(apiVersion).startsWith('mirror.openshift.io/') && kind === 'ImageSetConfiguration';
}

const LOST: ReadonlyMap<string, string> = new Map(
  Object.entries({
    helm: 'a chart’s images are found by rendering the chart. List them under additionalImages, or in lifeboat.yaml.',
    operators:
      'an operator’s images are found in its catalogue. List them, as `oc-mirror list operators` and the catalogue’s relatedImages have them.',
    platform:
      'a release’s images are found in its payload. List them by digest, as `oc adm release info --pullspecs` prints them.',
    samples: 'oc-mirror does not carry samples either.',
  }),
);

const LOST_ON_TOP: ReadonlyMap<string, string> = new Map(
  Object.entries({
    archiveSize: '"lifeboat export" writes one archive, of any size.',
  }),
);

/** Reads the file. It never fails: settings that cannot be carried over are among the draft's losses. */
export function readImageSet(file: ForeignFile): Draft {
  const version = String(file.json['apiVersion']).split('/').at(-1) ?? '';
  const draft = new Draft(file, `an ImageSetConfiguration (${version}) of oc-mirror`);
  for (const key of Object.keys(file.json)) {
    // oc-mirror's own state has no use here, because the bucket is the state.
    if (['apiVersion', 'kind', 'mirror', 'metadata', 'storageConfig'].includes(key)) continue;
    draft.lose([key], LOST_ON_TOP.get(key) ?? 'Lifeboat knows no such key of oc-mirror.');
  }
  const mirror = isObject(file.json['mirror']) ? file.json['mirror'] : {};
  const blocked = readBlocked(mirror['blockedImages']);
  for (const [index, entry] of listOf(mirror['additionalImages']).entries()) {
    readImage(draft, ['mirror', 'additionalImages', index], entry, blocked);
  }
  for (const [key, value] of entriesOf(mirror)) {
    const path = ['mirror', key];
    if (key === 'additionalImages') continue;
    if (key === 'blockedImages') loseBlocked(draft, path, blocked);
    else if (key === 'helm')
      loseParts(draft, path, value, ['repositories', 'repos', 'local'], LOST.get('helm'));
    else if (key === 'operators' || key === 'samples') loseItems(draft, path, value, LOST.get(key));
    else draft.lose(path, LOST.get(key) ?? 'Lifeboat knows no such key of oc-mirror.');
  }
  return draft;
}

interface Blocked {
  readonly name: string;
  isUsed: boolean;
}

function readBlocked(value: unknown): Blocked[] {
  return listOf(value).map((item) => ({
    name: textOf(isObject(item) ? item['name'] : item) ?? '',
    isUsed: false,
  }));
}

function readImage(draft: Draft, path: Path, entry: unknown, blocked: readonly Blocked[]): void {
  const written = isObject(entry) ? textOf(entry['name']) : undefined;
  if (written === undefined) return draft.lose(path, 'it has no name.');
  const source = written.replace(/^docker:\/\//, '');
  if (/^(?:oci|file):/.test(source)) {
    return draft.lose(
      path,
      "a layout needs a name to be served under. Write { source: 'oci:FOLDER', name: images.internal/app, tags: ['*'] }.",
    );
  }
  const block = blocked.find(({ name }) => name === written || name === source || isBelow(source, name));
  if (block !== undefined) {
    block.isUsed = true;
    return;
  }
  for (const key of Object.keys(isObject(entry) ? entry : {})) {
    if (key === 'targetRepo' || key === 'targetTag') {
      draft.lose([...path, key], 'an image is served under its own name and tag.');
    } else if (key !== 'name') draft.lose([...path, key], 'Lifeboat knows no such key of oc-mirror.');
  }
  const reference = read(draft, path, source);
  if (reference === undefined) return;
  if (reference.digest !== undefined && reference.tag !== undefined) {
    draft.lose(
      [...path, 'name'],
      `the image is served under its digest only, not under the tag "${reference.tag}".`,
    );
  }
  // The default tag is written out, because lifeboat.yaml has no default tag.
  const isBare = reference.digest === undefined && reference.tag === undefined;
  const value = { source: `${formatReference(reference)}${isBare ? ':latest' : ''}` };
  draft.images.push({ path, value, note: undefined });
}

/** Whether a name without a tag and a digest blocks the whole repository of a source. */
function isBelow(source: string, name: string): boolean {
  return name !== '' && (source.startsWith(`${name}:`) || source.startsWith(`${name}@`));
}

function read(draft: Draft, path: Path, source: string): Reference | undefined {
  try {
    return parseReference(source);
  } catch (error) {
    if (!(error instanceof NameInvalidError)) throw error;
    draft.lose([...path, 'name'], error.message);
    return undefined;
  }
}

function loseBlocked(draft: Draft, path: Path, blocked: readonly Blocked[]): void {
  for (const [index, { isUsed }] of blocked.entries()) {
    if (!isUsed)
      draft.lose(
        [...path, index],
        'it blocks nothing, because the images that it could block are not carried.',
      );
  }
}

function loseParts(draft: Draft, path: Path, value: unknown, keys: readonly string[], reason = ''): void {
  for (const key of keys) {
    if (isObject(value)) loseItems(draft, [...path, key], value[key], reason);
  }
}

function loseItems(draft: Draft, path: Path, value: unknown, reason = ''): void {
  for (const index of listOf(value).keys()) draft.lose([...path, index], reason);
}
