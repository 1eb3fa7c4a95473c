/** The runtimes that can be told to pull an image, and the commands for it. */
import type { Verdict } from './verdict.ts';

export interface ProbedRuntime {
  /** For people: `containerd, by CRI`. */
  readonly name: string;
  /** The program, and its arguments before `pull IMAGE` and `rmi IMAGE`. */
  readonly command: readonly [string, ...string[]];
  /** Exists while the runtime runs; undefined for a program that pulls by itself. */
  readonly socket: string | undefined;
}

/**
 * @param verdicts of the check, which has found the runtimes
 * @param env the variables by which crictl and docker find a runtime. crictl's own option would override its variable
 */
export function probedRuntimes(
  verdicts: readonly Pick<Verdict, 'runtime'>[],
  {
    CONTAINER_RUNTIME_ENDPOINT: endpoint,
    DOCKER_HOST: dockerHost,
  }: Readonly<Record<string, string | undefined>>,
): readonly ProbedRuntime[] {
  const found = new Set(verdicts.map(({ runtime }) => runtime.replace(/ \d$/, '')));
  return [
    ...(found.has('containerd')
      ? [byCri('containerd', '/run/containerd/containerd.sock', ['crictl'], endpoint)]
      : []),
    ...(found.has('podman, CRI-O')
      ? [
          byCri('CRI-O', '/var/run/crio/crio.sock', ['crictl'], endpoint),
          { name: 'podman', command: ['podman'], socket: undefined } as const,
        ]
      : []),
    ...(found.has('Docker')
      ? [{ name: 'Docker', command: ['docker'], socket: dockerSocket(dockerHost) } as const]
      : []),
    ...(found.has('k3s') ? [byCri('k3s', K3S_SOCKET, ['k3s', 'crictl'], endpoint)] : []),
    ...(found.has('RKE2') ? [byCri('RKE2', K3S_SOCKET, ['/var/lib/rancher/rke2/bin/crictl'], endpoint)] : []),
  ];
}

const K3S_SOCKET = '/run/k3s/containerd/containerd.sock';

/** @returns undefined for a Docker that is reached by TCP or SSH: then docker itself says whether it is there */
function dockerSocket(host: string | undefined): string | undefined {
  if (host === undefined || host === '') return '/var/run/docker.sock';
  return host.startsWith('unix://') ? host.slice('unix://'.length) : undefined;
}

function byCri(
  name: string,
  usual: string,
  [program = '', ...args]: readonly string[],
  endpoint: string | undefined,
): ProbedRuntime {
  const [kind = ''] = usual.split('/').at(-1)?.split('.') ?? [];
  const address = endpoint?.includes(kind) === true ? endpoint : `unix://${usual}`;
  return {
    name: `${name}, by CRI`,
    command: [program, ...args, '--runtime-endpoint', address, '--image-endpoint', address],
    socket: address.replace(/^unix:\/\//, ''),
  };
}
