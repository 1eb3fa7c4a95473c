/** Ctrl-C and SIGTERM: the run is asked to stop, and made to where it does not. */
import type { Progress } from './progress.ts';

/** Schedulers kill what is still there after ten seconds or more. Milliseconds. */
const GRACE = 8000;

/** @returns a signal that is aborted when the run has to stop; the process ends soon after, whatever hangs */
export function stopOnSignals(progress: Progress): AbortSignal {
  const stop = new AbortController();
  const exit = (how: string): never => {
    progress.stop();
    // The bucket is right at each moment; what is left of uploads is cleared by a later run.
    progress.info(`${how} The next run goes on from here.`);
    process.exit(1);
  };
  const onSignal = (name: NodeJS.Signals): void => {
    if (stop.signal.aborted) exit('Stopped at once.');
    progress.info(`${name}: stopping; what is half uploaded is aborted. Once more stops at once.`);
    setTimeout(() => exit('It did not stop by itself, and was ended.'), GRACE).unref();
    stop.abort(new Error(`stopped by ${name}`));
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return stop.signal;
}
