/** What the page of one repository shows. */
import { RegistryError } from '../../core/error.ts';
import { stateKey, tagKey, tagListKey } from '../../core/layout.ts';
import type { RepositoryLine } from '../../core/overview.ts';
import { isTag, type Repository, type Tag } from '../../core/reference.ts';
import type { DescribedManifest, DescribedTag } from '../../core/repository-description.ts';
import { isReferrerTag } from '../../core/tag-list.ts';
import { readDescription } from '../cache/page-objects.ts';
import type { TagContent } from '../cache/object-kind.ts';
import type { EdgeObjects } from '../cache/edge-objects.ts';
import type { Configuration } from '../configuration/configuration.ts';
import type { RequestContext } from '../isolate/request-context.ts';
import type { RepositoryRequest } from '../request/page-request.ts';
import { findOptional } from './readable-mirror.ts';

/** A tag of which no run has left a description: only its name is known. */
export type ListedTag = DescribedTag | { readonly tag: Tag };

export interface RepositoryState {
  /** The newest first, by the order of versions. Empty if the edge answers digests only. */
  readonly tags: readonly ListedTag[];
  readonly pins: readonly DescribedManifest[];
  /** Of all tags and pins, each digest once, if the edge answers digests only. */
  readonly manifests: readonly DescribedManifest[];
  readonly line: RepositoryLine | undefined;
  /** The tag that the page shows in full. */
  readonly selected: ListedTag | undefined;
  /** What the mirror answers for the selected tag, if it is not described. */
  readonly stored: TagContent | undefined;
}

/** @throws {RegistryError} NAME_UNKNOWN for a repository, and MANIFEST_UNKNOWN for a tag, that is not there */
export async function readRepository(
  context: RequestContext,
  objects: EdgeObjects,
  { catalogs, tags: hasTags }: Pick<Configuration, 'catalogs' | 'tags'>,
  { name: { repository }, tag }: RepositoryRequest,
): Promise<RepositoryState> {
  const [described, line] = await Promise.all([
    readDescription(context, objects, catalogs, repository).catch(ignoreRefusal),
    findLine(context, objects, catalogs, repository),
  ]);
  const isWhole = described !== undefined && described.tagCount <= described.tags.length;
  const listed = isWhole ? undefined : await objects.tagLists.find(context, tagListKey(repository));
  if (described === undefined && listed === undefined) {
    throw new RegistryError('NAME_UNKNOWN', `There is no repository ${repository} here.`);
  }
  const pins = described?.pins ?? [];
  const tagsOfDescription = described?.tags ?? [];
  if (!hasTags) {
    const manifests = [...new Map([...tagsOfDescription, ...pins].map((one) => [one.digest, one])).values()];
    return { tags: [], pins: [], manifests, line, selected: undefined, stored: undefined };
  }
  const tags = withOthers(tagsOfDescription, listed?.value.texts() ?? []);
  const selected = tag === undefined ? tags[0] : tags.find((one) => one.tag === tag);
  const isDescribed = selected !== undefined && 'digest' in selected;
  const asked = selected?.tag ?? tag;
  const stored =
    asked === undefined || isDescribed
      ? undefined
      : await objects.tags.find(context, tagKey(repository, asked));
  if (tag !== undefined && selected === undefined && stored === undefined) {
    throw new RegistryError('MANIFEST_UNKNOWN', `There is no tag ${tag} in ${repository} here.`);
  }
  const shownTag = selected ?? (tag === undefined ? undefined : { tag });
  return { tags, pins, manifests: [], line, selected: shownTag, stored: stored?.value };
}

/** A description that is damaged is as good as none: the list of tags is left. */
function ignoreRefusal(error: unknown): undefined {
  if (!(error instanceof RegistryError)) throw error;
}

async function findLine(
  context: RequestContext,
  objects: EdgeObjects,
  catalogs: readonly string[],
  repository: Repository,
): Promise<RepositoryLine | undefined> {
  for (const name of catalogs) {
    const found = await findOptional(context, objects.overviews, stateKey(name, 'overview.json'));
    const line = found?.value.content.repositories.find((one) => one.name === repository);
    if (line !== undefined) return line;
  }
  return undefined;
}

const VERSIONS = new Intl.Collator('en', { numeric: true });
const isVersion = (tag: string) => Number(/^v?\d/.test(tag));

/** Adds the tags that no run has described, after the others. */
function withOthers(described: readonly DescribedTag[], names: readonly string[]): readonly ListedTag[] {
  const known = new Set<string>(described.map(({ tag }) => tag));
  const others = names.filter((name): name is Tag => isTag(name) && !known.has(name) && !isReferrerTag(name));
  const sorted = others.toSorted(
    (one, other) => isVersion(other) - isVersion(one) || VERSIONS.compare(other, one),
  );
  return [...described, ...sorted.map((tag) => ({ tag }))];
}
