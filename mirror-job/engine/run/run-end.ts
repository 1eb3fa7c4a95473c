/** What a run leaves in the bucket besides its images, and what it clears. A failure here is a warning and fails nothing. */
import { decodeCatalog, encodeCatalog } from '../../../core/catalog.ts';
import { encodePrintableJson } from '../../../core/json.ts';
import { BLOBS, blobOfKey, stateKey } from '../../../core/layout.ts';
import type { Repository } from '../../../core/reference.ts';
import type { Environment } from '../environment.ts';
import type { RunReport } from '../report.ts';
import { updateObject } from '../store/compare-and-swap.ts';
import { decodeOrWarn } from '../store/decode-object.ts';
import { LargeObjectError } from '../store/large-object-error.ts';

/** The run that has begun an older upload cannot be alive. */
const UPLOAD_ABANDONED_MS = 24 * 60 * 60 * 1000;

/**
 * Writes the catalogue and the report, and clears unfinished uploads: side by side, because none of them needs another and
 * each waits for the store. Never throws.
 * @param name the configuration's
 * @param served the repositories that have something to pull
 */
export async function endRun(
  environment: Environment,
  name: string,
  report: RunReport,
  served: readonly Repository[],
): Promise<void> {
  await Promise.all([
    attempt(environment, () => writeCatalog(environment, name, served), 'The next run writes the catalogue.'),
    attempt(environment, () => clearUploads(environment), 'The next run clears unfinished uploads.'),
    keepReport(environment, name, report),
  ]);
}

/** Writes `state/<name>/last-run.json`. Never throws: a failure is a warning. */
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

async function attempt(
  { log }: Pick<Environment, 'log'>,
  step: () => Promise<void>,
  consequence: string,
): Promise<void> {
  try {
    await step();
  } catch (error) {
    log.warn(`${error instanceof Error ? error.message : String(error)} ${consequence}`);
  }
}

/**
 * Aborts uploads that killed runs have left: those whose blob is stored, and old ones. A run that still works on such an
 * upload finds the blob in the bucket and is content.
 */
async function clearUploads({ store, clock, signal, tally }: Environment): Promise<void> {
  // A run that copied nothing in parts need not look: whoever carries on for a killed run copies the same blob again, from
  // upstream or from another store. Older leftovers can wait for a run that has time.
  if (tally.counts.blobsInParts === 0 || signal.aborted) return;
  for (const upload of await store.openUploads(BLOBS)) {
    const { key, begun } = upload;
    const isOld = clock.now().getTime() - begun.getTime() > UPLOAD_ABANDONED_MS;
    if (isOld || (blobOfKey(key) !== undefined && (await store.size(key)) !== undefined)) {
      await upload.abort();
    }
  }
}

/** Adds to `state/<name>/catalog.json`, which answers `_catalog`. Names stay until they are pruned. */
async function writeCatalog(
  environment: Environment,
  name: string,
  served: readonly Repository[],
): Promise<void> {
  const key = stateKey(name, 'catalog.json');
  const contentType = 'application/json';
  try {
    await updateObject(environment.store, key, contentType, (bytes) => {
      const catalog = bytes === undefined ? undefined : readCatalog(environment, key, bytes);
      return catalog !== undefined && served.every((repository) => catalog.includes(repository))
        ? undefined
        : encodeCatalog([...(catalog ?? []), ...served]);
    });
  } catch (error) {
    if (!(error instanceof LargeObjectError)) throw error;
    environment.log.warn(`${error.fact} ${CATALOG_ANEW}`);
    const condition = { ifMatch: error.etag };
    // A conflict means that another run has replaced it.
    await environment.store.put(key, encodeCatalog(served), { contentType, condition });
  }
}

const CATALOG_ANEW = 'It is made anew from the images of this run.';

/** @returns undefined for a catalogue that cannot be read; the names that other runs had added are lost then */
function readCatalog(
  environment: Environment,
  key: string,
  bytes: Uint8Array,
): readonly string[] | undefined {
  return decodeOrWarn(environment.log, CATALOG_ANEW, () => decodeCatalog(key, bytes));
}
