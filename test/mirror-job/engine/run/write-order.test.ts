/** The order in which a run writes: everything that an object needs is there before it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Corpus, Digest, Repository } from '../../../support/content.ts';
import { buildCorpus } from '../../../support/corpus.ts';
import { readJson, referencesOf } from '../../../support/manifest-json.ts';
import { ProxiedMirror } from '../../support/proxied-mirror.ts';

let mirror: ProxiedMirror;
beforeAll(async () => {
  mirror = await ProxiedMirror.start(1);
}, 60_000);
afterAll(async () => {
  await mirror.stop();
});

test('each object is written after everything that it needs', async () => {
  // The large layer is uploaded in parts.
  const corpus = await buildCorpus({ large: 6_000_000 });
  await mirror.begin(corpus);
  const { writes } = await mirror.sync([...corpus.repositories.keys()]);
  expect(writes.filter((write) => write.startsWith('POST blobs/')).length).toBe(2);
  const order = new Order(writes);
  for (const [path, repository] of corpus.repositories) order.check(path, repository);
  expect(order.problems).toEqual([]);
  expect(order.pairs).toBe(expectedPairs(corpus));
}, 60_000);

/** Counts the comparisons, because an order that compares nothing would pass. */
function expectedPairs(corpus: Corpus): number {
  let pairs = 0;
  for (const repository of corpus.repositories.values()) {
    for (const { bytes } of repository.manifests.values()) {
      const { blobs, manifests, subject } = referencesOf(readJson(bytes));
      pairs += 3 * blobs.length + manifests.length + (subject === undefined ? 0 : 1);
    }
    for (const digest of repository.tags.values()) pairs += 4 + referrersBelow(repository, digest).length;
  }
  return pairs;
}

class Order {
  readonly problems: string[] = [];
  pairs = 0;
  readonly #first = new Map<string, number>();
  readonly #last = new Map<string, number>();

  constructor(writes: readonly string[]) {
    for (const [index, write] of writes.entries()) {
      const key = (write.split(' ')[1] ?? '').replace(/(\/_history\/[^/]+)\/.*/, '$1');
      if (!this.#first.has(key)) this.#first.set(key, index);
      this.#last.set(key, index);
    }
  }

  check(path: string, repository: Repository): void {
    const root = `repositories/mirror.test/${path}`;
    for (const [digest, { bytes }] of repository.manifests) {
      const manifest = `${root}/_manifests/${pathOf(digest)}`;
      const { blobs, manifests, subject } = referencesOf(readJson(bytes));
      for (const blob of blobs) {
        const link = `${root}/_blobs/${pathOf(blob.digest)}`;
        this.#before(`blobs/${pathOf(blob.digest)}`, link);
        this.#before(`blobs/${pathOf(blob.digest)}`, manifest);
        this.#before(link, manifest);
      }
      for (const child of manifests) this.#before(`${root}/_manifests/${pathOf(child.digest)}`, manifest);
      if (subject !== undefined) this.#before(manifest, `${root}/_referrers/${pathOf(subject.digest)}`);
    }
    for (const [tag, digest] of repository.tags) {
      const key = `${root}/_tags/${tag}`;
      this.#before(`${root}/_manifests/${pathOf(digest)}`, key);
      this.#before(`${root}/_history/${tag}`, key);
      this.#before(key, `${root}/_index.json`);
      this.#before(`${root}/_tags.json`, `${root}/_index.json`);
      for (const subject of referrersBelow(repository, digest)) {
        this.#before(`${root}/_referrers/${pathOf(subject)}`, key);
      }
    }
  }

  /** The last write of the one key is before the first write of the other. */
  #before(earlier: string, later: string): void {
    this.pairs += 1;
    const [one, other] = [this.#last.get(earlier), this.#first.get(later)];
    if (one === undefined) this.problems.push(`${earlier} was not written.`);
    else if (other === undefined) this.problems.push(`${later} was not written.`);
    else if (one > other) this.problems.push(`${earlier} was written after ${later}.`);
  }
}

/** The manifests below a tag that have referrers. */
function referrersBelow(repository: Repository, digest: Digest): Digest[] {
  const manifest = repository.manifests.get(digest);
  if (manifest === undefined) return [];
  const refers = [...repository.manifests.values()].some(
    ({ bytes }) => referencesOf(readJson(bytes)).subject?.digest === digest,
  );
  const { manifests } = referencesOf(readJson(manifest.bytes));
  return [
    ...(refers ? [digest] : []),
    ...manifests.flatMap((child) => referrersBelow(repository, child.digest)),
  ];
}

function pathOf(digest: Digest): string {
  return digest.replace(':', '/');
}
