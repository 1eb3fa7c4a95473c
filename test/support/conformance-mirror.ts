/** Makes a bucket that `lifeboat sync` fills from real registries, for the conformance suite. */
import { repositoryOf } from './content.ts';
import { buildCorpus } from './corpus.ts';
import { pushRepository } from './push.ts';
import { startS3Server, type S3Server } from './s3-server.ts';
import { sync } from './sync.ts';
import { startDockerRegistry, startOlareg } from './upstream.ts';
import type { Repository } from './content.ts';

export interface Mirrored {
  /** The repository's name at the edge. */
  readonly name: string;
  readonly content: Repository;
}

export interface ConformanceMirror {
  readonly store: S3Server;
  /** @throws if this repository was not mirrored */
  get(repository: string): Mirrored;
  stop(): Promise<void>;
}

export interface Origin {
  /** A repository of the corpus. */
  readonly repository: string;
  /** The name under which it is pushed, if it differs from the corpus' name. */
  readonly as?: string;
  /** The registry to push to. docker-registry accepts no sha512 manifests, and has no referrers API. */
  readonly from: 'docker-registry' | 'olareg';
}

/**
 * Fills the bucket. The registries are stopped before the function returns.
 * @throws if a program is missing, or the job does not mirror everything
 */
export async function startConformanceMirror(origins: readonly Origin[]): Promise<ConformanceMirror> {
  const corpus = await buildCorpus();
  const mirrored = new Map<string, Mirrored>();
  const store = await startS3Server();
  const upstreams: { stop(): Promise<void> }[] = [];
  try {
    const distribution = await startDockerRegistry();
    upstreams.push(distribution);
    const olareg = await startOlareg();
    upstreams.push(olareg);
    for (const { repository, as = repository, from } of origins) {
      const { url, host } = from === 'olareg' ? olareg : distribution;
      const content = repositoryOf(corpus, repository);
      await pushRepository(as, content, { url });
      mirrored.set(repository, { name: `${host.replace(':', '_')}/${as}`, content });
    }
    const { code, stderr } = await sync(store, {
      upstreams: { [distribution.host]: { insecure: true }, [olareg.host]: { insecure: true } },
      images: origins.map(({ repository, as = repository, from }) => ({
        source: `${from === 'olareg' ? olareg.host : distribution.host}/${as}`,
        tags: ['*'],
      })),
    });
    if (code !== 0) throw new Error(`lifeboat sync ended with ${code}:\n${stderr}`);
  } catch (error) {
    await store.stop();
    throw error;
  } finally {
    for (const upstream of upstreams) await upstream.stop();
  }
  return {
    store,
    get: (repository) => {
      const found = mirrored.get(repository);
      if (found === undefined) throw new Error(`${repository} was not mirrored for this.`);
      return found;
    },
    stop: async () => store.stop(),
  };
}
