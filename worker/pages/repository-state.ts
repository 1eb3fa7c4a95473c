/** The state of one repository, as its page shows it. */
import { RegistryError } from '../../core/error.ts';
import { stateKey, tagKey, tagListKey } from '../../core/layout.ts';
import { isHeld } from '../../core/held.ts';
import type { HeldLine, Overview } from '../../core/overview.ts';
import { isTag, type Repository, type Tag } from '../../core/reference.ts';
import type { DescribedManifest, DescribedTag } from '../../core/repository-description.ts';
import { isReferrerTag } from '../../core/tag-list.ts';
import { readDescription } from '../cache/page-objects.ts';
import type { TagContent } from '../cache/object-kind.ts';
import type { EdgeObjects } from '../cache/edge-objects.ts';
import type { Configuration } from '../configuration/configuration.ts';
import type { RequestContext } from '../isolate/request-context.ts';
import type { RepositoryRequest } from '../request/page-request.ts';
import { DIGESTS_ONLY } from '../request/request.ts';
import { findOptional } from './readable-mirror.ts';

/** A tag of which no run has left a description: only its name is known. */
export type ListedTag = DescribedTag | { readonly tag: Tag };

export interface RepositoryState {
  /** The newest first, by the order of versions. Empty if the edge answers digests only. */
  readonly tags: readonly ListedTag[];
  readonly pins: readonly DescribedManifest[];
  /** Of all tags and pins, each digest once, if the edge answers digests only. */
  readonly manifests: readonly DescribedManifest[];
  /** How many of the tags are held, and how many upstream lacks. */
  readonly held: number;
  readonly gone: number;
  /** When a run last looked at all of it. ISO 8601, UTC. */
  readonly checked: string | undefined;
  /** The tag that the page shows in full. */
  readonly selected: ListedTag | undefined;
  /** Why the selected tag was held in the last run that looked at it. */
  readonly heldLine: HeldLine | undefined;
  /** The mirror's answer for the selected tag, if it is not described. */
  readonly stored: TagContent | undefined;
}

/** @throws {RegistryError} NAME_UNKNOWN for a repository, and MANIFEST_UNKNOWN for a tag, that is not there */
export async function readRepository(
  context: RequestContext,
  objects: EdgeObjects,
  { catalogs, tags: hasTags }: Pick<Configuration, 'catalogs' | 'tags'>,
  { name: { repository }, tag }: RepositoryRequest,
): Promise<RepositoryState> {
  if (!hasTags && tag !== undefined) throw new RegistryError('MANIFEST_UNKNOWN', DIGESTS_ONLY);
  const [described, overview] = await Promise.all([
    readDescription(context, objects, catalogs, repository).catch(ignoreRefusal),
    findOverview(context, objects, catalogs, repository),
  ]);
  const isWhole = described !== undefined && described.tagCount <= described.tags.length;
  const listed = isWhole ? undefined : await objects.tagLists.find(context, tagListKey(repository));
  if (described === undefined && listed === undefined) {
    throw new RegistryError('NAME_UNKNOWN', `There is no repository ${repository} here.`);
  }
  const pins = described?.pins ?? [];
  const tagsOfDescription = described?.tags ?? [];
  const line = overview?.repositories.find(({ name }) => name === repository);
  // The tags themselves know of a movement by hand, and the overview only after the next run.
  const counts = {
    held: isWhole ? described.tags.filter(isHeld).length : (line?.held ?? 0),
    gone: isWhole ? described.tags.filter(({ gone }) => gone !== undefined).length : (line?.gone ?? 0),
    checked: line?.checked,
  };
  if (!hasTags) {
    const manifests = [...new Map([...tagsOfDescription, ...pins].map((one) => [one.digest, one])).values()];
    return {
      ...counts,
      tags: [],
      pins: [],
      manifests,
      selected: undefined,
      heldLine: undefined,
      stored: undefined,
    };
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
  const heldLine = overview?.held.find((one) => one.repository === repository && one.tag === shownTag?.tag);
  return { ...counts, tags, pins, manifests: [], selected: shownTag, heldLine, stored: stored?.value };
}

/** A description that is damaged is as good as none: the list of tags is left. */
function ignoreRefusal(error: unknown): undefined {
  if (!(error instanceof RegistryError)) throw error;
}

/** @returns that of the first configuration that has the repository; undefined if none has */
async function findOverview(
  context: RequestContext,
  objects: EdgeObjects,
  catalogs: readonly string[],
  repository: Repository,
): Promise<Overview | undefined> {
  for (const catalog of catalogs) {
    const found = await findOptional(context, objects.overviews, stateKey(catalog, 'overview.json'));
    const overview = found?.value.content;
    if (overview?.repositories.some(({ name }) => name === repository) === true) return overview;
  }
  return undefined;
}

const VERSIONS = new Intl.Collator('en', { numeric: true });

/** Adds the tags that no run has described, after the others. */
function withOthers(described: readonly DescribedTag[], names: readonly string[]): readonly ListedTag[] {
  const known = new Set<string>(described.map(({ tag }) => tag));
  const others = names.filter((name): name is Tag => isTag(name) && !known.has(name) && !isReferrerTag(name));
  const sorted = others.toSorted(
    (one, other) => Number(isVersion(other)) - Number(isVersion(one)) || VERSIONS.compare(other, one),
  );
  return [...described, ...sorted.map((tag) => ({ tag }))];
}

function isVersion(tag: Tag): boolean {
  return /^v?\d/.test(tag);
}
