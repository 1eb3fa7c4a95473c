/** Names the first of many in a sentence. */

/** @returns `a, b, c and 2 more` */
export function namesOf(names: readonly string[], most: number): string {
  const others = names.length - most;
  return `${names.slice(0, most).join(', ')}${others > 0 ? ` and ${others} more` : ''}`;
}
