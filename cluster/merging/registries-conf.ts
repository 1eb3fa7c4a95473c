/**
 * Mirrors as a registries.conf of CRI-O, podman and skopeo.
 * https://github.com/containers/image/blob/main/docs/containers-registries.conf.5.md
 */
import type { TomlTable } from 'smol-toml';
import { orderMirrors } from './mirror-order.ts';
import type { SourceMirrors } from './mirror-set.ts';

/**
 * Makes one `[[registry]]` for each source. It replaces what an earlier file of registries.conf.d says of that source.
 * @param insecureHosts the hosts that are reached by plain HTTP, each with its port if it has one
 */
export function registriesConf(
  sources: readonly SourceMirrors[],
  insecureHosts: ReadonlySet<string>,
): TomlTable {
  /** The keys of a place, wherever it stands. */
  const placeOf = ({ location, only }: Place): TomlTable => {
    const [host = ''] = location.split('/', 1);
    return {
      location,
      ...(insecureHosts.has(host) && { insecure: true }),
      ...(only !== undefined && { 'pull-from-mirror': only }),
    };
  };
  return {
    registry: sources.map((source) => ({
      prefix: source.source,
      // A whole domain has no one location. Without the key, images keep the hosts in their names.
      ...(source.source.startsWith('*.') ? {} : placeOf({ location: source.source })),
      // Mirrors are still asked: a registry that is blocked is only refused itself.
      ...(source.policy === 'NeverContactSource' ? { blocked: true } : {}),
      mirror: mirrorsOf(source).map(placeOf),
    })),
  };
}

interface Place {
  readonly location: string;
  /** Left out for both kinds of pulls, which is the default. */
  readonly only?: 'digest-only' | 'tag-only';
}

function mirrorsOf({ digests, tags }: SourceMirrors): Place[] {
  const { mirrors, broken } = orderMirrors([
    { owner: 'digests', mirrors: digests },
    { owner: 'tags', mirrors: tags },
  ]);
  // One list cannot have two orders. A client skips the tables that are not for its pull, so two lists after each other can.
  if (broken.length > 0) {
    return [
      ...digests.map((location): Place => ({ location, only: 'digest-only' })),
      ...tags.map((location): Place => ({ location, only: 'tag-only' })),
    ];
  }
  return mirrors.map((location) => {
    if (!tags.includes(location)) return { location, only: 'digest-only' };
    return digests.includes(location) ? { location } : { location, only: 'tag-only' };
  });
}
