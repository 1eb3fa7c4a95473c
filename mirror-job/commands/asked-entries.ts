import type { Reference } from '../../core/reference.ts';
import type { ImageConfiguration } from '../configuration/configuration.ts';
import { maySelect } from '../engine/selection/selection.ts';

/**
 * The entries that ask for what a reference names, among all entries that it may mean. The digest decides if there is
 * one. The tag beside it counts only when no entry pins that digest.
 */
export function entriesAskingFor(
  entries: readonly ImageConfiguration[],
  { tag, digest }: Reference,
): readonly ImageConfiguration[] {
  const pinning = entries.filter(({ digests }) => digest !== undefined && digests.includes(digest));
  if (pinning.length > 0) return pinning;
  return entries.filter(({ tags }) => tag !== undefined && maySelect(tags, tag));
}
