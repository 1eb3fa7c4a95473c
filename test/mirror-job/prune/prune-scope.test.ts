/** Reads from the bucket what pruning must leave: what clusters use, what was demanded, and what is of other configurations. */
import { beforeEach, expect, test } from 'vitest';
import { encodeCatalog } from '../../../core/catalog.ts';
import { parseDigest } from '../../../core/digest.ts';
import { encodeInUse } from '../../../core/in-use-list.ts';
import { inUseKey, stateKey } from '../../../core/layout.ts';
import { parseRepository } from '../../../core/reference.ts';
import { parseConfiguration } from '../../../mirror-job/configuration/parse.ts';
import { PruneRefusedError } from '../../../mirror-job/engine/maintenance/condemn.ts';
import { policies } from '../../../mirror-job/engine/maintenance/repository-policy.ts';
import { encodeDemanded } from '../../../mirror-job/on-demand/demanded-list.ts';
import { readPruneScope } from '../../../mirror-job/prune/prune-scope.ts';
import { MemoryStore } from '../support/memory-store.ts';

const NOW = new Date('2026-06-01T12:00:00.000Z');
const DAY_MS = 86_400_000;
const DIGEST = parseDigest(`sha256:${'a'.repeat(64)}`);
const USED = parseRepository('quay.io/team/used');
const JSON_TYPE = { contentType: 'application/json' };

let store: MemoryStore;

beforeEach(() => {
  store = new MemoryStore('The bucket');
});

/** @returns the policy of the repository, by a file with one image of docker.io and further entries */
async function policyFor(more = '', repository = USED) {
  const text = `store: { bucket: b, region: r }\nretention: {}\nimages:\n  - docker.io/library/app:1\n${more}\n`;
  const configuration = parseConfiguration('f.yaml', text, {});
  return policies(await readPruneScope(store, configuration, NOW))(repository);
}

async function demand(reference: string): Promise<void> {
  const time = NOW.toISOString();
  const images = [{ reference, asked: time, mirrored: time }];
  await store.put(stateKey('default', 'demanded.json'), encodeDemanded(images), JSON_TYPE);
}

/** Publishes a list of the cluster `prod` that saw an image so many days ago. */
async function publish(daysAgo: number): Promise<void> {
  const seen = new Date(NOW.getTime() - daysAgo * DAY_MS).toISOString();
  const image = {
    reference: `${USED}:1`,
    digest: DIGEST,
    uses: [{ kind: 'Pod', name: 'p', how: 'running' } as const],
    useCount: 1,
    firstSeen: seen,
    lastSeen: seen,
  };
  const list = encodeInUse({ cluster: 'prod', observed: NOW.toISOString(), images: [image] });
  await store.put(inUseKey('prod'), list, JSON_TYPE);
}

const RULE = '  - inUse: { clusters: [prod], upstreams: [quay.io], keep: 7d }';
const used = { used: { tags: new Set(['1']), digests: new Set([DIGEST]) } };
const unused = { used: { tags: new Set(), digests: new Set() } };

test('the tag and the digest that a cluster uses stay, without a rule for the cluster too', async () => {
  await publish(100);
  expect(await policyFor()).toMatchObject({ ...used, isListed: false });
});

test('by a rule they stay for as long as it says', async () => {
  await publish(6);
  expect(await policyFor(RULE)).toMatchObject({ ...used, isListed: true });
  await publish(8);
  expect(await policyFor(RULE)).toMatchObject({ ...unused, isListed: false });
});

test('an image that was demanded stays, and its repository is listed as long as it is allowed', async () => {
  await demand(`${USED}:1`);
  const tags = { used: { tags: new Set(['1']), digests: new Set() } };
  expect(await policyFor()).toMatchObject({ ...tags, isListed: false });
  expect(await policyFor('onDemand: ["quay.io/**"]')).toMatchObject({ ...tags, isListed: true });
});

test('a repository with an entry is listed, and one without anything is not', async () => {
  expect(await policyFor('', parseRepository('docker.io/library/app'))).toMatchObject({ isListed: true });
  expect(await policyFor()).toMatchObject({ ...unused, isListed: false });
});

test.each([
  ['demanded images', stateKey('default', 'demanded.json')],
  ['what a cluster uses', inUseKey('prod')],
])('a list of %s that cannot be read ends the prune', async (_, key) => {
  await store.put(key, Buffer.from('{'), JSON_TYPE);
  await expect(policyFor()).rejects.toBeInstanceOf(PruneRefusedError);
});

test('a repository in the catalogue of another configuration is left as it is, and one of the own is not', async () => {
  await store.put(stateKey('default', 'catalog.json'), encodeCatalog([USED]), JSON_TYPE);
  expect(await policyFor()).toMatchObject({ isListed: false });
  await store.put(stateKey('other', 'catalog.json'), encodeCatalog([USED]), JSON_TYPE);
  expect(await policyFor()).toBe('the configuration "other" fills it too');
});
