/** Interprets an entry of `images` that has `inUse`: the images that clusters run. */
import { parseUpstream } from '../../core/reference.ts';
import { DEFAULT_SETTINGS } from '../engine/image.ts';
import type { TagPattern } from '../engine/selection/selection.ts';
import type { ImageDefaults, InUseRule } from './configuration.ts';
import { interpretMoves } from './moves.ts';
import type { Path } from './path.ts';
import { asMatcher, parseRepositoryPattern } from './pattern.ts';
import { interpretPlatforms } from './platforms.ts';
import type { Problems } from './problems.ts';
import type { ImageFile, InUseFile } from './schema.ts';

const DAY_MS = 24 * 3_600_000;
const DEFAULT_KEEP_MS = 30 * DAY_MS;
const DEFAULT_MAX_AGE_MS = DAY_MS;
/** The lists in the bucket keep what was used for as long as this. */
export const MAX_KEEP_MS = 180 * DAY_MS;

export const BESIDE_IN_USE = 'an entry with inUse gets its images from lists. Leave this key out.';

interface InUseContext {
  readonly path: Path;
  readonly line: number | undefined;
  readonly defaults: ImageDefaults;
}

/** @returns undefined, after adding a problem, if the entry names no cluster or no host that can be used */
export function interpretInUse(
  { clusters, upstreams, include = [], exclude = [], keep, maxAge }: InUseFile,
  {
    name,
    tags,
    digests,
    platforms,
    referrers,
    moves,
    retention,
    public: isPublic,
  }: Omit<ImageFile, 'source' | 'inUse'>,
  { path, line, defaults }: InUseContext,
  problems: Problems,
): InUseRule | undefined {
  const own = [...path, 'inUse'];
  for (const [key, value] of Object.entries({ name, tags, digests, retention })) {
    if (value !== undefined) problems.add([...path, key], BESIDE_IN_USE);
  }
  const names = problems.patterns(clusters, [...own, 'clusters']).map((one) => asMatcher(one));
  const hosts = upstreams.flatMap(
    (host, index) => problems.parsed([...own, 'upstreams', index], () => parseUpstream(host)) ?? [],
  );
  const rule: InUseRule = {
    clusters: names,
    upstreams: new Set(hosts),
    include: repositoryPatterns(include, [...own, 'include'], problems),
    exclude: repositoryPatterns(exclude, [...own, 'exclude'], problems),
    keepMs: interpretKeep(keep, [...own, 'keep'], problems),
    maxAgeMs:
      (maxAge === undefined ? undefined : problems.duration(maxAge, [...own, 'maxAge'])) ??
      DEFAULT_MAX_AGE_MS,
    platforms: interpretPlatforms(platforms, defaults.platforms, [...path, 'platforms'], problems),
    referrersEveryMs: problems.interval(referrers, [...path, 'referrers']) ?? defaults.referrersEveryMs,
    moves: interpretMoves(moves, [...path, 'moves'], problems, defaults.moves),
    immutable: DEFAULT_SETTINGS.immutable,
    public: isPublic ?? false,
    line,
  };
  return names.length === 0 || hosts.length === 0 ? undefined : rule;
}

function repositoryPatterns(texts: readonly string[], path: Path, problems: Problems): readonly TagPattern[] {
  return texts.flatMap((text, index) => {
    if (!text.includes('/')) {
      problems.add(
        [...path, index],
        `write the host too, as in docker.io/library/*. "${text.slice(0, 200)}" has no slash.`,
      );
      return [];
    }
    return problems.parsed([...path, index], () => parseRepositoryPattern(text)) ?? [];
  });
}

function interpretKeep(keep: InUseFile['keep'], path: Path, problems: Problems): number {
  const keepMs = keep === undefined ? undefined : problems.duration(keep, path);
  if (keepMs !== undefined && (keepMs <= 0 || keepMs > MAX_KEEP_MS)) {
    problems.add(path, 'it must be more than 0 and at most 180d.');
  }
  return keepMs ?? DEFAULT_KEEP_MS;
}
