/** Walks a graph level by level. */
import { allOrThrow } from '../support/all-or-throw.ts';

/**
 * A level is visited side by side, so a deep graph costs as many waits as it has levels. Rings end, because no node is visited
 * on two levels: lists of referrers may lead back to where they were found.
 * @param nameOf two steps of one name lead to the same node
 * @param visit returns the steps from a node
 * @throws what `visit` throws, once no visit of that level is under way any more
 */
export async function walkLevels<Step>(
  roots: readonly Step[],
  nameOf: (step: Step) => string,
  visit: (step: Step) => Promise<readonly Step[]>,
): Promise<void> {
  const seen = new Set<string>();
  let level = roots;
  while (level.length > 0) {
    const fresh = level.filter((step) => !seen.has(nameOf(step)));
    for (const step of fresh) seen.add(nameOf(step));
    level = (await allOrThrow(fresh.map((step) => visit(step)))).flat();
  }
}
