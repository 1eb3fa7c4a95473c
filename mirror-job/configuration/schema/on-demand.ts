/** The shape of an entry of `onDemand`. */
import * as z from 'zod/mini';
import { moves } from './moves.ts';
import { platforms, referrers, tags } from './selection.ts';
import { keys, needed, optional, patterns, text } from './values.ts';

export const onDemand = z.union(
  [
    text,
    keys({
      source: needed(
        text,
        'A host and a pattern of paths: docker.io/library/* (one part), quay.io/prometheus/** (any number). The host is not a pattern.',
      ),
      tags: optional(
        z.union([patterns, tags], {
          error: "it must be a list, as in ['1.*'], or a map, as in { exclude: ['*-rc*'] }.",
        }),
        'Which tags. Default: all.',
      ),
      maxSize: optional(
        text,
        'The most bytes of one image, all its platforms together, as in 500MiB or 8GiB. Default: 4GiB.',
      ),
      platforms: optional(platforms, 'As for an image.'),
      referrers: optional(referrers, 'As for an image.'),
      moves: optional(moves, 'As for an image.'),
      public: optional(z.boolean(), 'As for an image.'),
    }),
  ],
  { error: 'it must be a pattern such as docker.io/library/*, or a map with a source.' },
);
