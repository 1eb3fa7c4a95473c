/**
 * Shows how to pull images of a registry with a port from the edge, whose names cannot have a second ":" before the
 * tag.
 */
import { isDigest, type Digest } from '../../core/digest.ts';
import { formatUpstream, upstreamOf, type Repository, type Tag } from '../../core/reference.ts';

/** More lines than these would hide what the run did. */
const MAX_LINES = 5;

interface Pulled {
  readonly repository: Repository;
  readonly reference: Tag | Digest | undefined;
}

/**
 * Returns one line per repository whose registry has a port, with the first of its tags. Other repositories need no
 * line, because they have the same name at the edge.
 */
export function pullLines(images: readonly Pulled[]): string[] {
  const firsts = Map.groupBy(images.filter(hasPort), ({ repository }) => repository);
  const lines = [...firsts.values()].map(([first]) => (first === undefined ? '' : pullLineOf(first)));
  const rest = lines.length - MAX_LINES;
  return [
    ...lines.slice(0, MAX_LINES),
    ...(rest > 0 ? [`… and ${rest} more whose registry has a port: for the edge, write its ":" as "_"`] : []),
  ];
}

function hasPort({ repository }: Pulled): boolean {
  const upstream = upstreamOf(repository);
  return formatUpstream(upstream) !== upstream;
}

function pullLineOf({ repository, reference }: Pulled): string {
  const isByDigest = reference !== undefined && isDigest(reference);
  return `pull it from the edge as EDGE/${repository}${isByDigest ? '@' : ':'}${reference ?? 'TAG'}`;
}
