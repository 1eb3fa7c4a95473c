/** Runs over several buckets in memory: opened, aligned and filled as the program does it, and compared. */
import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { expect } from 'vitest';
import { parseRepository, parseTag } from '../../../../core/reference.ts';
import { decodeRepositoryIndex } from '../../../../core/repository-index.ts';
import { decodeTagList } from '../../../../core/tag-list.ts';
import { ShutdownDeadlineStore } from '../../../../mirror-job/engine/store/shutdown-deadline-store.ts';
import type { Clock } from '../../../../mirror-job/engine/runtime.ts';
import { openBucket } from '../../../../mirror-job/engine/store/bucket.ts';
import type { Image } from '../../../../mirror-job/engine/image.ts';
import type { RunReport } from '../../../../mirror-job/engine/report.ts';
import { RepositoryState } from '../../../../mirror-job/engine/tags/repository-state.ts';
import { revertTag } from '../../../../mirror-job/engine/tags/revert.ts';
import { runMirror } from '../../../../mirror-job/engine/run/run.ts';
import { alignStores, keepAligned } from '../../../../mirror-job/engine/replication/replica-reconcile.ts';
import { ReplicaSet } from '../../../../mirror-job/engine/replication/replica-set.ts';
import {
  decodeStatuses,
  type ReplicaStatus,
} from '../../../../mirror-job/engine/replication/replica-status.ts';
import { reportOnStores } from '../../../../mirror-job/engine/replication/replica-report.ts';
import { ReplicatedStore } from '../../../../mirror-job/engine/replication/replicated-store.ts';
import { StoreError } from '../../../../mirror-job/engine/store/store.ts';
import {
  addArtifact,
  addImage,
  addIndex,
  addJson,
  addStreamedLayer,
  tagAs,
} from '../../../support/builder.ts';
import { emptyRepository, type Repository } from '../../../support/content.ts';
import { isObject, readJson, referencesOf } from '../../../support/manifest-json.ts';
import { SPDX } from '../../../support/media-types.ts';
import { environmentFor, imageOf, TestClock, type TestEnvironment } from '../../support/harness.ts';
import { MemorySource } from '../../support/memory-source.ts';
import { MemoryStore } from '../../support/memory-store.ts';

export const ROOT = 'repositories/mirror.test/app';

/** Shortens the time that a stopping run has left to a fiftieth. */
const HASTY: Pick<Clock, 'sleep'> = { sleep: (milliseconds) => setTimeout(milliseconds / 50) };

/** @returns a repository with one object of each kind and a blob of several parts */
export async function smallRepository(): Promise<Repository> {
  const repository = emptyRepository();
  const layers = [
    await addStreamedLayer(repository, 'large', 2500),
    await addStreamedLayer(repository, 'small', 100),
  ];
  const index = addIndex(repository, [addImage(repository, { layers })]);
  const sbom = addJson(repository, SPDX, { spdxVersion: 'SPDX-2.3' });
  addArtifact(repository, { artifactType: SPDX, subject: index, layers: [sbom] });
  tagAs(repository, index, 'one', 'two');
  return repository;
}

/** Moves a tag to another image. */
export async function move(repository: Repository, tag: string, seed: string): Promise<void> {
  const layers = [await addStreamedLayer(repository, seed, 1500)];
  tagAs(repository, addImage(repository, { layers }), tag);
}

/** Buckets and an upstream that several runs use one after the other. */
export class Mirror {
  readonly stores: readonly MemoryStore[];
  readonly repository: Repository;
  readonly clock = new TestClock();
  /** The environment of the last run. */
  environment: TestEnvironment | undefined;
  source: MemorySource;
  ids = 0;
  /** The secret of a store's key, by the store's name; undefined for a key that changes from run to run. */
  secretOf: (name: string) => string | undefined = (name) => `the secret of ${name}`;
  stateKey: string | undefined;

  constructor(repository: Repository, stores = [new MemoryStore('A'), new MemoryStore('B')]) {
    this.stores = stores;
    this.repository = repository;
    this.source = new MemorySource('upstream', repository);
    // Otherwise another run's upload would look abandoned, and a run would clear it.
    for (const store of stores) store.now = () => this.clock.now();
  }

  static async create(...stores: readonly MemoryStore[]): Promise<Mirror> {
    return new Mirror(await smallRepository(), stores.length === 0 ? undefined : [...stores]);
  }

  /**
   * One run, an hour after the last one.
   * @throws {StoreError} when no store is left. What a store throws that is no StoreError ends it as a kill does
   */
  async run(stores: readonly MemoryStore[] = this.stores, signal?: AbortSignal): Promise<RunReport> {
    this.clock.advance(3_600_000);
    this.source = new MemorySource('upstream', this.repository);
    const [first] = stores;
    if (first === undefined) throw new Error('There is no store.');
    const limits = { partBytes: 1000, flushEveryMs: 15_000 };
    const base = environmentFor(first, {
      clock: this.clock,
      limits,
      ...(signal !== undefined && { signal }),
    });
    this.environment = base;
    const replicas = await this.#replicaSetOf(stores, base);
    await alignStores(base, replicas);
    const environment = {
      ...base,
      store: new ReplicatedStore(replicas),
      reportStores: () => replicas.report(),
      storeFindings: () => replicas.caughtUpTags.findings(),
      replicas: () => replicas.live.map(({ store }) => store),
      readOthers: (key: string) => replicas.readOthers(key),
    };
    const report = await runMirror(environment, 'default', this.#images());
    return reportOnStores(environment, replicas, 'default', report);
  }

  /** The stores as a command by hand finds them. @throws as `keepAligned` */
  async openInStep(stores: readonly MemoryStore[] = this.stores): Promise<ReplicaSet> {
    const [first] = stores;
    if (first === undefined) throw new Error('There is no store.');
    const replicas = await this.#replicaSetOf(stores, environmentFor(first, { clock: this.clock }));
    await keepAligned(replicas);
    return replicas;
  }

  async #replicaSetOf(stores: readonly MemoryStore[], base: TestEnvironment): Promise<ReplicaSet> {
    const opened = await Promise.all(stores.map((store) => this.#open(store)));
    const replicas = new ReplicaSet(
      opened.map(({ bucket, id, isNew }) => ({
        bucket,
        store: new ShutdownDeadlineStore(bucket, HASTY, base.signal),
        id,
        isNew,
        secret: this.secretOf(bucket.name),
      })),
      base,
      this.stateKey,
    );
    for (const [index, { failure }] of opened.entries()) {
      const replica = replicas.all[index];
      if (failure !== undefined && replica !== undefined) replicas.remove(replica, failure);
    }
    return replicas;
  }

  #images(): Image[] {
    return [imageOf(this.source, 'mirror.test/app')];
  }

  async #open(bucket: MemoryStore) {
    this.ids += 1;
    const expected = {
      name: 'default',
      audience: 'public',
      singleWriter: false,
      newId: `id-${this.ids}`,
    } as const;
    try {
      const { id } = await openBucket(bucket, expected);
      return { bucket, id, isNew: id === expected.newId, failure: undefined };
    } catch (error) {
      if (error instanceof StoreError) return { bucket, id: undefined, isNew: false, failure: error };
      throw error;
    }
  }
}

/** @returns by key the digests of a bucket's objects, without those that differ from run to run */
export function contentOf(store: MemoryStore): Map<string, string> {
  const entries = [...store.objects].filter(([key]) => key !== 'lifeboat.json' && !key.startsWith('state/'));
  return new Map(
    entries.map(([key, { bytes }]) => [key, createHash('sha256').update(bytes).digest('hex')] as const),
  );
}

/** @returns the objects that are named but missing, or that do not match their digest. There must never be any */
export function problemsIn(store: MemoryStore): string[] {
  const problems: string[] = [];
  const need = (by: string, key: string): void => {
    if (!store.objects.has(key)) problems.push(`${store.name}: ${by} needs ${key}`);
  };
  for (const [key, { bytes }] of store.objects) {
    const [, root = '', folder = '', rest = ''] = /^(repositories\/.+?)\/_(\w+)\/(.+)$/.exec(key) ?? [];
    const hashed = /(?:^blobs|_manifests)\/sha256\/(.+)$/.exec(key)?.[1];
    if (hashed !== undefined && createHash('sha256').update(bytes).digest('hex') !== hashed) {
      problems.push(`${store.name}: ${key} holds other bytes`);
    }
    if (folder === 'blobs') need(key, `blobs/${rest}`);
    if (folder === 'tags') need(key, `${root}/_manifests/${digestIn(store.json(key))}`);
    if (folder === 'manifests' || folder === 'referrers') {
      const { blobs, manifests } = referencesOf(readJson(Buffer.from(bytes)));
      for (const { digest } of blobs) need(key, `${root}/_blobs/${digest.replace(':', '/')}`);
      for (const { digest } of manifests) need(key, `${root}/_manifests/${digest.replace(':', '/')}`);
    }
  }
  return problems;
}

/** @returns the keys that the index and the list of tags name without an object. A run would never copy them again */
export function liesIn(store: MemoryStore): string[] {
  const [index, list] = ['_index.json', '_tags.json'].map((name) => store.objects.get(`${ROOT}/${name}`));
  const entries = index === undefined ? [] : decodeRepositoryIndex('the index', index.bytes);
  const tags = list === undefined ? [] : decodeTagList('the list', list.bytes);
  const named = [
    ...entries.map(({ digest }) => `_manifests/${digest.replace(':', '/')}`),
    ...[...entries.flatMap((entry) => (entry.kind === 'tag' ? [entry.tag] : [])), ...tags].map(
      (tag) => `_tags/${tag}`,
    ),
  ];
  return named.filter((key) => !store.objects.has(`${ROOT}/${key}`)).map((key) => `${store.name}: ${key}`);
}

/** @returns the digest of a tag in a bucket, as `<algorithm>/<hex>` */
export function tagIn(store: MemoryStore, tag: string): string {
  return digestIn(store.json(`${ROOT}/_tags/${tag}`));
}

function digestIn(value: unknown): string {
  return isObject(value) && typeof value['digest'] === 'string' ? value['digest'].replace(':', '/') : 'none';
}

/** @returns the two buckets of a mirror of two */
export function pairOf({ stores }: Mirror): [MemoryStore, MemoryStore] {
  const [a, b] = stores;
  if (a === undefined || b === undefined) throw new Error('There are no two stores.');
  return [a, b];
}

/** Expects that both buckets hold the same objects, and all that upstream has. */
export function expectWhole(mirror: Mirror): void {
  const [a, b] = pairOf(mirror);
  expect(Object.fromEntries(contentOf(b))).toEqual(Object.fromEntries(contentOf(a)));
  expectServing(mirror);
}

/** Expects the same, except for the history of movements in one store that did not count in the end. */
export function expectServing(mirror: Mirror): void {
  const [a, b] = pairOf(mirror);
  expect(servedBy(b)).toEqual(servedBy(a));
  for (const store of [a, b]) expect([problemsIn(store), liesIn(store)]).toEqual([[], []]);
  for (const [tag, digest] of mirror.repository.tags) expect(tagIn(a, tag)).toBe(digest.replace(':', '/'));
}

/** The object with the statuses of the stores. */
export const STATUS_KEY = 'state/_stores.json';

export function statusesIn(store: MemoryStore): ReplicaStatus[] {
  const stored = store.objects.get(STATUS_KEY);
  return stored === undefined ? [] : decodeStatuses(stored.bytes);
}

/** Reverts the tag "one", which also holds it. */
export async function revertOne(mirror: Mirror, store: MemoryStore): Promise<void> {
  mirror.clock.advance(1000);
  const environment = environmentFor(store, { clock: mirror.clock });
  const repository = parseRepository('mirror.test/app');
  const state = await RepositoryState.open(environment, repository);
  const tag = parseTag('one');
  await revertTag(environment, state, {
    repository,
    tag,
    to: undefined,
    reason: 'it crashes',
    by: undefined,
  });
}

export function takeAway(store: MemoryStore): void {
  store.before = () => {
    throw new StoreError(`${store.name}: could not be reached.`);
  };
}

/** @returns the content of a bucket without its history, which may have movements that never counted */
export function servedBy(store: MemoryStore): Record<string, string> {
  return Object.fromEntries([...contentOf(store)].filter(([key]) => !key.includes('/_history/')));
}

/** The situations in which a store may fail or a run may be killed. */
export const SITUATIONS: readonly (readonly [string, (mirror: Mirror) => Promise<void>])[] = [
  ['a first run', async () => {}],
  [
    'a run that moves a tag',
    async (mirror) => {
      await mirror.run();
      await move(mirror.repository, 'one', 'moved');
    },
  ],
  [
    'a run that catches B up',
    async (mirror) => {
      const [a] = pairOf(mirror);
      await mirror.run([a]);
      await move(mirror.repository, 'one', 'moved');
    },
  ],
  [
    'a run that fills a new primary',
    async (mirror) => {
      const [, b] = pairOf(mirror);
      await mirror.run([b]);
      await move(mirror.repository, 'one', 'moved');
    },
  ],
];
