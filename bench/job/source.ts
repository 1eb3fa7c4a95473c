/** Starts the registry from which all tools mirror. It is filled once, and is behind one link. */
import type { Digest, Repository } from '../../test/support/content.ts';
import { pushManifest, pushRepository } from '../../test/support/push.ts';
import { startDockerRegistry, startOlareg } from '../../test/support/upstream.ts';
import { walkRegistry } from '../../test/support/walk-registry.ts';
import { WALK, tagsOf, type Expected } from './destination.ts';
import { startLink, type Link } from './link.ts';
import { registryKind, trafficOf, type Traffic } from './requests.ts';

export interface Source {
  readonly link: Link;
  fill(name: string, repository: Repository): Promise<void>;
  /** Points a tag to another digest, not through the link. */
  move(name: string, repository: Repository, tag: string, digest: Digest): Promise<void>;
  /** Reads every byte of the repository as it is now. @throws if it is not whole */
  expected(name: string, repository: Repository, moved?: Readonly<Record<string, Digest>>): Promise<Expected>;
  /** The traffic since the link's proxy was last reset. */
  traffic(): Traffic;
  stop(): Promise<void>;
}

/**
 * Starts Debian's docker-registry, because a slow registry would hide which tool sends fewer requests.
 * @param referrers starts olareg instead, which has the referrers API
 */
export async function startSource({ referrers = false } = {}): Promise<Source> {
  const registry = await (referrers ? startOlareg() : startDockerRegistry());
  const { url } = registry;
  const link = await startLink(url);
  return {
    link,
    fill: (name, repository) => pushRepository(name, repository, { url }),
    move: (name, repository, tag, digest) => pushManifest(name, repository, digest, tag, { url }),
    expected: async (name, repository, moved) => {
      const walk = await walkRegistry({ url, repository: name, ...WALK });
      if (walk.problems.length > 0) throw new Error(`The source is not whole:\n${walk.problems.join('\n')}`);
      return { walk, tags: tagsOf(repository, moved) };
    },
    traffic: () => trafficOf(link.proxy.requests, registryKind),
    stop: async () => {
      await link.proxy.stop();
      await registry.stop();
    },
  };
}
