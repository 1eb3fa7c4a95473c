/** The tags that a layout's `index.json` leads to, and the referrers of each manifest. */
import { REF_NAME } from '../../../core/bucket-object.ts';
import { parseDescriptor, type Descriptor } from '../../../core/descriptor.ts';
import type { Digest } from '../../../core/digest.ts';
import { isObject } from '../../../core/json.ts';
import { ManifestInvalidError, parseManifest, type Manifest } from '../../../core/manifest.ts';
import {
  NameInvalidError,
  isTag,
  parseReference,
  type Reference,
  type Repository,
  type Tag,
} from '../../../core/reference.ts';
import { isReferrerTag, referrersTag } from '../../../core/tag-list.ts';
import { isLayer } from '../../engine/graph/edges.ts';
import { SourceError } from '../../engine/source.ts';

export interface LayoutContents {
  readonly tags: ReadonlyMap<Tag, Descriptor>;
  /** The manifests that index.json lists without a tag. */
  readonly unnamed: readonly Digest[];
  /** As `Source.referrers`: a layout has no API to ask, so every manifest has been looked at. */
  readonly referrers: (subject: Digest, limit: number) => readonly Descriptor[];
}

/** The most entries of index.json. A registry may list as many tags. */
const MAX_ENTRIES = 200_000;
/** The most entries of all indexes below it: those of 60,000 tags with 8 platforms and 8 attestations each, which index.json can list. */
const MAX_LISTED = 1_000_000;
/** Manifests that are remembered. Each takes some 200 bytes. */
const MAX_REMEMBERED = 400_000;

/** containerd's own annotation: the whole reference, beside a `ref.name` that is the tag alone. */
const IMAGE_NAME = 'io.containerd.image.name';

/** The files that the lists of a layout name. */
export interface Manifests {
  /** False for those that the layout lacks, without a look at the disk. */
  readonly mayHave: (digest: Digest) => boolean;
  /** A manifest's bytes, or undefined where the layout lacks it. */
  readonly read: (digest: Digest) => Promise<Uint8Array | undefined>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * @param where how messages call the layout
 * @param repository whose tags are wanted, where the layout's entries name several repositories
 * @throws {SourceError}, what `read` throws, and the signal's reason
 */
export async function readContents(
  where: string,
  index: unknown,
  repository: Repository | undefined,
  manifests: Manifests,
): Promise<LayoutContents> {
  const list: unknown = isObject(index) ? index['manifests'] : undefined;
  if (!Array.isArray(list)) throw new SourceError(`${where}: index.json has no list of manifests.`);
  if (list.length > MAX_ENTRIES) {
    throw new SourceError(
      `${where}: index.json lists ${list.length} manifests, and ${MAX_ENTRIES} is the most that Lifeboat reads of one layout.`,
    );
  }
  const entries = list.map((entry, position) => parseEntry(entry, `entry ${position} of index.json`, where));
  const tags = collectTags(where, entries, repository);
  const roots = entries.map(({ descriptor }) => descriptor);
  const unnamed = entries.flatMap(({ tag, descriptor }) => (tag === undefined ? [descriptor.digest] : []));
  return { tags, unnamed, referrers: await collectReferrers(where, roots, tags, manifests) };
}

interface Entry {
  readonly descriptor: Descriptor;
  readonly tag: Tag | undefined;
  /** Only where the layout says it. */
  readonly repository: Repository | undefined;
}

function parseEntry(value: unknown, position: string, where: string): Entry {
  let descriptor: Descriptor;
  try {
    descriptor = parseDescriptor(value, position);
  } catch (error) {
    throw new SourceError(`${where}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  const { [REF_NAME]: name, [IMAGE_NAME]: image } = descriptor.annotations ?? {};
  if (name === undefined) return { descriptor, tag: undefined, repository: undefined };
  if (isTag(name)) return { descriptor, tag: name, repository: repositoryIn(image) };
  // Some tools write a whole reference, or what of one is not the repository: "@sha256:…", which has no tag.
  const reference = referenceIn(name);
  const last = name.includes('@') ? '' : name.slice(name.lastIndexOf(':') + 1);
  return {
    descriptor,
    tag: reference?.tag ?? (isTag(last) ? last : undefined),
    repository: reference?.repository ?? repositoryIn(image),
  };
}

function repositoryIn(reference: string | undefined): Repository | undefined {
  return reference === undefined ? undefined : referenceIn(reference)?.repository;
}

function referenceIn(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch (error) {
    if (error instanceof NameInvalidError) return undefined;
    throw error;
  }
}

function collectTags(
  where: string,
  entries: readonly Entry[],
  wanted: Repository | undefined,
): ReadonlyMap<Tag, Descriptor> {
  const repositories = new Set(entries.flatMap(({ repository }) => repository ?? []));
  const isShared = repositories.size > 1;
  if (isShared && wanted !== undefined && !repositories.has(wanted)) {
    const known = [...repositories].toSorted().join(', ');
    throw new SourceError(
      `${where} holds several repositories (${known}), and ${wanted} is none of them. Give one of these as the image's name.`,
    );
  }
  const tags = new Map<Tag, Descriptor>();
  for (const { descriptor, tag, repository } of entries) {
    if (tag === undefined || (isShared && wanted !== undefined && (repository ?? wanted) !== wanted))
      continue;
    const other = tags.get(tag);
    if (other !== undefined && other.digest !== descriptor.digest) {
      throw new SourceError(
        `${where}: index.json gives the tag "${tag}" to two manifests, ${other.digest} and ${descriptor.digest}. Keep one of them.`,
      );
    }
    tags.set(tag, descriptor);
  }
  return tags;
}

/**
 * Looks at every manifest below the roots for a `subject`, and at the tags that list referrers the old way. Somebody else
 * may have made the layout: such a list is kept once and read when it is asked for, because thousands of images may name it.
 */
async function collectReferrers(
  where: string,
  roots: readonly Descriptor[],
  tags: ReadonlyMap<Tag, Descriptor>,
  { mayHave, read, signal }: Manifests,
): Promise<LayoutContents['referrers']> {
  const bySubject = new Map<Digest, Map<Digest, Descriptor>>();
  const lists = new Map<Digest, ReadonlyMap<Digest, Descriptor>>();
  const visited = new Set<Digest>();
  const tagged = new Set([...tags].filter(([tag]) => isReferrerTag(tag)).map(([, { digest }]) => digest));
  const queue: Descriptor[] = [];
  const enqueue = (one: Descriptor): void => {
    if (visited.has(one.digest) || isLayer(one) || !mayHave(one.digest)) return;
    visited.add(one.digest);
    queue.push(one);
  };
  const tooMany = (what: string): SourceError =>
    new SourceError(
      `${where}: ${what}, which is the most that Lifeboat reads of one layout. Split it into several layouts.`,
    );
  for (const root of roots) enqueue(bare(root));
  let listed = 0;
  let kept = 0;
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    signal?.throwIfAborted();
    const bytes = await read(next.digest);
    // A manifest that is none, or that is missing, fails the tag that needs it, not the whole layout.
    const manifest = bytes === undefined ? undefined : parseLeniently(bytes, next.mediaType);
    if (bytes === undefined || manifest === undefined) continue;
    if (manifest.subject !== undefined) {
      const { digest: subject } = manifest.subject;
      const known = bySubject.get(subject) ?? new Map<Digest, Descriptor>();
      bySubject.set(
        subject,
        known.set(next.digest, { mediaType: manifest.mediaType, digest: next.digest, size: bytes.length }),
      );
    }
    listed += manifest.manifests.length;
    if (listed > MAX_LISTED) throw tooMany(`its indexes list more than ${MAX_LISTED} manifests in all`);
    const children = manifest.manifests.map(bare);
    for (const child of children) enqueue(child);
    if (tagged.has(next.digest)) {
      kept += children.length;
      lists.set(next.digest, new Map(children.map((one) => [one.digest, one])));
    }
    if (visited.size + kept > MAX_REMEMBERED) {
      throw tooMany(`it has more than ${MAX_REMEMBERED} manifests and entries of lists of referrers`);
    }
  }
  return (subject, limit) => {
    const found = new Map<Digest, Descriptor>();
    const list = tags.get(referrersTag(subject));
    for (const referrers of [bySubject.get(subject), list && lists.get(list.digest)]) {
      for (const [digest, referrer] of referrers ?? []) {
        if (found.size > limit) return [...found.values()];
        if (!found.has(digest)) found.set(digest, referrer);
      }
    }
    return [...found.values()];
  };
}

/** Without annotations, which come with the manifests: here they would only take memory. */
function bare({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}

function parseLeniently(bytes: Uint8Array, mediaType: string): Manifest | undefined {
  try {
    return parseManifest(bytes, mediaType);
  } catch (error) {
    if (error instanceof ManifestInvalidError) return undefined;
    throw error;
  }
}
