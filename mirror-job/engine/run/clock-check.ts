/**
 * Whether this machine's clock may be believed. A wrong one would pass `minAge` by, or hold tags for years, so it is
 * compared with the clocks of the stores before anything is decided. docs/decisions/0088-a-wrong-clock.md
 */
import type { Clock, Log } from '../environment.ts';
import type { Timekeeper, Witness } from '../support/server-clock.ts';
import { insideSentence } from '../store/store-name.ts';

/**
 * A clock that is kept by NTP is right to a second, and S3 refuses signatures that are 15 minutes off. Five minutes are
 * what Kerberos allows too: more than any delay on the way of an answer, and little beside any minimum age.
 */
export const MAX_CLOCK_DIFFERENCE_MS = 5 * 60_000;

/** This machine's clock contradicts others: nothing was done. The message says who says what. */
export class WrongClockError extends Error {
  override readonly name = 'WrongClockError';
}

/**
 * The stores decide. Only if none of them says a time, the upstreams do. More than half of those that say a time have
 * to contradict this machine: one server with a wrong clock must not stop a mirror that has several.
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

/** Names each server whose clock contradicts this machine's. */
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
  const said = wrong.map((server) => `${insideSentence(server.name)} says ${timeOf(server, clock)}`);
  throw new WrongClockError(
    `this machine's clock cannot be believed: it says ${formatTime(clock.now())}, but ${said.join(', and ')}. The ages of digests would be wrong, so nothing was done. Set the clock that is wrong (chrony or systemd-timesyncd keeps this machine's right), and run again.`,
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

/** A clock may be off by more than dates reach. */
function formatTime(time: Date): string {
  return Number.isNaN(time.getTime()) ? 'a time beyond all dates' : `${time.toISOString().slice(0, 19)}Z`;
}
