/** A bucket in memory that runs mirror into, and what it has for the pages. */
import { decodeOverview, type Overview } from '../../../../core/overview.ts';
import { parseRepository, type Repository as RepositoryName } from '../../../../core/reference.ts';
import { descriptionKey, repositoryIndexKey, stateKey } from '../../../../core/layout.ts';
import { decodeDescription, type RepositoryDescription } from '../../../../core/repository-description.ts';
import { readRepositoryIndex } from '../../../../core/repository-index.ts';
import { decodeRuns, type RunSummary } from '../../../../core/run-history.ts';
import type { RunReport } from '../../../../mirror-job/engine/report.ts';
import { runMirror, type RunOptions } from '../../../../mirror-job/engine/run/run.ts';
import { emptyRepository, type Repository } from '../../../support/content.ts';
import { environmentFor, imageOf, TestClock, type ImageOptions } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

export const APP = parseRepository('mirror.test/app');

interface FixtureRun extends Pick<RunOptions, 'clusters' | 'isPartial'> {
  readonly only?: readonly string[];
  readonly name?: string;
  /** The end of a key. The run is told to stop when it writes it. */
  readonly stopsAt?: string;
}

export class DescriptionFixture {
  readonly clock = new TestClock();
  store = new MemoryStore();
  readonly upstreams = new Map<string, Repository>();
  /** The log of the last run. */
  logged: readonly string[] = [];

  /** @returns what upstream has under a name */
  upstream(name = 'app'): Repository {
    const content = this.upstreams.get(name) ?? emptyRepository();
    this.upstreams.set(name, content);
    return content;
  }

  /** A run an hour later, of all upstreams or of some. Its calls alone are in the store afterwards. */
  async run(options: ImageOptions & FixtureRun = {}): Promise<RunReport> {
    const {
      only = [...this.upstreams.keys()],
      name = 'default',
      clusters,
      isPartial = false,
      stopsAt,
      ...image
    } = options;
    this.clock.advance(3_600_000);
    this.store.calls.length = 0;
    const stop = new AbortController();
    if (stopsAt !== undefined) {
      this.store.before = (call, key) => {
        if (call === 'put' && key.endsWith(stopsAt)) stop.abort(new Error('stopped'));
      };
    }
    const environment = environmentFor(this.store, { clock: this.clock, signal: stop.signal });
    const images = only.map((one) =>
      imageOf(new MemorySource(`source.test/${one}`, this.upstream(one)), `mirror.test/${one}`, image),
    );
    const report = await runMirror(environment, name, images, {
      scrubs: false,
      isPartial,
      ...(clusters !== undefined && { clusters }),
    });
    this.logged = environment.logged;
    return report;
  }

  description(name = 'default', repository: RepositoryName = APP): RepositoryDescription {
    const key = descriptionKey(name, repository);
    return decodeDescription(key, this.#bytes(key));
  }

  overview(): Overview {
    const key = stateKey('default', 'overview.json');
    return decodeOverview(key, this.#bytes(key));
  }

  runs(): readonly RunSummary[] {
    const key = stateKey('default', 'runs.json');
    return decodeRuns(key, this.#bytes(key));
  }

  /** The configurations for which the index says that the description has all. */
  marks(): readonly string[] {
    const key = repositoryIndexKey(APP);
    return readRepositoryIndex(key, this.#bytes(key)).describedFor;
  }

  #bytes(key: string): Uint8Array {
    const object = this.store.objects.get(key);
    if (object === undefined) throw new Error(`There is no ${key}.`);
    return object.bytes;
  }
}
