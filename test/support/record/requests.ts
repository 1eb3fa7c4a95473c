/** The requests that arrived at a server, as lines in an order that does not depend on concurrency. */

/** Equal lines become one, with their number. */
export function countedLines(lines: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  return [...counts]
    .map(([line, count]) => `${line} ×${count}`)
    .toSorted()
    .join('\n');
}
