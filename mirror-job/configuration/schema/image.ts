/** The shape of an entry of `images`. */
import * as z from 'zod/mini';
import { inUse } from './in-use.ts';
import { moves } from './moves.ts';
import { imageRetention } from './retention.ts';
import { platforms, referrers, tags } from './selection.ts';
import { keys, optional, patterns, text } from './values.ts';

export const image = z.union(
  [
    text,
    keys({
      source: optional(
        text,
        'Needed unless the entry has inUse. As with docker pull: [host/]path[:tag][@digest], where a digest decides and the tag is only a name; or oci:PATH, an OCI image layout (a folder or a tar) relative to this file.',
      ),
      name: optional(
        text,
        'The name under which the image is served; needed for oci:. The first part has to look like a host: images.internal/app.',
      ),
      tags: optional(
        z.union([patterns, tags], {
          error: "it must be a list, as in ['1.27', '1.*'], or a map, as in { semver: '>=1.27', latest: 5 }.",
        }),
        "Which tags: a list of tags and patterns (['*'] is all of them), or a map that says more.",
      ),
      digests: optional(z.array(text), 'Manifests to mirror whatever tag they have or had.'),
      platforms: optional(
        platforms,
        'Of an index, only the children for these platforms are mirrored, as in [linux/amd64, linux/arm64]; or all. podman and CRI-O cannot fall back on upstream for the other platforms.',
      ),
      referrers: optional(referrers, 'Overrides the default: { every: 24h }, or false.'),
      moves: optional(moves, 'Overrides the default, key by key.'),
      retention: optional(
        imageRetention,
        'What "lifeboat prune" leaves of this image: overrides the mirror’s retention, key by key; or false to leave all of it.',
      ),
      public: optional(
        z.boolean(),
        'Whether the image may go into a public bucket although upstream does not show it to anonymous callers.',
      ),
      inUse: optional(
        inUse,
        'Instead of a source: what clusters run, by the lists that "lifeboat images --publish" writes into the bucket.',
      ),
    }),
  ],
  { error: 'it must be a reference such as docker.io/library/alpine:3.20, or a map with a source.' },
);
