/**
 * What the answers of one server say of the time. A cache on the way may keep an answer, with the `Date` at which it
 * was made and an `Age`, or with a `Date` of its own and the same `Age`: so an answer allows for every time between the
 * two. A cache that gives no `Age` makes a server look slow, so the answer that is the furthest ahead counts.
 * https://www.rfc-editor.org/rfc/rfc9110.html#name-date, https://www.rfc-editor.org/rfc/rfc9111.html#name-age
 */
export class ServerClock {
  #aheadMs: number | undefined;

  /**
   * How far the server's clock is ahead of this machine's, in milliseconds; negative where it is behind. Undefined while
   * no answer has said a time.
   */
  get aheadMs(): number | undefined {
    return this.#aheadMs;
  }

  /**
   * Takes note of an answer.
   * @param date the header `Date`; one in an obsolete format, or in none, says nothing
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

/** Other formats have no time zone, or a year of two digits. */
function parseDate(date: string | null | undefined): number | undefined {
  if (date === null || date === undefined) return undefined;
  const time = Date.parse(date);
  return !Number.isNaN(time) && new Date(time).toUTCString() === date ? time : undefined;
}

/** A server whose answers say the time. */
export interface Timekeeper {
  /** How messages call it. */
  readonly name: string;
  /** Left out by one whose answers say nothing, such as a store in memory. */
  readonly time?: Pick<ServerClock, 'aheadMs'>;
}

/** A server that is asked for the time only if no store says it. */
export interface Witness extends Timekeeper {
  /** Asks it for an answer of any kind, unless it has said the time already. Never throws: it may be away. */
  askTime(): Promise<void>;
}
