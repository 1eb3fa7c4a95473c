/** Walks a graph level by level. */
import { allOrThrow } from '../support/all-or-throw.ts';

/**
 * Visits each node once. A level is visited side by side, so a deep graph costs as many waits as it has levels. Rings end, too:
 * lists of referrers may lead back to where they were found.
 * @param nameOf two steps of one name lead to the same node. The first one counts
 * @param visit returns the steps from a node
 * @param needed drops the steps of a level that earlier ones, or others of that level, make needless
 * @throws what `visit` throws, once no visit of that level is under way any more
 */
export async function walkLevels<Step>(
  roots: readonly Step[],
  nameOf: (step: Step) => string,
  visit: (step: Step) => Promise<readonly Step[]>,
  needed: (level: readonly Step[]) => readonly Step[] = (level) => level,
): Promise<void> {
  const seen = new Set<string>();
  let level = roots;
  while (level.length > 0) {
    // Several nodes of a level may lead to the same node.
    const fresh = needed(level).filter((step) => {
      const name = nameOf(step);
      if (seen.has(name)) return false;
      seen.add(name);
      return true;
    });
    level = (await allOrThrow(fresh.map((step) => visit(step)))).flat();
  }
}
