/** Measures whether the memory of a run grows with the number of repositories and tags. Only lifeboat is measured. */
import { manyRepositories, type NamedRepository } from './content.ts';
import type { Expected } from './destination.ts';
import type { Source } from './source.ts';
import { LIFEBOAT_TOOL } from './tools.ts';
import { tryOut, type Trial } from './trial.ts';

export interface ManyRepositories {
  readonly repositories: number;
  readonly tags: number;
  readonly cold: Trial;
  readonly noop: Trial;
}

/** @param counts the numbers of repositories; each gets a run into an empty bucket, and a no-op */
export async function mirrorManyRepositories(
  source: Source,
  { counts, tagsEach }: { readonly counts: readonly number[]; readonly tagsEach: number },
  say: (text: string) => void,
): Promise<readonly ManyRepositories[]> {
  const most = Math.max(...counts);
  say(`filling the source with ${most} repositories of ${tagsEach} tags`);
  const all = await manyRepositories(most, tagsEach);
  for (const { name, repository } of all) await source.fill(name, repository);
  const found: ManyRepositories[] = [];
  for (const count of counts) found.push(await mirror(source, all.slice(0, count), say));
  return found;
}

async function mirror(
  source: Source,
  mirrored: readonly NamedRepository[],
  say: (text: string) => void,
): Promise<ManyRepositories> {
  const expected = await expectedOf(source, mirrored);
  const tags = expected.tags.size;
  const destination = await LIFEBOAT_TOOL.startDestination();
  const [repository = '', ...more] = mirrored.map(({ name }) => name);
  const step = { tool: LIFEBOAT_TOOL, source, repository, more, destination };
  // Referrers are looked for, because that is the default of our users.
  const terms = { ...step, distance: { latency: 0 }, referrersEvery: '24h' };
  try {
    say(`${tags} tags in ${mirrored.length} repositories: cold`);
    const cold = await tryOut({ ...terms, expected });
    say(`${tags} tags in ${mirrored.length} repositories: no-op`);
    const noop = await tryOut(terms);
    return { repositories: mirrored.length, tags, cold, noop };
  } finally {
    await destination.stop();
  }
}

/** Returns the expected content. No two repositories share a tag name, so all tags fit into one map. */
export async function expectedOf(source: Source, mirrored: readonly NamedRepository[]): Promise<Expected> {
  const tags = new Map<string, string>();
  let walk: Expected['walk'] | undefined;
  for (const { name, repository } of mirrored) {
    const one = await source.expected(name, repository);
    for (const [tag, digest] of one.tags) tags.set(tag, digest);
    walk = one.walk;
  }
  if (walk === undefined) throw new Error('There is nothing to mirror.');
  return { walk, tags };
}
