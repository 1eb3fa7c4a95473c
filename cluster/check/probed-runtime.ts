/** The runtimes that can be told to pull an image, and the commands for it. */
import { withoutVersion } from './checked-runtime.ts';
import type { Verdict } from './verdict.ts';

export interface ProbedRuntime {
  /** For people: `containerd, by CRI`. */
  readonly name: string;
  /** The runtime in verdicts, without a version. */
  readonly checked: string;
  /** For `lifeboat clients`. */
  readonly client: string;
  /** The program, and its arguments before `pull IMAGE` and `rmi IMAGE`. */
  readonly command: readonly [string, ...string[]];
  /** Exists while the runtime runs; undefined for a program that pulls by itself. */
  readonly socket: string | undefined;
  /** The variable that names the socket; undefined if it is the usual one. */
  readonly variable: string | undefined;
  /** Whether it takes an image only from a registry whose `/v2/` has answered with 200. */
  readonly needsPing: boolean;
}

const ENDPOINT = 'CONTAINER_RUNTIME_ENDPOINT';
const K3S_SOCKET = '/run/k3s/containerd/containerd.sock';

interface CriRuntime extends Pick<ProbedRuntime, 'checked' | 'client' | 'needsPing'> {
  readonly name: string;
  readonly program: readonly [string, ...string[]];
  readonly socket: string;
  /** Found in the path of another socket of it. The first runtime of the node that matches has it. */
  readonly path: RegExp;
}

/** Those with the more particular paths are first. */
const CRI_RUNTIMES: readonly CriRuntime[] = [
  {
    name: 'CRI-O',
    checked: 'podman, CRI-O',
    client: 'cri-o',
    program: ['crictl'],
    socket: '/var/run/crio/crio.sock',
    path: /crio/,
    needsPing: true,
  },
  {
    ...ofContainerd('microk8s', ['crictl'], '/var/snap/microk8s/common/run/containerd.sock'),
    path: /microk8s/,
  },
  { ...ofContainerd('RKE2', ['/var/lib/rancher/rke2/bin/crictl'], K3S_SOCKET), path: /k3s|rke2/ },
  { ...ofContainerd('k3s', ['k3s', 'crictl'], K3S_SOCKET), path: /k3s/ },
  {
    ...ofContainerd('containerd', ['crictl'], '/run/containerd/containerd.sock'),
    path: /containerd/,
  },
];

function ofContainerd(
  name: string,
  program: CriRuntime['program'],
  socket: string,
): Omit<CriRuntime, 'path'> {
  return { name, checked: name, client: name.toLowerCase(), program, socket, needsPing: false };
}

/**
 * @param verdicts of the check, which has found the runtimes
 * @param env the variables by which crictl and docker find a runtime. crictl's own option would override its variable. That of crictl counts for one
 *   runtime alone
 */
export function probedRuntimes(
  verdicts: readonly Pick<Verdict, 'runtime'>[],
  env: Readonly<Record<string, string | undefined>>,
): readonly ProbedRuntime[] {
  const found = [...new Set(verdicts.map(({ runtime }) => withoutVersion(runtime)))];
  const byCri = CRI_RUNTIMES.filter(({ checked }) => found.includes(checked));
  const endpoint = env[ENDPOINT] ?? '';
  const meant = meantBy(endpoint, byCri);
  return found.flatMap((checked) => {
    const own = byCri.filter((one) => one.checked === checked);
    return own
      .map((one) => criRuntime(one, one === meant ? endpoint : undefined))
      .concat(programsOf(checked, env['DOCKER_HOST'] ?? ''));
  });
}

/** @returns the runtime whose socket the endpoint is: by its path, or because the node has no other */
function meantBy(endpoint: string, runtimes: readonly CriRuntime[]): CriRuntime | undefined {
  if (endpoint === '') return undefined;
  return (
    runtimes.find(({ socket }) => socket === pathOf(endpoint)) ??
    runtimes.find(({ path }) => path.test(endpoint)) ??
    runtimes.find(({ socket }) => runtimes.length === 1 && isOfOneKind(endpoint, socket))
  );
}

/** A path need not name a kind. */
function isOfOneKind(endpoint: string, usual: string): boolean {
  return ['containerd', 'crio'].every((kind) => !endpoint.includes(kind) || usual.includes(kind));
}

/** Those without a CRI. */
function programsOf(checked: string, dockerHost: string): readonly ProbedRuntime[] {
  if (checked === 'podman, CRI-O') {
    const podman = { name: 'podman', client: 'podman', command: ['podman'] } as const;
    return [{ ...podman, checked, socket: undefined, variable: undefined, needsPing: true }];
  }
  if (checked !== 'Docker') return [];
  const variable = dockerHost === '' ? undefined : 'DOCKER_HOST';
  const docker = { name: 'Docker', client: 'docker', command: ['docker'] } as const;
  return [{ ...docker, checked, socket: dockerSocket(dockerHost), variable, needsPing: false }];
}

/** @returns undefined for a Docker that is reached by TCP or SSH: then docker itself says whether it is there */
function dockerSocket(host: string): string | undefined {
  if (host === '') return '/var/run/docker.sock';
  return host.startsWith('unix://') ? pathOf(host) : undefined;
}

function pathOf(address: string): string {
  return address.replace(/^unix:\/\//, '');
}

/** @param endpoint of crictl's variable; undefined for the usual socket */
function criRuntime(
  { name, checked, client, program, socket, needsPing }: CriRuntime,
  endpoint: string | undefined,
): ProbedRuntime {
  const address = endpoint ?? `unix://${socket}`;
  return {
    name: `${name}, by CRI`,
    checked,
    client,
    command: [...program, '--runtime-endpoint', address, '--image-endpoint', address],
    socket: pathOf(address),
    variable: endpoint === undefined ? undefined : ENDPOINT,
    needsPing,
  };
}
