/** A run that tells the addresses of `notify` that it begins and how it has ended. */
import type { Configuration } from '../../configuration/configuration.ts';
import { RunNotifier, type Patience } from '../../notify/run-notifier.ts';
import { systemClock } from '../../runtime/node/clock.ts';
import { connect } from '../../runtime/node/connection.ts';
import { readProxies } from '../../runtime/node/proxies.ts';
import type { Session } from '../../terminal/io.ts';
import type { Progress } from '../../terminal/progress.ts';
import type { Mirrored } from './mirror-run.ts';

/** A process that was told to stop is ended soon, whatever it does. */
const HURRY_MS = 2500;

interface NotifiedRun {
  readonly mirrored: () => Promise<Mirrored>;
  /** Writes the report. @returns the exit code */
  readonly publish: (mirrored: Mirrored) => Promise<number>;
  /** Aborted when the run has to stop. */
  readonly interruption: AbortSignal;
}

/** @returns the exit code of the run, whatever becomes of the notifications. @throws what the run throws */
export async function notifying(
  configuration: Configuration,
  { mirrored, publish, interruption }: NotifiedRun,
  progress: Progress,
  { env, commandLine }: Session,
): Promise<number> {
  const proxies = readProxies(env);
  const told = commandLine.elsewhere();
  const notifier = new RunNotifier(configuration, {
    connect: (ca) => connect(ca, proxies),
    clock: systemClock,
    log: progress,
    complete: (text) => told.complete(text),
  });
  const patience = (): Patience =>
    interruption.aborted
      ? { signal: new AbortController().signal, totalMs: HURRY_MS }
      : { signal: interruption };
  // Nobody waits for it, and it throws nothing.
  void notifier.begin();
  let run: Mirrored;
  try {
    run = await mirrored();
  } catch (error) {
    const sentence = error instanceof Error ? error.message : String(error);
    await notifier.refuse(sentence, new Date().toISOString(), patience());
    throw error;
  }
  const exitCode = await publish(run);
  if ('store' in run) await notifier.end(run.report, run.store, patience());
  return exitCode;
}
