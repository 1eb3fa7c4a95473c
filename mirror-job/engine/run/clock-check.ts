/**
 * Checks this machine's clock against the clocks of the stores before a run decides anything, because a wrong clock would pass
 * `minAge` by, or hold tags for years. docs/decisions/0088-a-wrong-clock.md
 */
import type { Clock, Log } from '../runtime.ts';
import { MAX_CLOCK_DIFFERENCE_MS, type Timekeeper, type Witness } from '../support/server-clock.ts';
import { insideSentence } from '../store/store-name.ts';

/** This machine's clock contradicts other clocks, so nothing was done. The message has the time of each. */
export class WrongClockError extends Error {
  override readonly name = 'WrongClockError';
}

/**
 * The stores decide, and the upstreams only if no store says a time. The run is refused if more than half of the servers that
 * say a time contradict this machine, because one server with a wrong clock must not stop a mirror that has several.
 * @param witnesses the upstreams
 * @throws {WrongClockError}
 */
export async function checkClock(
  environment: { readonly clock: Pick<Clock, 'now'>; readonly log: Log },
  stores: readonly Timekeeper[],
  witnesses: readonly Witness[],
): Promise<void> {
  if (stores.some(saysTime)) {
    refuseWrongClock(environment, stores);
    warnOfClocks(environment, stores);
    return;
  }
  await Promise.all(witnesses.map((witness) => witness.askTime()));
  refuseWrongClock(environment, witnesses);
}

/** Warns about each server whose clock contradicts this machine's. */
export function warnOfClocks(
  { clock, log }: { readonly clock: Pick<Clock, 'now'>; readonly log: Log },
  servers: readonly Timekeeper[],
): void {
  for (const server of servers.filter(isContradicting)) {
    log.warn(
      `${server.name} says that it is ${timeOf(server, clock)}, but this machine says ${formatTime(clock.now())}, and other servers agree with it. The run does not use the clock of ${insideSentence(server.name)}.`,
    );
  }
}

function refuseWrongClock(
  { clock }: { readonly clock: Pick<Clock, 'now'> },
  servers: readonly Timekeeper[],
): void {
  const wrong = servers.filter(isContradicting);
  if (wrong.length * 2 <= servers.filter(saysTime).length) return;
  const clocks = wrong.map((server) => `${insideSentence(server.name)} says ${timeOf(server, clock)}`);
  throw new WrongClockError(
    `this machine's clock cannot be believed: it says ${formatTime(clock.now())}, but ${clocks.join(', and ')}. The ages of digests would be wrong, so nothing was done. Set the clock that is wrong (chrony or systemd-timesyncd keeps this machine's right), and run again.`,
  );
}

function saysTime({ time }: Timekeeper): boolean {
  return time?.aheadMs !== undefined;
}

function isContradicting({ time }: Timekeeper): boolean {
  return Math.abs(time?.aheadMs ?? 0) > MAX_CLOCK_DIFFERENCE_MS;
}

function timeOf({ time }: Timekeeper, clock: Pick<Clock, 'now'>): string {
  return formatTime(new Date(clock.now().getTime() + (time?.aheadMs ?? 0)));
}

/** Handles a clock that is off by more than a Date can hold. */
function formatTime(time: Date): string {
  return Number.isNaN(time.getTime()) ? 'a time beyond all dates' : `${time.toISOString().slice(0, 19)}Z`;
}
