/** The runtimes that are told to pull a probe, and where they are looked for. */
import { expect, test } from 'vitest';
import { probedRuntimes } from '../../../cluster/check/probed-runtime.ts';

test.for<readonly [string | undefined, string | undefined]>([
  [undefined, '/var/run/docker.sock'],
  ['', '/var/run/docker.sock'],
  ['unix:///run/user/1000/docker.sock', '/run/user/1000/docker.sock'],
  ['tcp://127.0.0.1:2375', undefined],
])('Docker with DOCKER_HOST = %s has the socket %s', ([host, socket]) => {
  const [docker] = probedRuntimes([{ runtime: 'Docker' }], { DOCKER_HOST: host });
  const variable = host === undefined || host === '' ? undefined : 'DOCKER_HOST';
  expect(docker).toMatchObject({ name: 'Docker', command: ['docker'], socket, variable });
});

test('CONTAINER_RUNTIME_ENDPOINT counts for the runtime that its path names', () => {
  const env = { CONTAINER_RUNTIME_ENDPOINT: 'unix:///run/mine/containerd.sock' };
  const runtimes = probedRuntimes([{ runtime: 'containerd 2' }, { runtime: 'podman, CRI-O' }], env);
  expect(runtimes.map(({ name, socket }) => [name, socket])).toEqual([
    ['containerd, by CRI', '/run/mine/containerd.sock'],
    ['CRI-O, by CRI', '/var/run/crio/crio.sock'],
    ['podman', undefined],
  ]);
});

const USUAL = {
  'containerd 2': '/run/containerd/containerd.sock',
  'podman, CRI-O': '/var/run/crio/crio.sock',
  k3s: '/run/k3s/containerd/containerd.sock',
  RKE2: '/run/k3s/containerd/containerd.sock',
  microk8s: '/var/snap/microk8s/common/run/containerd.sock',
} as const;

test.for<readonly [string, readonly (keyof typeof USUAL)[], keyof typeof USUAL | undefined]>([
  ['unix:///run/k3s/containerd/containerd.sock', ['containerd 2', 'k3s'], 'k3s'],
  ['unix:///run/containerd/containerd.sock', ['k3s', 'containerd 2'], 'containerd 2'],
  ['/srv/k3s/containerd.sock', ['containerd 2', 'RKE2'], 'RKE2'],
  ['unix:///var/snap/microk8s/x/containerd.sock', ['containerd 2', 'microk8s'], 'microk8s'],
  ['unix:///srv/crio.sock', ['containerd 2', 'podman, CRI-O'], 'podman, CRI-O'],
  ['unix:///srv/mine.sock', ['k3s'], 'k3s'],
  ['unix:///srv/containerd.sock', ['k3s'], 'k3s'],
  ['unix:///srv/containerd.sock', ['podman, CRI-O'], undefined],
  ['unix:///srv/mine.sock', ['containerd 2', 'k3s'], undefined],
  ['', ['containerd 2'], undefined],
])('CONTAINER_RUNTIME_ENDPOINT=%s on a node with %s', ([endpoint, found, meant]) => {
  const env = { CONTAINER_RUNTIME_ENDPOINT: endpoint };
  const verdicts = found.map((runtime) => ({ runtime }));
  const runtimes = probedRuntimes(verdicts, env).filter(({ name }) => name !== 'podman');
  expect(runtimes.map(({ socket, variable }) => [socket, variable])).toEqual(
    found.map((name) =>
      name === meant
        ? [endpoint.replace('unix://', ''), 'CONTAINER_RUNTIME_ENDPOINT']
        : [USUAL[name], undefined],
    ),
  );
});
