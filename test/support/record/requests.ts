/** The requests that arrived at a server, as lines in an order that does not depend on concurrency. */

/** The job saves these while a run goes on, so how often depends on the time. */
export const SAVED = /\/_(?:index|tags)\.json$/;

/** Equal lines become one, with their number, except for those of objects that are saved now and then. */
export function countedLines(lines: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  return [...counts]
    .map(([line, count]) => (SAVED.test(line) ? line : `${line} ×${count}`))
    .toSorted()
    .join('\n');
}
