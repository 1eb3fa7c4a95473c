/** The shape of `tags`, `platforms` and `referrers`, which say how much of an image is mirrored. */
import * as z from 'zod/mini';
import { count, duration, keys, needed, optional, patterns, text } from './values.ts';

export const referrers = z.union(
  [z.literal(false), keys({ every: needed(duration, 'A duration: 30m, 24h, 7d.') })],
  {
    error: 'it must be false, or { every: 24h }.',
  },
);

export const platforms = z.union(
  [
    z.literal('all'),
    z
      .array(text)
      .check(z.minLength(1, 'it lists no platform. Leave the key out, or say all, to mirror all platforms.')),
  ],
  { error: 'it must be a list, as in [linux/amd64, linux/arm64], or all.' },
);

export const tags = keys({
  include: optional(
    patterns,
    'Tags, which are asked for by name, and patterns: 1.*, or /^v\\d+$/ between slashes.',
  ),
  semver: optional(text, 'A range of versions, as in >=1.27.'),
  suffix: optional(
    z.array(z.string()).check(z.minLength(1, "it lists no suffix; [''] stands for no suffix.")),
    "What may follow a version, as in ['', '-alpine']; '' is nothing.",
  ),
  precision: optional(
    z.array(z.literal([1, 2, 3])).check(z.minLength(1, 'it lists no precision.')),
    'How many numbers a tag may have: [3] takes 1.27.3 and not 1.27.',
  ),
  exclude: optional(patterns, 'Tags and patterns that are left out.'),
  latest: optional(count, 'How many of the newest tags of each kind are selected.'),
  minTags: optional(
    count,
    'The smallest number of tags to be selected from the list. If fewer are, none of them is looked at, and the run exits with 1.',
  ),
  immutable: optional(
    patterns,
    'Tags and patterns of tags that are immutable: short for moves.policy: immutable on these.',
  ),
});
