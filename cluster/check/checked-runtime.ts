/** The runtimes of a node that can be checked, by their names for `lifeboat clients`. */

/** The names in verdicts. That of containerd has the major version after it there. */
const CHECKED: Readonly<Record<string, string>> = {
  containerd: 'containerd',
  'containerd-1': 'containerd 1',
  'cri-o': 'podman, CRI-O',
  podman: 'podman, CRI-O',
  docker: 'Docker',
  k3s: 'k3s',
  rke2: 'RKE2',
  microk8s: 'microk8s',
  buildkit: 'BuildKit',
};

export const CHECKED_RUNTIMES: readonly string[] = Object.keys(CHECKED);

/** @param runtime in a verdict. @returns it without a version: `containerd` */
export function withoutVersion(runtime: string): string {
  return runtime.replace(/ \d$/, '');
}

/**
 * @param name for `lifeboat clients`
 * @param runtime in a verdict
 */
export function isNamed(name: string, runtime: string): boolean {
  return [runtime, withoutVersion(runtime)].includes(CHECKED[name] ?? '');
}
