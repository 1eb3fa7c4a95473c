/** The shape of `inUse`. */
import * as z from 'zod/mini';
import { duration, keys, needed, optional, patterns, text } from './values.ts';

export const inUse = keys({
  clusters: needed(
    patterns,
    "Names of clusters, and patterns of them: ['prod-*'], or ['*'] for all that have a list in the bucket.",
  ),
  upstreams: needed(
    z.array(text).check(z.minLength(1, 'it lists no host.')),
    'The hosts whose images are mirrored, as in [docker.io, quay.io]. Nothing else is asked, whatever a list says.',
  ),
  include: optional(
    patterns,
    'Patterns of repositories with their host: docker.io/library/* (one part), quay.io/prometheus/** (any number). Default: all.',
  ),
  exclude: optional(patterns, 'Patterns of repositories that are left out.'),
  keep: optional(
    duration,
    'How long an image is mirrored after a cluster has used it last, as in 30d, which is the default; at most 180d.',
  ),
  maxAge: optional(
    duration,
    'A list that is older is a finding, and nothing is taken away because of it. Default: 24h.',
  ),
});
