/** A whole mirror as pages show it: the objects of all configurations together, cut to what the caller may read. */
import { RegistryError } from '../../core/error.ts';
import { stateKey } from '../../core/layout.ts';
import type { HeldLine, RepositoryLine } from '../../core/overview.ts';
import { NameInvalidError, parseRepository, type Repository } from '../../core/reference.ts';
import type { EdgeObjects } from '../cache/edge-objects.ts';
import { readMirrorState } from '../cache/page-objects.ts';
import type { Cached, ReadThroughCache } from '../cache/read-through-cache.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { mayRead, type Token } from '../configuration/token.ts';
import { visibleState, type VisibleState } from '../monitoring/visible-state.ts';
import type { RequestContext } from '../isolate/request-context.ts';

/** A repository of which the bucket tells no more than the name, as one that an older job has mirrored. */
export type ListedRepository = RepositoryLine | { readonly name: Repository };

export interface ReadableMirror {
  /** Sorted by name. */
  readonly repositories: readonly ListedRepository[];
  /** Oldest first. */
  readonly held: readonly HeldLine[];
  readonly heldCount: number;
  readonly configurations: readonly VisibleState[];
}

/**
 * Reads an object that a page can do without.
 * @returns undefined also if it is damaged, or its store fails
 */
export async function findOptional<T>(
  context: RequestContext,
  cache: ReadThroughCache<T>,
  key: string,
): Promise<Cached<T> | undefined> {
  try {
    return await cache.find(context, key);
  } catch (error) {
    if (error instanceof RegistryError) return undefined;
    throw error;
  }
}

/** @throws {RegistryError} UNAVAILABLE when nothing can be read */
export async function readMirror(
  context: RequestContext,
  objects: EdgeObjects,
  { catalogs }: Pick<Configuration, 'catalogs'>,
  token: Token | undefined,
  withDrills: boolean,
): Promise<ReadableMirror> {
  const configurations = await Promise.all(
    catalogs.map(async (name) =>
      visibleState(await readMirrorState(context, objects, name, withDrills), token),
    ),
  );
  const listed = await Promise.all(
    configurations.map(
      async ({ mirror, overview }) => overview?.repositories ?? listedAlone(context, objects, mirror),
    ),
  );
  const lines = new Map<string, ListedRepository>();
  for (const line of listed.flat()) {
    if (token !== undefined && !mayRead(token, line.name)) continue;
    const earlier = lines.get(line.name);
    lines.set(line.name, earlier === undefined ? line : merged(earlier, line));
  }
  const repositories = [...lines.values()].toSorted((one, other) => (one.name < other.name ? -1 : 1));
  const held = new Map<string, HeldLine>();
  for (const line of configurations.flatMap(({ overview }) => overview?.held ?? [])) {
    if (lines.has(line.repository)) held.set(`${line.repository}:${line.tag}`, line);
  }
  return {
    repositories,
    held: [...held.values()].toSorted((one, other) => (one.since < other.since ? -1 : 1)),
    heldCount: repositories.reduce((sum, line) => sum + ('held' in line ? line.held : 0), 0),
    configurations,
  };
}

/** The catalogue is what a job wrote before it wrote an overview. */
async function listedAlone(
  context: RequestContext,
  objects: EdgeObjects,
  name: string,
): Promise<readonly { readonly name: Repository }[]> {
  const catalog = await objects.catalogs.find(context, stateKey(name, 'catalog.json'));
  return (catalog?.value.texts() ?? []).flatMap((text) => {
    try {
      return [{ name: parseRepository(text) }];
    } catch (error) {
      if (error instanceof NameInvalidError) return [];
      throw error;
    }
  });
}

/** Two configurations may mirror one repository. Both describe the same tags, so the fuller line is the later one. */
function merged(one: ListedRepository, other: ListedRepository): ListedRepository {
  if (!('tags' in one)) return other;
  if (!('tags' in other)) return one;
  return one.tags + one.pins >= other.tags + other.pins ? one : other;
}
