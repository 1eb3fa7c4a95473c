/** The shape of an entry of `upstreams`. */
import * as z from 'zod/mini';
import { count, duration, keys, needed, optional, text, whole } from './values.ts';

/** The number is enough for an index and one of its manifests. With a smaller one, no run would get further than the last. */
const MIN_GETS = 3;

export const upstream = keys({
  credentials: optional(
    z.array(
      keys({
        username: needed(text, 'The account’s name.'),
        password: needed(text, 'Its password or token: write a variable, as in ${DOCKER_HUB_TOKEN}.'),
      }),
    ),
    'Accounts, used in turn, sent to this upstream and to the https token realm that it names, nowhere else. Default: the logins of docker and podman on this machine; [] for none.',
  ),
  insecure: optional(
    z.boolean(),
    'Plain HTTP: anybody on the network path decides what a tag is. Default: false.',
  ),
  ca: optional(text, 'A PEM file with further root certificates, relative to this file.'),
  timeout: optional(duration, 'How long the upstream may be silent, as in 30s, which is the default.'),
  concurrency: optional(
    count.check(z.maximum(256, 'it must be at most 256.')),
    'The most requests that wait for an answer at once; fewer if the upstream is slow or refuses requests. Default: 32.',
  ),
  budget: optional(
    keys({
      keepRemaining: optional(
        whole.check(z.minimum(0, 'it must not be negative.')),
        'How many of the manifest GETs that the upstream says are left (Docker Hub does) a run leaves for others.',
      ),
      manifestGetsPerRun: optional(
        whole.check(
          z.minimum(
            MIN_GETS,
            `it must be at least ${MIN_GETS}: an image of several platforms needs more than one.`,
          ),
        ),
        'The most manifest GETs that a run sends to this upstream. The rest is for the next run.',
      ),
    }),
    'What a run may spend of the upstream’s rate limit.',
  ),
});
