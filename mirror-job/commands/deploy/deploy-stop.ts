/** `deploy`: what ends it early, and what is said then. */
import { errorCode } from '../../runtime/node/error-code.ts';
import { withoutValues } from '../../deploy/secrets.ts';
import { StoppedError, WranglerError } from '../../deploy/wrangler.ts';
import type { Io } from '../../terminal/io.ts';
import { NoAnswerError } from '../../terminal/prompt.ts';

/** The last lines of wrangler's have the reason. */
const MAX_LINES = 12;

/** @returns a signal that SIGINT and SIGTERM abort, until it is disposed of */
export function stopOnSignal(signals: Io['signals']): { readonly signal: AbortSignal } & Disposable {
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  signals.on('SIGINT', onSignal);
  signals.on('SIGTERM', onSignal);
  return {
    signal: stop.signal,
    [Symbol.dispose]: () => {
      signals.off('SIGINT', onSignal);
      signals.off('SIGTERM', onSignal);
    },
  };
}

/** @returns the lines to print; undefined for an error that is no such end */
export function describeStop(error: unknown, secretValues: Iterable<string>): readonly string[] | undefined {
  if (error instanceof StoppedError) return ['It was stopped.'];
  if (error instanceof NoAnswerError) return [error.message];
  if (error instanceof WranglerError) {
    const lines = error.lines.map((line) => withoutValues(line, secretValues));
    return [`npx wrangler ${error.args.join(' ')}`, ...lines.slice(-MAX_LINES).map((line) => `  ${line}`)];
  }
  if (error instanceof Error && 'syscall' in error && 'path' in error) {
    return [`${String(error.path)} cannot be written (${errorCode(error)}).`];
  }
  return undefined;
}
