/**
 * Merged mirrors as a registries.conf of CRI-O, podman and skopeo.
 * https://github.com/containers/image/blob/main/docs/containers-registries.conf.5.md
 */
import { stringify } from 'smol-toml';
import type { MergedMirrors, MergedSource } from './merged-mirrors.ts';
import { orderMirrors } from './mirror-order.ts';

/** What a mirror is asked for, in the words of the file. */
type PullFromMirror = 'digest-only' | 'tag-only' | 'all';

interface MirrorTable {
  readonly location: string;
  readonly 'pull-from-mirror': PullFromMirror;
}

/** Writes one `[[registry]]` for each source. It replaces what an earlier file of registries.conf.d says of that source. */
export function renderRegistriesConf({ sources }: MergedMirrors): string {
  return stringify({
    registry: sources.map((source) => ({
      prefix: source.source,
      // A whole domain has no one location. Without the key, images keep the hosts in their names.
      ...(source.source.startsWith('*.') ? {} : { location: source.source }),
      // Mirrors are still asked: a registry that is blocked is only refused itself.
      ...(source.policy === 'NeverContactSource' ? { blocked: true } : {}),
      mirror: mirrorTables(source),
    })),
  });
}

function mirrorTables({ digests, tags }: MergedSource): MirrorTable[] {
  const { mirrors, broken } = orderMirrors([
    { owner: 'digests', mirrors: digests },
    { owner: 'tags', mirrors: tags },
  ]);
  // One list cannot have two orders. A client skips the tables that are not for its pull, so two lists after each other can.
  if (broken.length > 0) {
    return [
      ...digests.map((mirror) => table(mirror, 'digest-only')),
      ...tags.map((mirror) => table(mirror, 'tag-only')),
    ];
  }
  return mirrors.map((mirror) => {
    if (!tags.includes(mirror)) return table(mirror, 'digest-only');
    return table(mirror, digests.includes(mirror) ? 'all' : 'tag-only');
  });
}

function table(location: string, pulls: PullFromMirror): MirrorTable {
  return { location, 'pull-from-mirror': pulls };
}
