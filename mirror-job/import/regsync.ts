/**
 * Reads a configuration of regsync.
 * https://regclient.org/usage/regsync/#configuration-file
 */
import { NameInvalidError, formatReference, parseReference, type Reference } from '../../core/reference.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import type { Path } from '../configuration/path.ts';
import { Draft, type DraftImageValue } from './draft.ts';
import { entriesOf, listOf, textOf, type ForeignFile } from './foreign-file.ts';
import { readCredentials, readTemplate } from './regsync-credentials.ts';
import { tagsOf } from './regsync-tags.ts';

const TIMER = 'a run is started from outside, by a timer or a scheduled workflow (infra/README.md).';

/** Keys, in `defaults` and in each entry, that have no equivalent in lifeboat.yaml, each with the reason. */
const LOST: ReadonlyMap<string, string> = new Map(
  Object.entries({
    backup: 'no copy of a tag is kept under another name.',
    cleanupTags: 'a run deletes nothing from the bucket.',
    cleanupTagsExclude: 'a run deletes nothing from the bucket.',
    hooks: 'a run starts no commands.',
    includeExternal: 'layers that are kept elsewhere are left there.',
    interval: TIMER,
    mediaTypes: 'every media type is mirrored, as it is.',
    referrerFilters: 'either all referrers are mirrored, or none.',
    referrerSource: 'referrers are looked for where the image is.',
    referrerTarget: 'referrers are stored with their image.',
    repos: 'repositories are listed by name: write one entry for each.',
    schedule: TIMER,
    skipDockerConfig:
      'docker’s logins are used where an upstream has no credentials: set credentials: [] at the upstream for none.',
  }),
);

/** The keys that only say how regsync works. */
const INTERNAL_KEYS: ReadonlySet<string> = new Set([
  'cacheCount',
  'blobLimit',
  'cacheTime',
  'digestTags',
  'fastCheck',
  'fastCopy',
  'forceRecursive',
  'parallel',
  'referrerSlow',
  'userAgent',
]);

/** The keys that are carried over. */
const CARRIED_KEYS: ReadonlySet<string> = new Set([
  'source',
  'target',
  'type',
  'tags',
  'tagSets',
  'platform',
  'platforms',
  'referrers',
  'ratelimit',
]);

/** Reads the file. It never fails: settings that cannot be carried over are among the draft's losses. */
export function readRegsync(file: ForeignFile): Draft {
  const draft = new Draft(file, 'a regsync configuration');
  const { defaults, sync, creds } = file.json;
  for (const [key, value] of Object.entries(file.json)) {
    if (['version', 'creds', 'defaults', 'sync'].includes(key) || key.startsWith('x-')) continue;
    draft.lose([key], `Lifeboat knows no such key of regsync. ${shown(value)}`.trim());
  }
  loseKeys(draft, ['defaults'], defaults);
  const inherited = isObject(defaults) ? defaults : {};
  for (const [index, entry] of listOf(sync).entries()) readEntry(draft, ['sync', index], entry, inherited);
  readCredentials(draft, creds, limitsOf(file.json));
  return draft;
}

/** Finds `ratelimit.min` of each source. */
function limitsOf({ defaults, sync }: JsonObject): { source: string; min: number; path: Path }[] {
  return listOf(sync).flatMap((entry, index) => {
    if (!isObject(entry)) return [];
    const own = isObject(entry['ratelimit']) ? entry['ratelimit']['min'] : undefined;
    const all =
      isObject(defaults) && isObject(defaults['ratelimit']) ? defaults['ratelimit']['min'] : undefined;
    const min = own ?? all;
    const path = own === undefined ? ['defaults', 'ratelimit'] : ['sync', index, 'ratelimit'];
    const source = textOf(entry['source']);
    return typeof min === 'number' && min > 0 && source !== undefined ? [{ source, min, path }] : [];
  });
}

function loseKeys(draft: Draft, path: Path, value: unknown): void {
  for (const [key, setting] of entriesOf(value)) {
    const reason = LOST.get(key);
    // A setting that is switched off is no loss.
    if (reason !== undefined && setting !== false) draft.lose([...path, key], reason);
    else if (
      reason === undefined &&
      !INTERNAL_KEYS.has(key) &&
      !CARRIED_KEYS.has(key) &&
      !key.startsWith('x-')
    )
      draft.lose([...path, key], `Lifeboat knows no such key of regsync. ${shown(setting)}`.trim());
  }
}

/** Returns a sentence with the value, or an empty text if the value could be a secret. */
function shown(value: unknown): string {
  return typeof value === 'boolean' || typeof value === 'number' ? `Its value is ${value}.` : '';
}

function readEntry(draft: Draft, path: Path, entry: unknown, defaults: JsonObject): void {
  if (!isObject(entry)) return draft.lose(path, 'it is not a map of keys.');
  const written = textOf(entry['source']);
  if (written === undefined) return draft.lose(path, 'it has no source.');
  const source = readTemplate(draft, written);
  if (source === undefined) {
    return draft.lose([...path, 'source'], 'Lifeboat cannot read its template. Write the value instead.');
  }
  loseKeys(draft, path, entry);
  const target = textOf(entry['target']) ?? '';
  const type = textOf(entry['type']) ?? 'repository';
  if (type === 'registry') {
    return draft.lose(
      path,
      'a whole registry cannot be mirrored: write one entry for each repository of it.',
    );
  }
  if (type !== 'repository' && type !== 'image') {
    return draft.lose([...path, 'type'], 'regsync has the types repository, image and registry.');
  }
  const listed = draft.texts([...path, 'platforms'], entry['platforms']);
  if (listed === undefined) return;
  const single = textOf(entry['platform']);
  const platforms = single === undefined ? listed : [...listed, single];
  const referrers = entry['referrers'] ?? defaults['referrers'];
  const common = {
    ...(platforms.length > 0 && { platforms }),
    // Without the key, regsync copies no referrers. Lifeboat mirrors them then, and leaves them out only if the file
    // refuses them.
    ...(referrers === false && { referrers: false as const }),
  };
  const note = target === '' ? undefined : `copied to ${withoutSecret(target)}`;
  for (const value of valuesOf(draft, path, entry, source, target, type)) {
    draft.images.push({ path, value: { ...value, ...common }, note });
  }
}

function withoutSecret(target: string): string {
  return target.replace(/\{\{.*?\}\}/gs, '…').replaceAll(/\s+/g, ' ');
}

function valuesOf(
  draft: Draft,
  path: Path,
  entry: JsonObject,
  source: string,
  target: string,
  type: string,
): DraftImageValue[] {
  if (source.startsWith('ocidir://')) return layoutOf(draft, path, entry, source, target, type);
  if (type !== 'image') return tagsOf(draft, path, entry).map((tags) => ({ source, tags }));
  const reference = read(source);
  if (reference === undefined) return [{ source }];
  if (reference.digest !== undefined) {
    loseTag(draft, path, target, undefined);
    return [{ source: formatReference(reference) }];
  }
  const tag = reference.tag ?? 'latest';
  loseTag(draft, path, target, tag);
  return [{ source: reference.tag === undefined ? `${source}:latest` : source }];
}

/** Reports a target with another tag than the source's, because an image is served under its own tag. */
function loseTag(draft: Draft, path: Path, target: string, tag: string | undefined): void {
  const wanted = read(target)?.tag;
  if (wanted === undefined || wanted === tag) return;
  draft.lose(
    [...path, 'target'],
    tag === undefined
      ? `the image is served under its digest only, not under the tag "${wanted}".`
      : `the image is served under its own tag "${tag}", not as "${wanted}".`,
  );
}

function read(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch (error) {
    if (error instanceof NameInvalidError) return undefined;
    throw error;
  }
}

/** Reads a layout. A folder has no name of its own, so its images are served under the target's name. */
function layoutOf(
  draft: Draft,
  path: Path,
  entry: JsonObject,
  source: string,
  target: string,
  type: string,
): DraftImageValue[] {
  const [, folder = '', tag] = /^ocidir:\/\/(.*?)(?::([\w][\w.-]*))?$/.exec(source) ?? [];
  const reference = read(target);
  if (reference === undefined) {
    draft.lose(path, 'a layout needs a name to be served under, and the target is not one.');
    return [];
  }
  const name = formatReference({ repository: reference.repository, tag: undefined, digest: undefined });
  const from = { source: `oci:${folder}`, name };
  if (type === 'image') return [{ ...from, tags: [tag ?? 'latest'] }];
  return tagsOf(draft, path, entry).map((tags) => Object.assign({ tags }, from));
}
