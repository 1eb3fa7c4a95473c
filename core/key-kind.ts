/** Finds out what a key of the bucket names. It is the inverse of `layout.ts`. */
import { isDigest, type Digest } from './digest.ts';
import { BLOBS, STATE, blobOfKey } from './layout.ts';
import { isTag, NameInvalidError, parseRepository, type Repository, type Tag } from './reference.ts';

export type KeyKind =
  | { readonly kind: 'blob'; readonly digest: Digest }
  | {
      readonly kind: 'link' | 'manifest' | 'referrers';
      readonly repository: Repository;
      readonly digest: Digest;
    }
  | { readonly kind: 'tag' | 'movement'; readonly repository: Repository; readonly tag: Tag }
  | { readonly kind: 'tag list' | 'index'; readonly repository: Repository }
  | { readonly kind: 'state' };

export type Mutability = 'immutable' | 'mutable';

/**
 * Whether the object at a key can change once it is written. The whole system goes by this.
 *
 * `immutable`: the key fixes the content. A digest names its bytes, and a movement is written once under its own time and
 * run. So a copy is right for ever, an object of the right size is the right one, and any store that has it may answer.
 *
 * `mutable`: the key names something that moves. So a copy goes stale, a write needs a condition, and a store that lags
 * may answer something that is no longer true.
 */
export const MUTABILITY = {
  blob: 'immutable',
  link: 'immutable',
  manifest: 'immutable',
  movement: 'immutable',
  tag: 'mutable',
  'tag list': 'mutable',
  referrers: 'mutable',
  index: 'mutable',
  state: 'mutable',
} as const satisfies Record<KeyKind['kind'], Mutability>;

const KEY = new RegExp(
  String.raw`^repositories/(?<name>.+?)/_(?:(?<file>tags|index)\.json|` +
    String.raw`tags/(?<tag>[^/]+)|history/(?<moved>[^/]+)/[^/]+|` +
    String.raw`(?<folder>blobs|manifests|referrers)/(?<algorithm>[^/]+)/(?<hex>[^/]+))$`,
);

const FOLDERS: Readonly<Record<string, 'link' | 'manifest' | 'referrers'>> = {
  blobs: 'link',
  manifests: 'manifest',
  referrers: 'referrers',
};

/** @returns undefined for a key that the layout does not have, and for `lifeboat.json` */
export function kindOfKey(key: string): KeyKind | undefined {
  if (key.startsWith(STATE)) return { kind: 'state' };
  if (key.startsWith(BLOBS)) {
    const digest = blobOfKey(key);
    return digest === undefined ? undefined : { kind: 'blob', digest };
  }
  const { name, file, tag, moved, folder, algorithm, hex } = KEY.exec(key)?.groups ?? {};
  const repository = name === undefined ? undefined : repositoryOf(name);
  if (repository === undefined) return undefined;
  if (file !== undefined) return { kind: file === 'tags' ? 'tag list' : 'index', repository };
  if (tag !== undefined) return isTag(tag) ? { kind: 'tag', repository, tag } : undefined;
  if (moved !== undefined) return isTag(moved) ? { kind: 'movement', repository, tag: moved } : undefined;
  const kind = FOLDERS[folder ?? ''];
  const digest = `${algorithm}:${hex}`;
  return kind === undefined || !isDigest(digest) ? undefined : { kind, repository, digest };
}

/** Accepts a name only in its normalised form, because the layout has no other. */
function repositoryOf(name: string): Repository | undefined {
  try {
    const repository = parseRepository(name);
    return repository === name ? repository : undefined;
  } catch (error) {
    if (error instanceof NameInvalidError) return undefined;
    throw error;
  }
}
