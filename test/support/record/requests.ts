/** Describes the requests to a server, as lines in an order that does not depend on concurrency. */

/** The objects that the job saves while a run goes on, so the number of saves depends on the time. */
export const SAVED = /\/_(?:index|tags)\.json$/;

/** Joins equal lines into one with their number. Lines of objects that are saved now and then get no number. */
export function countedLines(lines: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  return [...counts]
    .map(([line, count]) => (SAVED.test(line) ? line : `${line} ×${count}`))
    .toSorted()
    .join('\n');
}
