import type { Reference } from '../core/reference.ts';
import type { ImageConfiguration } from './configuration/configuration.ts';
import { maySelect } from './engine/selection.ts';

/**
 * Of the entries that a reference may mean, those that ask for what it names. The digest decides where there is one; the
 * tag beside it helps only where no entry pins that digest.
 */
export function entriesAskingFor(
  entries: readonly ImageConfiguration[],
  { tag, digest }: Reference,
): readonly ImageConfiguration[] {
  const pinning = entries.filter(({ digests }) => digest !== undefined && digests.includes(digest));
  if (pinning.length > 0) return pinning;
  return entries.filter(({ tags }) => tag !== undefined && maySelect(tags, tag));
}
