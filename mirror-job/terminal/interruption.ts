/**
 * Ctrl-C, SIGTERM and maxDuration end a run early. The run is asked to stop first, and is ended if it does not stop.
 */
import type { MaxDuration } from '../configuration/configuration.ts';
import { SkippedError } from '../engine/support/skipped-error.ts';
import type { Io } from './io.ts';
import type { Progress } from './progress.ts';

/** The grace is less than ten seconds, because schedulers kill the process after ten. */
const GRACE_MS = 8000;

/** Its listeners and timers last until it is disposed of. */
export interface Interruption extends Disposable {
  /** Aborted when the run has to stop. The process ends soon after, whatever hangs. */
  readonly signal: AbortSignal;
}

/**
 * @param maxDuration the time after which the run has to stop by itself
 * @returns an interruption to dispose of when the command is done, because the process may run other commands
 */
export function stopOnSignals(
  progress: Progress,
  { signals, exit: endProcess }: Pick<Io, 'signals' | 'exit'>,
  maxDuration?: MaxDuration,
): Interruption {
  const stop = new AbortController();
  const timers: NodeJS.Timeout[] = [];
  const after = (delayMs: number, act: () => void): void => {
    timers.push(setTimeout(act, delayMs).unref());
  };
  const exit = (how: string): void => {
    progress.stop();
    // The bucket is right at each moment, and a later run removes unfinished uploads.
    progress.info(`${how} The next run goes on from here.`);
    endProcess(1);
  };
  const end = (why: string, more: string, reason: Error): void => {
    progress.info(`${why}: stopping; aborting unfinished uploads.${more}`);
    after(GRACE_MS, () => exit('The run did not stop by itself, and was ended.'));
    stop.abort(reason);
  };
  const onSignal = (name: NodeJS.Signals): void => {
    if (stop.signal.aborted) {
      exit('Stopped at once.');
      return;
    }
    end(
      name,
      ' A second signal stops at once.',
      new SkippedError(`The run was stopped (${name}) before this was done.`),
    );
  };
  signals.on('SIGINT', onSignal);
  signals.on('SIGTERM', onSignal);
  if (maxDuration !== undefined) {
    const { milliseconds, text } = maxDuration;
    after(milliseconds, () => {
      if (stop.signal.aborted) return;
      end(
        `maxDuration (${text}) is over`,
        '',
        new SkippedError(`maxDuration (${text}) was over before this was done.`),
      );
    });
  }
  return {
    signal: stop.signal,
    [Symbol.dispose]: () => {
      signals.off('SIGINT', onSignal);
      signals.off('SIGTERM', onSignal);
      for (const timer of timers) clearTimeout(timer);
    },
  };
}
