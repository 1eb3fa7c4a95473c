/** The files of a node that say how its runtimes pull, as they were read: by their absolute paths on the node. */

export interface NodeFiles {
  readonly files: ReadonlyMap<string, string>;
  /** Folders, because an empty one can mean something. */
  readonly folders: ReadonlySet<string>;
  /** Paths that exist and could not be read, each with the reason as a code: `EACCES`. */
  readonly unreadable: ReadonlyMap<string, string>;
}

export const CONTAINERD_CONFIG = '/etc/containerd/config.toml';

/** The places where runtimes look. Folders are read with all that is below them. */
export const NODE_PATHS = [
  '/etc/containerd',
  '/etc/docker/certs.d',
  '/etc/docker/daemon.json',
  '/etc/containers',
  '/usr/share/containers',
  '/usr/local/share/containers',
  '/usr/etc/containers',
  '/etc/rancher/k3s/registries.yaml',
  '/etc/rancher/rke2/registries.yaml',
  '/var/snap/microk8s/current/args/certs.d',
  '/etc/buildkit/buildkitd.toml',
] as const;

/** Folders that show that a runtime is there. What is in them is not read. */
export const NODE_MARKERS = ['/etc/docker', '/etc/rancher/k3s', '/etc/rancher/rke2'] as const;

/** @returns the files of a folder with that ending, without those of its folders, sorted */
export function filesIn({ files }: NodeFiles, folder: string, ending: string): string[] {
  return [...files.keys()]
    .filter((path) => path.startsWith(`${folder}/`) && path.endsWith(ending))
    .filter((path) => !path.slice(folder.length + 1).includes('/'))
    .toSorted();
}
