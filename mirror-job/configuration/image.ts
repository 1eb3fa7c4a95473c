/** Interprets one entry of `images`: its source, its tags and digests, and its name. */
import { resolve } from 'node:path';
import { isDigest, type Digest } from '../../core/digest.ts';
import {
  looksLikeUpstream,
  parseReference,
  parseRepository,
  pathOf,
  upstreamOf,
  type Reference,
  type Repository,
  type Tag,
} from '../../core/reference.ts';
import { DEFAULT_SETTINGS, type DigestName } from '../engine/image.ts';
import type { Retention } from '../engine/maintenance/retention.ts';
import type { ImageConfiguration, ImageDefaults } from './configuration.ts';
import { interpretMoves } from './moves.ts';
import type { Path } from './path.ts';
import { interpretPlatforms } from './platforms.ts';
import type { Problems } from './problems.ts';
import type { ImageFile } from './schema.ts';
import { interpretImageRetention } from './retention.ts';
import { interpretTags } from './tags.ts';

/** An entry that is mirrored from a source. */
export type SourceFile = ImageFile & { readonly source: string };

/** The path of an entry in the file, and the defaults for it. */
export interface ImageContext {
  readonly path: Path;
  /** The path of the source: `images[0].source`, or `images[0]` in the short form. */
  readonly sourcePath: Path;
  readonly line: number | undefined;
  /** The place of the entry in `images`, from 0. */
  readonly position: number;
  /** The folder against which relative paths are resolved. */
  readonly folder: string;
  readonly defaults: ImageDefaults;
  /** The mirror's. */
  readonly retention: Retention | undefined;
}

/** Creates an entry that has only a source and the name under which it is served. Everything else has its default. */
export function bareImage(
  source: ImageConfiguration['source'],
  repository: Repository,
  defaults: ImageDefaults,
): ImageConfiguration {
  const nowhere = { line: undefined, position: undefined };
  return { ...DEFAULT_SETTINGS, ...defaults, source, repository, public: false, ...nowhere };
}

/** @returns undefined, after adding a problem, if the entry has no source that further checks could use */
export function interpretImage(
  input: SourceFile,
  context: ImageContext,
  problems: Problems,
): ImageConfiguration | undefined {
  const { path, defaults, retention: base } = context;
  const source = interpretSource(input, context, problems);
  const tags = interpretTags(input.tags ?? [], [...path, 'tags'], problems);
  const digests = interpretDigests(input.digests ?? [], [...path, 'digests'], problems);
  const referrersEveryMs =
    problems.interval(input.referrers, [...path, 'referrers']) ?? defaults.referrersEveryMs;
  const platforms = interpretPlatforms(input.platforms, defaults.platforms, [...path, 'platforms'], problems);
  const moves = interpretMoves(input.moves, [...path, 'moves'], problems, defaults.moves);
  const retention = interpretImageRetention(input.retention, [...path, 'retention'], problems, base);
  if (source === undefined) return undefined;
  const isEmpty = [...source.tags, ...source.digests, ...(input.digests ?? [])].length === 0;
  if (isEmpty && !tags.selectsAny) {
    problems.add(
      path,
      "nothing selects tags or digests. Add a tag to the reference, as in docker.io/library/alpine:3.20, or tags: ['*'] for all of them, or digests.",
    );
  }
  return {
    ...bareImage(source.from, source.repository, defaults),
    tags: { rules: tags.rules, explicit: [...new Set([...source.tags, ...tags.explicit])] },
    digests: [...new Set([...source.digests, ...digests])],
    digestName: source.digestName,
    platforms,
    referrersEveryMs,
    moves,
    immutable: tags.immutable,
    ...(retention !== undefined && { retention }),
    public: input.public ?? false,
    line: context.line,
    position: context.position,
  };
}

/** The part of an entry that its reference and its name determine. */
interface InterpretedSource {
  readonly from: ImageConfiguration['source'];
  readonly repository: Repository;
  /** The tags that the reference selects. */
  readonly tags: readonly Tag[];
  readonly digests: readonly Digest[];
  readonly digestName: DigestName | undefined;
}

function interpretSource(
  input: SourceFile,
  { path, sourcePath, folder }: ImageContext,
  problems: Problems,
): InterpretedSource | undefined {
  const name = input.name === undefined ? undefined : interpretName(input.name, [...path, 'name'], problems);
  if (input.source.startsWith('oci:')) {
    if (input.name === undefined) {
      problems.add(path, 'an image layout needs a name to be served under, as in name: images.internal/app.');
    }
    if (name === undefined) return undefined;
    const from = { kind: 'layout', folder: resolve(folder, input.source.slice('oci:'.length)) } as const;
    return { from, repository: name, tags: [], digests: [], digestName: undefined };
  }
  const [scheme] = /^[a-z][a-z0-9+-]*:\/\//i.exec(input.source) ?? [];
  if (scheme !== undefined) {
    problems.add(
      sourcePath,
      `leave out "${scheme}": a source is a host and a path, as in docker.io/library/alpine.`,
    );
    return undefined;
  }
  const [, image, pattern] = /^([^@]*[^@:/]):([^@:/]*[*?[\]{}|][^@:/]*)$/.exec(input.source) ?? [];
  if (pattern !== undefined) {
    problems.add(
      sourcePath,
      `a pattern of tags belongs under tags. Write { source: "${image}", tags: ["${pattern}"] }.`,
    );
    return undefined;
  }
  const reference = problems.parsed(sourcePath, () => parseReference(input.source));
  if (reference === undefined) return undefined;
  const { repository } = reference;
  return {
    from: { kind: 'registry', upstream: upstreamOf(repository), path: pathOf(repository) },
    repository: name ?? repository,
    ...selectionIn(reference),
  };
}

/** Returns the tags and digests that a reference selects. If it has a tag and a digest, only the digest counts, as in docker. */
export function selectionIn({
  tag,
  digest,
}: Reference): Pick<InterpretedSource, 'tags' | 'digests' | 'digestName'> {
  if (digest === undefined)
    return { tags: tag === undefined ? [] : [tag], digests: [], digestName: undefined };
  return { tags: [], digests: [digest], digestName: tag === undefined ? undefined : { digest, tag } };
}

function interpretName(text: string, path: Path, problems: Problems): Repository | undefined {
  const [first = ''] = text.split('/', 1);
  if (!first.includes(':') && !looksLikeUpstream(first)) {
    problems.add(path, `its first part has to look like a host, as in "images.internal/${text}".`);
    return undefined;
  }
  return problems.parsed(path, () => parseRepository(text));
}

function interpretDigests(texts: readonly string[], path: Path, problems: Problems): Digest[] {
  return texts.flatMap((text, index) => {
    if (isDigest(text)) return [text];
    problems.add(
      [...path, index],
      `"${text.slice(0, 200)}" is not a digest (sha256: and 64, or sha512: and 128, lower-case hexadecimal digits).`,
    );
    return [];
  });
}
