/** A registry with a repository or two, small enough for whole runs in workerd, and the configuration that mirrors it. */
import { addImage, addIndex, addLayer, AMD64, ARM64, tagAs, type Descriptor } from '../../support/builder.ts';
import { emptyRepository, repositoryOf, type Corpus, type Repository } from '../../support/content.ts';
import { startRogueRegistry, type RogueOptions, type RogueRegistry } from '../../support/rogue-registry.ts';

export class SmallRegistry {
  readonly corpus: Corpus;
  readonly registry: RogueRegistry;
  /** The host by which the job reaches it: its own, or that of a proxy in front of it. */
  host: string;

  private constructor(corpus: Corpus, registry: RogueRegistry) {
    this.corpus = corpus;
    this.registry = registry;
    this.host = registry.host;
  }

  /** @param names those of its repositories, which are empty */
  static async start(
    names: readonly string[],
    options: Omit<RogueOptions, 'corpus'> = {},
  ): Promise<SmallRegistry> {
    const corpus = { repositories: new Map(names.map((name) => [name, emptyRepository()] as const)) };
    return new SmallRegistry(corpus, await startRogueRegistry({ corpus, ...options }));
  }

  repository(name: string): Repository {
    return repositoryOf(this.corpus, name);
  }

  /** Adds an image for two platforms, with blobs of its own, and tags it. */
  async tag(name: string, seed: string, ...tags: readonly string[]): Promise<Descriptor> {
    const repository = this.repository(name);
    const shared = await addLayer(repository, `${seed} of both`, { size: 3000 });
    const children = [];
    for (const platform of [AMD64, ARM64]) {
      const own = await addLayer(repository, `${seed} ${platform.architecture}`, { size: 1000 });
      children.push(addImage(repository, { platform, layers: [shared, own] }));
    }
    const index = addIndex(repository, children);
    tagAs(repository, index, ...tags);
    return index;
  }

  /** @returns the name under which a repository is served */
  serving(name: string): string {
    return `${this.host.replace(':', '_')}/${name}`;
  }

  /** @param settings further ones of the upstream */
  configuration(settings: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    return {
      upstreams: { [this.host]: { insecure: true, ...settings } },
      images: [...this.corpus.repositories.keys()].map((name) => ({
        source: `${this.host}/${name}`,
        tags: ['*'],
      })),
    };
  }

  /** @returns how often each kind of request came since `forget` */
  requestsByKind(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { method, kind } of this.registry.requests) {
      const name = `${method} ${kind}`;
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  }

  /** Forgets the requests so far, and misbehaves no longer. */
  reset(): void {
    this.registry.misbehave(undefined);
    this.registry.requests.length = 0;
  }

  stop(): Promise<void> {
    return this.registry.stop();
  }
}

/** @returns the text of lifeboat.yaml for the Worker, whose store is its binding or its variables */
export function textOf(configuration: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ store: { endpoint: '${S3_ENDPOINT}', bucket: 'unused' }, ...configuration });
}
