/** The registry that all mirror from, filled once, behind one link. */
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
  /** Points a tag of it elsewhere, past the link. */
  move(name: string, repository: Repository, tag: string, digest: Digest): Promise<void>;
  /** Reads every byte of it as it is now. @throws when it is not whole */
  expected(name: string, repository: Repository, moved?: Readonly<Record<string, Digest>>): Promise<Expected>;
  /** Since the link's proxy forgot what it had counted. */
  traffic(): Traffic;
  stop(): Promise<void>;
}

/**
 * Debian's docker-registry, because one that is slow would hide who asks less.
 * @param referrers whether it has the API for them, which olareg has
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
