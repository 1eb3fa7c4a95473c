/** The rule that says which tags are held, and the sentence that says why. Pages, the overview, metrics and `lifeboat status` count by it. */

/** A tag, compared with its upstream. */
export interface Followed {
  /** Why the tag does not follow upstream, if somebody has said so; undefined otherwise. */
  readonly hold?: string | undefined;
  /** Upstream's digest that waits, because policy does not let the tag follow, or not yet; undefined if none waits. */
  readonly upstream?: object | undefined;
}

/** Whether a tag does not follow upstream, or not yet: by hand, or by policy alone. */
export function isHeld({ hold, upstream }: Followed): boolean {
  return hold !== undefined || upstream !== undefined;
}

/** The sentence for a tag that somebody holds, and for one of which nothing is known but that upstream has moved it. */
export function heldReason(hold: string | undefined): string {
  return hold === undefined ? 'Upstream has moved it.' : `It is held: ${hold.replace(/\.$/, '')}.`;
}
