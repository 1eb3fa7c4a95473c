/** Divides a run among upstreams. Pure. */
import { formatUpstream } from '../../core/reference.ts';
import type { ImageConfiguration } from '../configuration/configuration.ts';

/** The repositories that one instance mirrors. */
export interface UpstreamPlan {
  /** The registry's host. */
  readonly upstream: string;
  readonly repositories: readonly string[];
}

/**
 * Each repository belongs to one upstream, because its images share an index. A repository with images of several upstreams
 * belongs to that of its first image.
 */
export function planUpstreams(
  images: readonly Pick<ImageConfiguration, 'repository' | 'source'>[],
): UpstreamPlan[] {
  const plans = new Map<string, string[]>();
  const planned = new Set<string>();
  for (const { repository, source } of images) {
    if (source.kind !== 'registry' || planned.has(repository)) continue;
    planned.add(repository);
    const upstream = formatUpstream(source.upstream);
    const repositories = plans.get(upstream) ?? [];
    plans.set(upstream, repositories);
    repositories.push(repository);
  }
  return [...plans].map(([upstream, repositories]) => ({ upstream, repositories }));
}
