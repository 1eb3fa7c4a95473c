/** The objects that the scrub checks: those that a repository's index says are stored. */
import type { Digest } from '../../../core/digest.ts';
import type { Repository, Tag } from '../../../core/reference.ts';
import type { IndexEntry } from '../../../core/repository-index.ts';
import { joinPlatforms } from '../selection/platform.ts';
import type { LostObject } from './scrub-state.ts';
import type { Root, Step } from './scrub-walk.ts';

/** An object that was stored for a root. */
export interface ScrubbedObject {
  readonly repository: Repository;
  readonly root: NamedRoot;
  readonly kind: 'blob' | 'manifest';
  readonly digest: Digest;
  /** In bytes; 0 for a manifest. */
  readonly size: number;
  /** Whether clients can fetch it elsewhere, so that it may never have been stored. */
  readonly isForeign: boolean;
}

/** A root with the tag that names it in messages. */
export interface NamedRoot extends Root {
  /** One of the tags that need it; undefined for a pin. */
  readonly tag: Tag | undefined;
}

/** @returns each digest once, with all platforms that it is stored for */
export function rootsOf(entries: readonly IndexEntry[]): readonly NamedRoot[] {
  const roots = new Map<Digest, NamedRoot>();
  for (const entry of entries) {
    const { digest, platforms } = entry;
    const known = roots.get(digest);
    const tag = 'tag' in entry ? entry.tag : undefined;
    roots.set(
      digest,
      known === undefined
        ? { digest, platforms, tag }
        : { digest, platforms: joinPlatforms(known.platforms, platforms), tag: known.tag ?? tag },
    );
  }
  return [...roots.values()];
}

/** @returns the object to check; undefined for a manifest, which the walk has read */
export function objectOf(
  repository: Repository,
  roots: ReadonlyMap<Digest, NamedRoot>,
  { kind, digest, path, descriptor }: Step,
): ScrubbedObject | undefined {
  const [first = digest] = path;
  const root = roots.get(first);
  if (kind === 'manifest' || root === undefined) return undefined;
  const isForeign = descriptor?.urls !== undefined;
  const size = descriptor?.size ?? 0;
  return { repository, root, kind: kind === 'blob' ? 'blob' : 'manifest', digest, size, isForeign };
}

/** @returns a name with the repository, because a blob that several repositories share has a link in each of them */
export function nameOf({
  repository,
  kind,
  digest,
  size,
}: Pick<ScrubbedObject, 'repository' | 'kind' | 'digest' | 'size'>): string {
  return `${repository} ${kind} ${digest} ${size}`;
}

export function recordOf({ repository, root, kind, digest, size }: ScrubbedObject): LostObject {
  return { repository, root: root.digest, kind, digest, size };
}
