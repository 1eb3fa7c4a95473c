/** The shape of `moves`. */
import * as z from 'zod/mini';
import { count, duration, keys, optional } from './values.ts';

export const moves = keys({
  policy: optional(
    z.enum(['follow', 'hold', 'immutable']),
    'follow: tags move as upstream’s do. hold: tags move only when they are approved. immutable: the same as hold, and a change ends the run with exit code 1. Default: follow.',
  ),
  minAge: optional(
    duration,
    'How long ago a run must have seen a digest for the first time, as in 3d, before a tag moves to the digest.',
  ),
  rollback: optional(
    z.enum(['hold', 'follow']),
    'What happens when upstream moves a tag back to a digest that the tag had before. Default: hold.',
  ),
  maxMovesPerRun: optional(
    count,
    'How many tags of an image that the bucket already has may move per run. Default: all.',
  ),
});
