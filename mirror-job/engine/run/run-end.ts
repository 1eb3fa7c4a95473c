/**
 * Ends a run: writes the catalogue, the report and the data of the pages into the bucket, and clears unfinished uploads. A
 * failure here is a warning and fails nothing.
 */
import { decodeCatalog, encodeCatalog } from '../../../core/catalog.ts';
import { encodePrintableJson } from '../../../core/json.ts';
import { BLOBS, blobOfKey, stateKey } from '../../../core/layout.ts';
import type { OverviewChange } from '../../../core/overview.ts';
import type { Repository } from '../../../core/reference.ts';
import type { RunSummary } from '../../../core/run-history.ts';
import type { Environment } from '../environment.ts';
import { exitCodeOf, type RunReport } from '../report.ts';
import { updateState } from '../store/state-object.ts';
import { changeLines, correctRun, writeOverview, writeRun } from './page-objects.ts';
import { summaryOf } from './run-summary.ts';

/** The run that has begun an older upload cannot be alive. */
const UPLOAD_ABANDONED_MS = 24 * 60 * 60 * 1000;

const OVERVIEW_LATER = 'The next run writes the overview for the pages of the edge.';

/** The results of a run that the catalogue and the pages of the edge show. */
export interface RunResults {
  /** The repositories that have something to pull. */
  readonly served: readonly Repository[];
  /** Undefined for a dry run, of which no page tells. */
  readonly pages: PageData | undefined;
  /** Whether the run mirrored a part of the configuration's images, so that it is not the mirror's last run. */
  readonly isPartial?: boolean;
}

export interface PageData extends Pick<OverviewChange, 'repositories' | 'held' | 'clusters'> {
  /** @returns the name of the upstream that a repository is mirrored from; undefined for one without, such as a layout */
  readonly upstreamOf: (repository: Repository) => string | undefined;
}

/**
 * Writes the catalogue, the report and what pages show, and clears unfinished uploads: side by side, because none of them needs another and
 * each waits for the store. Never throws.
 * @param name the configuration's
 */
export async function endRun(
  environment: Environment,
  name: string,
  report: RunReport,
  { served, pages, isPartial = false }: RunResults,
): Promise<void> {
  await Promise.all([
    attempt(environment, () => writeCatalog(environment, name, served), 'The next run writes the catalogue.'),
    attempt(environment, () => clearUploads(environment), 'The next run clears unfinished uploads.'),
    ...(isPartial ? [] : [keepReport(environment, name, report)]),
    ...(pages === undefined ? [] : [keepOverview(environment, name, report, pages, isPartial)]),
    ...(pages === undefined || isPartial
      ? []
      : [keepRun(environment, name, summaryOf(report, pages.upstreamOf))]),
  ]);
}

/** Never throws: a failure is a warning. */
async function keepOverview(
  environment: Environment,
  name: string,
  { run, ended }: RunReport,
  { upstreamOf: _upstreamOf, ...lines }: PageData,
  isPartial: boolean,
): Promise<void> {
  const change = { run, ended, ...lines };
  if (isPartial) return keepLines(environment, name, change);
  return attempt(environment, () => writeOverview(environment, name, change), OVERVIEW_LATER);
}

/** Changes the lines of some repositories in the overview. Never throws: a failure is a warning. */
export async function keepLines(
  environment: Pick<Environment, 'store' | 'log'>,
  name: string,
  change: OverviewChange,
): Promise<void> {
  await attempt(environment, () => changeLines(environment, name, change), OVERVIEW_LATER);
}

/** Adds a run to the history of runs. Never throws: a failure is a warning. */
async function keepRun(
  environment: Pick<Environment, 'store' | 'log'>,
  name: string,
  summary: RunSummary,
): Promise<void> {
  const write = () => writeRun(environment, name, summary);
  await attempt(environment, write, 'The run is not in the history of runs.');
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

/** Corrects the run's exit code in the history of runs, after the state of its stores has changed. Never throws. */
export async function keepExitCode(
  environment: Pick<Environment, 'store' | 'log'>,
  name: string,
  report: RunReport,
): Promise<void> {
  const write = () => correctRun(environment, name, { run: report.run, exitCode: exitCodeOf(report) });
  await attempt(environment, write, 'The history of runs has another exit code for this run.');
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
function writeCatalog(environment: Environment, name: string, served: readonly Repository[]): Promise<void> {
  return updateState(environment, stateKey(name, 'catalog.json'), {
    // The names that other runs had added are lost then.
    anew: 'It is made anew from the images of this run.',
    decode: decodeCatalog,
    change: (catalog) =>
      catalog !== undefined && served.every((repository) => catalog.includes(repository))
        ? undefined
        : encodeCatalog([...(catalog ?? []), ...served]),
  });
}
