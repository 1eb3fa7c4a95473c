/** Names the places that a look at a cluster could not read. */

const MAX_NAMED = 3;

/** @returns `/api/v1/nodes, pods.json:3 and 2 more` */
export function unreadText(unread: readonly string[]): string {
  const others = unread.length - MAX_NAMED;
  return `${unread.slice(0, MAX_NAMED).join(', ')}${others > 0 ? ` and ${others} more` : ''}`;
}
