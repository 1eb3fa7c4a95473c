/** The places that a node's own files name, wherever they are: imports, and the folders of hosts.toml files. */
import { readContainerdConfig } from './containerd-config.ts';
import { placeOf } from './import-pattern.ts';
import {
  CONTAINERD_CONFIG,
  K3S_CONTAINERD,
  MICROK8S_ARGS,
  type NodeFiles,
  type NodePlace,
} from './node-files.ts';

const CONFIGS = [
  CONTAINERD_CONFIG,
  `${K3S_CONTAINERD.k3s}/config.toml`,
  `${K3S_CONTAINERD.RKE2}/config.toml`,
  `${MICROK8S_ARGS}/containerd.toml`,
  `${MICROK8S_ARGS}/containerd-template.toml`,
] as const;

/** A folder has one folder for each registry. */
const HOSTS_LEVELS = 2;

/** More may be named in the files that were just read, so this is asked again until nothing is new. */
export function namedPlaces(node: NodeFiles): readonly NodePlace[] {
  const places: NodePlace[] = [];
  for (const config of CONFIGS) {
    for (const major of [1, 2] as const) {
      const { folders = [], imports } = readContainerdConfig(node, major, config);
      places.push(...imports.map(placeOf), ...folders.map((path) => ({ path, levels: HOSTS_LEVELS })));
    }
  }
  return places;
}
