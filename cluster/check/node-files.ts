/** The files of a node that say how its runtimes pull, as they were read: by their absolute paths on the node. */

export interface NodeFiles {
  readonly files: ReadonlyMap<string, string>;
  /** Folders, because an empty one can mean something. */
  readonly folders: ReadonlySet<string>;
  /** Paths that exist and could not be read, each with the reason as a code: `EACCES`. `whyUnreadable` makes a sentence of it. */
  readonly unreadable: ReadonlyMap<string, string>;
}

/** A file, or a folder with the files in it. */
export interface NodePlace {
  readonly path: string;
  /** How many levels below the folder are read. With 0 the folder shows only that a runtime is there. */
  readonly levels: number;
}

export const CONTAINERD_CONFIG = '/etc/containerd/config.toml';

/** The arguments of microk8s' programs. `current` is a link to the folder of its revision. */
export const MICROK8S_ARGS = '/var/snap/microk8s/current/args';

/** k3s and RKE2 write the configuration of containerd here when they start. */
export const K3S_CONTAINERD = {
  k3s: '/var/lib/rancher/k3s/agent/etc/containerd',
  RKE2: '/var/lib/rancher/rke2/agent/etc/containerd',
} as const;

const LEVELS = 4;

/** The places where runtimes look. `namedPlaces` has those that their own files name. */
export const NODE_PLACES: readonly NodePlace[] = [
  ...[
    '/etc/containerd',
    '/etc/docker/certs.d',
    '/etc/docker/daemon.json',
    '/etc/containers',
    '/usr/share/containers',
    '/usr/local/share/containers',
    '/usr/etc/containers',
    '/etc/rancher/k3s/registries.yaml',
    '/etc/rancher/rke2/registries.yaml',
    K3S_CONTAINERD.k3s,
    K3S_CONTAINERD.RKE2,
    `${MICROK8S_ARGS}/certs.d`,
    `${MICROK8S_ARGS}/containerd.toml`,
    `${MICROK8S_ARGS}/containerd-template.toml`,
    '/etc/buildkit/buildkitd.toml',
  ].map((path) => ({ path, levels: LEVELS })),
  ...['/etc/docker', '/etc/rancher/k3s', '/etc/rancher/rke2', MICROK8S_ARGS, '/etc/buildkit'].map((path) => ({
    path,
    levels: 0,
  })),
];

/** Whether there is such a file or folder, even if it cannot be read. */
export function exists({ files, folders, unreadable }: NodeFiles, path: string): boolean {
  return files.has(path) || folders.has(path) || unreadable.has(path);
}

/** @returns the files of a folder with that ending, without those of its folders, sorted */
export function filesIn({ files }: NodeFiles, folder: string, ending: string): string[] {
  return [...files.keys()]
    .filter((path) => path.startsWith(`${folder}/`) && path.endsWith(ending))
    .filter((path) => !path.slice(folder.length + 1).includes('/'))
    .toSorted();
}

/** @returns the path without `//`, `.`, `..` and a slash at its end. A relative one starts at the root, as that of a service does */
export function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}
