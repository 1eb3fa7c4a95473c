/** The two objects about a whole configuration that pages and metrics of the edge read. docs/decisions/0160-objects-for-pages.md */
import { stateKey } from '../../../core/layout.ts';
import {
  decodeOverview,
  encodeOverview,
  mergeOverview,
  type OverviewChange,
} from '../../../core/overview.ts';
import { addRun, decodeRuns, encodeRuns, type RunSummary } from '../../../core/run-history.ts';
import type { Environment } from '../environment.ts';
import { updateState } from '../store/state-object.ts';

type StateEnvironment = Pick<Environment, 'store' | 'log'>;

/** Adds a run to `state/<name>/runs.json`, or replaces its summary there. @throws {StoreError} */
export function writeRun(environment: StateEnvironment, name: string, summary: RunSummary): Promise<void> {
  return updateState(environment, stateKey(name, 'runs.json'), {
    anew: 'The history of runs begins anew.',
    decode: decodeRuns,
    change: (runs = []) => encodeRuns(addRun(runs, summary)),
  });
}

/** Corrects the exit code of a run that is in the history of runs. @throws {StoreError} */
export function correctRun(
  environment: StateEnvironment,
  name: string,
  { run, exitCode }: Pick<RunSummary, 'run' | 'exitCode'>,
): Promise<void> {
  return updateState(environment, stateKey(name, 'runs.json'), {
    anew: 'The history of runs begins anew.',
    decode: decodeRuns,
    change: (runs) => {
      const wrong = runs?.find((one) => one.run === run && one.exitCode !== exitCode);
      if (runs === undefined || wrong === undefined) return undefined;
      return encodeRuns(runs.map((one) => (one === wrong ? Object.assign({}, one, { exitCode }) : one)));
    },
  });
}

/** Replaces the lines of what a run has looked at in `state/<name>/overview.json`. @throws {StoreError} */
export function writeOverview(
  environment: StateEnvironment,
  name: string,
  change: OverviewChange,
): Promise<void> {
  return updateState(environment, stateKey(name, 'overview.json'), {
    anew: 'It is made anew from the images of this run.',
    decode: decodeOverview,
    change: (overview) => encodeOverview(mergeOverview(overview, change)),
  });
}

/**
 * Changes the lines of some repositories in the overview, which stays that of the last run, because nobody has looked at all of
 * their tags.
 * @param change `run` and `ended` count if there is no overview yet
 * @throws {StoreError}
 */
export function changeLines(
  environment: StateEnvironment,
  name: string,
  { repositories, held, ...change }: OverviewChange,
): Promise<void> {
  const lines = repositories.map(({ checked: _checked, ...line }) => line);
  return updateState(environment, stateKey(name, 'overview.json'), {
    anew: 'It is made anew from the images of this run.',
    decode: decodeOverview,
    change: (overview) => {
      const { run, ended } = overview ?? change;
      return encodeOverview(mergeOverview(overview, { run, ended, repositories: lines, held }));
    },
  });
}
