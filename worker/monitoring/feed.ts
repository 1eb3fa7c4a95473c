/**
 * The versions of a repository, as Renovate's custom datasource reads them (docs/feed.md).
 * https://docs.renovatebot.com/modules/datasource/custom/
 */
import type { Digest } from '../../core/digest.ts';
import type { Tag } from '../../core/reference.ts';
import type { RepositoryDescription } from '../../core/repository-description.ts';

interface Release {
  readonly version: Tag;
  /** When the mirror first saw the digest that the tag has. ISO 8601, UTC. */
  readonly releaseTimestamp: string;
  readonly digest: Digest;
  /** Present if upstream has the tag no more: Renovate does not propose such a version. */
  readonly isDeprecated?: true;
}

/** Newest version first. */
export function feedOf({ tags }: RepositoryDescription): { readonly releases: readonly Release[] } {
  return {
    releases: tags.map(({ tag, firstSeen, digest, gone }) => ({
      version: tag,
      releaseTimestamp: firstSeen,
      digest,
      ...(gone !== undefined && { isDeprecated: true }),
    })),
  };
}
