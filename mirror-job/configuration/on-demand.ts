/** Interprets one entry of `onDemand`: the images that are mirrored when a client has asked for them. */
import { DOCKER_HUB, parseUpstream } from '../../core/reference.ts';
import type { Selection } from '../engine/selection/selection.ts';
import type { ImageDefaults, OnDemandRule } from './configuration.ts';
import { interpretMoves } from './moves.ts';
import type { Path } from './path.ts';
import { parsePathPattern } from './pattern.ts';
import { interpretPlatforms } from './platforms.ts';
import type { Problems } from './problems.ts';
import type { OnDemandFile, TagsFile } from './schema.ts';
import { interpretTags } from './tags.ts';

const DEFAULT_MAX_BLOB_BYTES = 4 * 1024 ** 3;

/** The path of an entry in the file, and the defaults for it. */
export interface OnDemandContext {
  readonly path: Path;
  /** The path of the source: `onDemand[0].source`, or `onDemand[0]` in the short form. */
  readonly sourcePath: Path;
  readonly line: number | undefined;
  readonly defaults: ImageDefaults;
}

/** @returns undefined, after adding a problem, if the entry has no source that could be used */
export function interpretOnDemand(
  input: OnDemandFile,
  { path, sourcePath, line, defaults }: OnDemandContext,
  problems: Problems,
): OnDemandRule | undefined {
  const source = interpretSource(input.source, sourcePath, problems);
  const { selection, immutable } = interpretSelection(input.tags, [...path, 'tags'], problems);
  const maxBlobBytes =
    input.maxSize === undefined ? undefined : problems.size(input.maxSize, [...path, 'maxSize']);
  const referrersEveryMs = problems.interval(input.referrers, [...path, 'referrers']);
  const platforms = interpretPlatforms(input.platforms, defaults.platforms, [...path, 'platforms'], problems);
  const moves = interpretMoves(input.moves, [...path, 'moves'], problems, defaults.moves);
  if (source === undefined) return undefined;
  return {
    ...source,
    tags: selection,
    isForDigests: input.tags === undefined,
    platforms,
    referrersEveryMs: referrersEveryMs ?? defaults.referrersEveryMs,
    moves,
    immutable,
    maxBlobBytes: maxBlobBytes ?? DEFAULT_MAX_BLOB_BYTES,
    public: input.public ?? false,
    line,
  };
}

function interpretSource(
  text: string,
  path: Path,
  problems: Problems,
): Pick<OnDemandRule, 'upstream' | 'path'> | undefined {
  const refuse = (message: string): undefined => {
    problems.add(path, message);
    return undefined;
  };
  const [scheme] = /^[a-z][a-z0-9+-]*:\/\//i.exec(text) ?? [];
  if (scheme !== undefined) {
    return refuse(`leave out "${scheme}": a source is a host and a pattern, as in docker.io/library/*.`);
  }
  if (text.startsWith('oci:')) {
    return refuse('an OCI layout cannot be mirrored on demand. List it under images.');
  }
  const slash = text.indexOf('/');
  if (slash === -1) {
    return refuse(
      `it needs a host and a pattern, as in docker.io/library/*. "${text.slice(0, 200)}" has no slash.`,
    );
  }
  const host = text.slice(0, slash);
  const pattern = text.slice(slash + 1);
  if (/[*?[\]{}()!|+]/.test(host)) {
    return refuse(
      'the host must not be a pattern, because then anybody who may pull could choose which hosts the job asks. Write an entry for each host.',
    );
  }
  const upstream = problems.parsed(path, () => parseUpstream(host));
  if (upstream === undefined) return undefined;
  if (/[@:]/.test(pattern)) {
    return refuse('leave out the tag or digest: which tags are mirrored belongs under tags.');
  }
  if (upstream === DOCKER_HUB && !pattern.includes('/') && pattern !== '**') {
    return refuse(
      `each path of Docker Hub has two parts. Write docker.io/library/${pattern} for official images, or docker.io/** for all.`,
    );
  }
  const matcher = problems.parsed(path, () => parsePathPattern(pattern));
  return matcher === undefined ? undefined : { upstream, path: matcher };
}

function interpretSelection(
  input: TagsFile | string[] = {},
  path: Path,
  problems: Problems,
): { readonly selection: Selection; readonly immutable: OnDemandRule['immutable'] } {
  const { selectsAny, immutable, explicit, rules } = interpretTags(
    Array.isArray(input) ? input : withDefault(input, path, problems),
    path,
    problems,
  );
  if (!selectsAny) problems.add(path, 'it selects no tag. Leave the key out for all tags.');
  return { selection: { explicit, rules }, immutable };
}

/** Selects all tags if the file does not say which. */
function withDefault({ latest, minTags, ...tags }: TagsFile, path: Path, problems: Problems): TagsFile {
  for (const [key, value] of Object.entries({ latest, minTags })) {
    if (value === undefined) continue;
    problems.add(
      [...path, key],
      'it counts the tags of a list, and on demand no tags are listed. Leave it out.',
    );
  }
  const { include, semver, suffix, precision } = tags;
  const isDefault = [include, semver, suffix, precision].every((value) => value === undefined);
  return isDefault ? { ...tags, include: ['*'] } : tags;
}
