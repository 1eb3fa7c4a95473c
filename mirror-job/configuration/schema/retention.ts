/** The shape of `retention`: of the mirror, and of an image. */
import * as z from 'zod/mini';
import { count, duration, keys, optional, patterns } from './values.ts';

const retentionKeys = {
  history: optional(count, 'How many digests of each tag stay, the current one included. Default: 10.'),
  days: optional(
    count.check(z.maximum(3650, 'it must be at most 3650.')),
    'A tag, a digest or a pin stays at least for so many days after it was needed last. Default: 90.',
  ),
  keep: optional(patterns, "Tags that stay whatever happens: names and patterns, as in ['lts-*']."),
};

export const imageRetention = z.union([z.literal(false), keys(retentionKeys)], {
  error: 'it must be a map with history, days and keep, or false.',
});

export const retention = keys({
  ...retentionKeys,
  maxDeletePercent: optional(
    count.check(z.maximum(100, 'it must be at most 100.')),
    'The most of the bucket’s objects, or of its bytes, that one plan may delete. Default: 10.',
  ),
  grace: optional(
    duration,
    'How long objects stay condemned before the first sweep, 25h to 90d. Default: 48h.',
  ),
});
