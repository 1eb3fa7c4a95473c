/** The rule that says which tags are held. Pages, the overview, metrics and `lifeboat status` count by it. */

/** What is known of a tag and its upstream. */
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
