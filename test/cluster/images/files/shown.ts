/** Findings as lines, so that a table or a golden file shows them. */
import type { Found } from '../../../../cluster/images/mention.ts';
import { formatReference } from '../../../../core/reference.ts';

/** `docker.io/library/nginx:1.27 (web)` for a mention, and `! Dockerfile:3: …` for a problem. */
export function shown(found: Iterable<Found>): string[] {
  return Array.from(found, (one) => {
    if (one.kind === 'problem') return `! ${one.where}: ${one.message}`;
    const { container, how } = one.use;
    const holder = container === undefined ? '' : ` (${container})`;
    return `${formatReference(one.reference)}${holder}${how === 'spec' ? '' : ` as ${how}`}`;
  });
}
