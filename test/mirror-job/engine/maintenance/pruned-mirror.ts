/** A mirror in memory that tests fill and prune, with a clock of their own. */
import { randomUUID } from 'node:crypto';
import { parseDigest } from '../../../../core/digest.ts';
import { parseRepository, parseTag } from '../../../../core/reference.ts';
import { condemn, type Condemned } from '../../../../mirror-job/engine/maintenance/condemn.ts';
import { planStore, type StorePlan } from '../../../../mirror-job/engine/maintenance/prune-plan.ts';
import {
  policies,
  type PolicyOf,
  type PruneScope,
} from '../../../../mirror-job/engine/maintenance/repository-policy.ts';
import { DEFAULT_RETENTION, type Retention } from '../../../../mirror-job/engine/maintenance/retention.ts';
import { sweep, type SweepResult } from '../../../../mirror-job/engine/maintenance/sweep.ts';
import type { RunReport } from '../../../../mirror-job/engine/report.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { FencedStore } from '../../../../mirror-job/engine/store/fenced-store.ts';
import type { Store } from '../../../../mirror-job/engine/store/store.ts';
import type { Selection } from '../../../../mirror-job/engine/selection/selection.ts';
import { addArtifact, addImage, addIndex, addLayer, AMD64, ARM64, tagAs } from '../../../support/builder.ts';
import { emptyRepository, type Repository } from '../../../support/content.ts';
import { DAY, environmentFor, imageOf, TestClock, type ImageOptions } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

export const HOUR = 3_600_000;
export const NAME = 'docker.io/library/app';

/** A store as a run has it, with or without the fence. */
export type WritersStore = Store & Pick<FencedStore, 'leave'>;

export class PrunedMirror {
  readonly store = new MemoryStore();
  readonly clock = new TestClock();
  readonly content: Repository = emptyRepository();
  readonly source = new MemorySource('mirror.test/app', this.content);
  /** The image's settings, as the configuration has them by now. */
  options: ImageOptions = {};
  retention: Retention | undefined = { ...DEFAULT_RETENTION, history: 2 };
  used: PruneScope['used'] = [];
  others: PruneScope['others'] = new Map();
  #runs = 0;

  constructor() {
    this.store.now = () => this.clock.now();
  }

  get signal(): AbortSignal {
    return new AbortController().signal;
  }

  /** Adds an index with two platforms and an attached SBOM, and moves the tag to it. */
  async push(tag: string, seed = `${tag} ${randomUUID()}`): Promise<string> {
    const layers = [await addLayer(this.content, seed), await addLayer(this.content, `base of ${tag}`)];
    const arm = addImage(this.content, {
      layers: [await addLayer(this.content, `${seed} arm`)],
      platform: ARM64,
    });
    const index = addIndex(this.content, [addImage(this.content, { layers, platform: AMD64 }), arm]);
    addArtifact(this.content, {
      artifactType: 'application/spdx+json',
      subject: index,
      annotations: { seed },
    });
    tagAs(this.content, index, tag);
    return index.digest;
  }

  /** A store as a run or a command has it. */
  writer(): FencedStore {
    return new FencedStore(this.store, { writer: randomUUID(), clock: this.clock, signal: this.signal });
  }

  async sync(store: WritersStore = this.writer()): Promise<RunReport> {
    const environment = environmentFor(store, { clock: this.clock });
    this.#runs += 1;
    const run = { ...environment, run: `run-${this.#runs}` };
    const report = await runMirror(run, 'default', [imageOf(this.source, NAME, this.options)]);
    await store.leave();
    return report;
  }

  get policyOf(): PolicyOf {
    const { tags = 'all', digests = [], rules } = this.options;
    const image = imageOf(this.source, NAME, { tags, digests, ...(rules !== undefined && { rules }) });
    const selection: Selection = image.tags;
    return policies({
      entries: [
        {
          repository: parseRepository(NAME),
          tags: selection,
          digests: digests.map((digest) => parseDigest(digest)),
          retention: this.retention,
        },
      ],
      retention: this.retention,
      used: this.used,
      others: this.others,
    });
  }

  plan(maxDeletePercent = 100): Promise<StorePlan> {
    const { store, clock, policyOf, signal } = this;
    return planStore({ store, bucket: 'id', clock, policyOf, maxDeletePercent, signal });
  }

  /** Plans and condemns at once. */
  async condemn(maxDeletePercent = 100, planned?: StorePlan): Promise<Condemned> {
    const { store, clock, policyOf } = this;
    const plan = planned ?? (await this.plan());
    return condemn({
      store,
      clock,
      policyOf,
      retention: { maxDeletePercent, graceMs: 48 * HOUR },
      generation: randomUUID(),
      plan: { id: 'plan', keys: keysOf(plan) },
      name: 'default',
    });
  }

  sweep(): Promise<SweepResult> {
    const { store, clock, signal } = this;
    const readPolicy = () => Promise.resolve(this.policyOf);
    return sweep({ store, clock, readPolicy, signal, name: 'default', sweeper: randomUUID() });
  }

  /** Goes through all steps, with their times. */
  async pruneAll(): Promise<void> {
    await this.condemn();
    await this.finish();
  }

  /** Goes on until nothing is condemned. */
  async finish(): Promise<void> {
    for (let step = 0; step < 10; step += 1) {
      this.clock.advance(49 * HOUR);
      const { kind } = await this.sweep();
      if (kind === 'done' || kind === 'nothing') return;
    }
    throw new Error('It does not end.');
  }

  /** The keys that readers could need, without the state. */
  keys(): string[] {
    return this.store.keys().filter((key) => !key.startsWith('state/'));
  }
}

export function keysOf({ repositories, blobs }: StorePlan): Set<string> {
  return new Set([...repositories.flatMap(({ unneeded }) => unneeded), ...blobs].map(({ key }) => key));
}

export function tagReference(name: string) {
  return { repository: parseRepository(NAME), tag: parseTag(name), digest: undefined };
}

export { DAY };
