/** A mirror run: every image, then what they leave for the edge and for the next run. */
import { BucketObjectInvalidError } from '../../../core/bucket-object.ts';
import { decodeCatalog, encodeCatalog } from '../../../core/catalog.ts';
import { encodePrintableJson } from '../../../core/json.ts';
import { BLOBS, blobOfKey, stateKey } from '../../../core/layout.ts';
import type { Repository } from '../../../core/reference.ts';
import { BlobCopier } from '../copy/blob-copy.ts';
import { warnOfClocks } from './clock-check.ts';
import type { Environment } from '../environment.ts';
import { KnownEmptyStore } from '../store/known-empty-store.ts';
import { updateObject } from '../store/compare-and-swap.ts';
import type { Image } from './image.ts';
import { FairShare, partyOf, type Party } from '../support/fair-share.ts';
import { LargeObjectError } from '../store/large-object-error.ts';
import { limitFor } from '../support/limit.ts';
import { countOutcomes, sumCounts, type Finding, type ItemReport, type RunReport } from '../report.ts';
import { ImageRun, type RunHooks } from './image-run.ts';
import { outcomeOf } from '../skipped-error.ts';
import { createManifestRetention } from '../copy/manifest-copy.ts';
import { RepositoryState } from '../tags/repository-state.ts';
import { createRepair } from '../scrub/scrub-repair.ts';
import { Scrub } from '../scrub/scrub.ts';
import { SourceUsers } from './source-users.ts';
import { upstreamsOf } from '../source.ts';

/** An upload that is older than this belongs to no run that is still alive. Milliseconds. */
const UPLOAD_ABANDONED_AFTER = 24 * 60 * 60 * 1000;

/** What a run does in another way, or leaves out. */
export interface RunOptions extends Partial<RunHooks> {
  /** Whether stored blobs are checked. */
  readonly scrubs?: boolean;
}

/**
 * Mirrors every image. Never throws for what goes wrong with an image: that is in the report.
 * @param name the configuration's, for its state in the bucket
 * @param how left out for a run that does all its work
 */
export async function runMirror(
  given: Environment,
  name: string,
  images: readonly Image[],
  how: RunOptions = {},
): Promise<RunReport> {
  const store = new KnownEmptyStore(given.store);
  const environment = { ...given, store };
  const { clock, tally, limits, signal, run } = environment;
  const begun = clock.now().toISOString();
  const { scrubs = true, ...dry } = how;
  const blobSlots = new FairShare(limits.blobs);
  const blobs = dry.blobs ?? new BlobCopier(environment, blobSlots);
  const users = new SourceUsers(images);
  const work = { ...dry, blobs, users };
  const retention = createManifestRetention();
  const tags = new FairShare(limits.tags);
  // An open one holds its index and its tags: of thousands, only some are open at once.
  const open = new FairShare(limits.repositories);
  const imagesOf = Map.groupBy(images, (image) => image.repository);
  const repositories = [...imagesOf].map(([repository, group]) => {
    const parties = new Set(group.map(({ source }) => partyOf(source)));
    // A repository of several upstreams competes by itself: a slow one of them must not keep the others waiting.
    const [opener = repository] = parties.size === 1 ? parties : [repository];
    const shares: [FairShare, Party][] = [[open, opener]];
    for (const party of parties) {
      for (const share of [tags, blobSlots, environment.buffers.share, environment.listedManifests]) {
        shares.push([share, party]);
      }
    }
    for (const [share, party] of shares) share.join(party);
    return { repository, group, opener, shares };
  });
  const scrub = scrubs
    ? new Scrub(environment, name, [...imagesOf.keys()], createRepair(environment, imagesOf, blobs))
    : undefined;
  const results = await Promise.all(
    repositories.map(async ({ repository, group, opener, shares }) => {
      const limit = limitFor(open, opener);
      const result = await limit(async () => {
        const scope = retention.open();
        try {
          const its = { ...work, retention: scope, tags, scrub };
          return await mirrorRepository(environment, repository, group, its);
        } finally {
          // Nothing of a repository is needed after its end.
          scope.close();
          blobs.leave?.(repository);
          for (const { source } of group) users.end(source);
        }
      });
      for (const [share, party] of shares) share.leave(party);
      return result;
    }),
  );
  const lost = (await scrub?.finish()) ?? [];
  const served = results.flatMap(({ repository, isServed }) => (isServed ? [repository] : []));
  const upstreams = upstreamsOf(images.map(({ source }) => source));
  // By now each that was asked has answered.
  warnOfClocks(environment, upstreams);
  const report: RunReport = {
    run,
    begun,
    ended: clock.now().toISOString(),
    counts: sumCounts(results.map(({ counts }) => counts)),
    blobs: { copied: tally.blobsCopied, present: tally.blobsPresent },
    manifests: { copied: tally.manifestsCopied },
    bytes: tally.bytes,
    ...(tally.foreignLayers.size > 0 && { foreignLayers: [...tally.foreignLayers.values()] }),
    interrupted: signal.aborted,
    upstreams: upstreams.map((upstream) => upstream.report()),
    ...(environment.reportStores !== undefined && { stores: environment.reportStores() }),
    items: results.flatMap(({ items }) => items),
    findings: [
      ...(environment.storeFindings?.() ?? []),
      ...results.flatMap(({ findings }) => findings),
      ...lost,
    ],
  };
  // None of these needs another, and each waits for the store.
  await Promise.all([
    attempt(environment, () => writeCatalog(environment, name, served), 'The next run writes the catalogue.'),
    attempt(environment, () => clearUploads(environment), 'The next run clears unfinished uploads.'),
    keepReport(environment, name, report),
  ]);
  return report;
}

/** What a run leaves behind besides its images: that it could not be done is said, and fails nothing. */
async function attempt(
  { log }: Pick<Environment, 'log'>,
  step: () => Promise<void>,
  otherwise: string,
): Promise<void> {
  try {
    await step();
  } catch (error) {
    log.warn(`${error instanceof Error ? error.message : String(error)} ${otherwise}`);
  }
}

/** `state/<name>/last-run.json`. Never throws: that the report is not kept is said. */
export async function keepReport(
  environment: Pick<Environment, 'store' | 'log'>,
  name: string,
  report: RunReport,
): Promise<void> {
  const write = async (): Promise<void> => {
    const key = stateKey(name, 'last-run.json');
    await environment.store.put(key, encodePrintableJson(report), { contentType: 'application/json' });
  };
  await attempt(environment, write, 'The report is not in the bucket.');
}

interface RepositoryResult {
  readonly repository: Repository;
  readonly counts: RunReport['counts'];
  /** All but the unchanged ones, which are only counted: of thousands of tags they are nearly all. */
  readonly items: readonly ItemReport[];
  readonly findings: readonly Finding[];
  /** Whether there is anything of it to pull. */
  readonly isServed: boolean;
}

/** Several images of the configuration can be served under one name: they share its index. */
async function mirrorRepository(
  environment: Environment & { readonly store: KnownEmptyStore },
  repository: Repository,
  images: readonly Image[],
  { tags, scrub, ...work }: RunHooks & { readonly tags: FairShare; readonly scrub: Scrub | undefined },
): Promise<RepositoryResult> {
  let state: RepositoryState;
  try {
    state = await RepositoryState.open(environment, repository);
    if (state.isEmpty) await environment.store.look(repository);
    scrub?.offer(repository, state.entries());
  } catch (error) {
    scrub?.offer(repository, []);
    return resultOf(repository, [failed(environment, repository, error)], [], false);
  }
  const runs = images.map((image) => new ImageRun(environment, image, state, work));
  const items = await Promise.all(runs.map((run) => run.run(tags)));
  // Tags are worked on side by side: what is found of them is told in one order all the same.
  const findings = runs.flatMap((run) =>
    run.findings.toSorted((one, other) => ((one.tag ?? '') < (other.tag ?? '') ? -1 : 1)),
  );
  const failures: ItemReport[] = [];
  try {
    await state.flush();
  } catch (error) {
    failures.push(failed(environment, repository, error));
  }
  environment.store.leave(repository);
  return resultOf(repository, [...items.flat(), ...failures], findings, !state.isEmpty);
}

function resultOf(
  repository: Repository,
  items: readonly ItemReport[],
  findings: readonly Finding[],
  isServed: boolean,
): RepositoryResult {
  const told = items.filter(({ outcome }) => outcome.result !== 'unchanged');
  return { repository, counts: countOutcomes(items), items: told, findings, isServed };
}

function failed({ signal }: Environment, repository: Repository, error: unknown): ItemReport {
  return { repository, reference: undefined, outcome: outcomeOf(error, signal) };
}

/**
 * Aborts what killed runs have left: an upload whose blob is there (a run that still works on it will find the
 * blob and be content), and one so old that its run cannot be alive.
 */
async function clearUploads({ store, clock, signal, tally }: Environment): Promise<void> {
  // Whoever goes on where a killed run was copies what that one was at, from upstream or from another store, so a run
  // that has copied nothing in parts need not look. And what earlier runs have left can wait for one that has time.
  if (tally.blobsInParts === 0 || signal.aborted) return;
  for (const upload of await store.openUploads(BLOBS)) {
    const { key, begun } = upload;
    const isOld = clock.now().getTime() - begun.getTime() > UPLOAD_ABANDONED_AFTER;
    if (isOld || (blobOfKey(key) !== undefined && (await store.size(key)) !== undefined)) {
      await upload.abort();
    }
  }
}

/** `state/<name>/catalog.json`: what `_catalog` answers. Names stay until they are pruned. */
async function writeCatalog(
  environment: Environment,
  name: string,
  served: readonly Repository[],
): Promise<void> {
  const key = stateKey(name, 'catalog.json');
  const contentType = 'application/json';
  try {
    await updateObject(environment.store, key, contentType, (bytes) => {
      const known = bytes === undefined ? undefined : readCatalog(environment, key, bytes);
      return known !== undefined && served.every((repository) => known.includes(repository))
        ? undefined
        : encodeCatalog([...(known ?? []), ...served]);
    });
  } catch (error) {
    if (!(error instanceof LargeObjectError)) throw error;
    environment.log.warn(`${error.fact} ${CATALOG_ANEW}`);
    const condition = { ifMatch: error.etag };
    // After a conflict, another run has replaced it.
    await environment.store.put(key, encodeCatalog(served), { contentType, condition });
  }
}

const CATALOG_ANEW = 'It is made anew from the images of this run.';

/** @returns undefined for one that cannot be read: what other runs had added to it is lost */
function readCatalog(
  environment: Environment,
  key: string,
  bytes: Uint8Array,
): readonly string[] | undefined {
  try {
    return decodeCatalog(key, bytes);
  } catch (error) {
    if (!(error instanceof BucketObjectInvalidError)) throw error;
    environment.log.warn(`${error.message} ${CATALOG_ANEW}`);
    return undefined;
  }
}
