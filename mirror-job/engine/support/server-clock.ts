/**
 * Learns one server's clock from its answers. A cache on the way may keep an answer, with an `Age` and either the `Date`
 * at which it was made or a `Date` of the cache's own. So the true time may be anywhere between the two. A cache without
 * an `Age` makes a server look slow, so the answer that is the furthest ahead counts.
 * https://www.rfc-editor.org/rfc/rfc9110.html#name-date, https://www.rfc-editor.org/rfc/rfc9111.html#name-age
 */
export class ServerClock {
  #aheadMs: number | undefined;

  /**
   * How far the server's clock is ahead of this machine's; negative if it is behind. Undefined until an answer says a
   * time.
   */
  get aheadMs(): number | undefined {
    return this.#aheadMs;
  }

  /**
   * Learns from an answer.
   * @param date the header `Date`, which is ignored in an obsolete format and in none
   * @param age the header `Age`
   * @param nowMs when the answer arrived, by this machine's clock
   */
  note(date: string | null | undefined, age: string | null | undefined, nowMs: number): void {
    const madeMs = parseDate(date);
    if (madeMs === undefined) return;
    const ageMs = /^\d+$/.test(age ?? '') ? 1000 * Number(age) : 0;
    // The header gives whole seconds.
    const latestMs = madeMs + ageMs + 999;
    const aheadMs = Math.max(madeMs - nowMs, 0) + Math.min(latestMs - nowMs, 0);
    this.#aheadMs = Math.max(this.#aheadMs ?? -Infinity, aheadMs);
  }
}

/** Accepts only one format, because the others have no time zone or a year of two digits. */
function parseDate(date: string | null | undefined): number | undefined {
  if (date === null || date === undefined) return undefined;
  const time = Date.parse(date);
  return !Number.isNaN(time) && new Date(time).toUTCString() === date ? time : undefined;
}

/**
 * NTP keeps a clock right to a second, and S3 refuses signatures that are 15 minutes off. Kerberos allows five minutes, too:
 * it is more than the delay of any answer, and little beside any minimum age.
 */
export const MAX_CLOCK_DIFFERENCE_MS = 5 * 60_000;

/** A server whose answers say the time. */
export interface Timekeeper {
  /** The name in messages. */
  readonly name: string;
  /** Left out by a server whose answers say no time, such as a store in memory. */
  readonly time?: Pick<ServerClock, 'aheadMs'>;
}

/** A server that is asked for the time only if no store says it. */
export interface Witness extends Timekeeper {
  /** Asks it for any answer, unless it has said the time already. Never throws, because it may be unreachable. */
  askTime(): Promise<void>;
}
