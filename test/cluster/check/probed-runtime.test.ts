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
  expect(docker).toEqual({ name: 'Docker', command: ['docker'], socket });
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
