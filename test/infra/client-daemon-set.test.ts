/** infra/kubernetes/clients.yaml: its containers do what its comment says, on the files of a node. */
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createIo, runMain, type Ended } from '../mirror-job/support/io.ts';

interface Container {
  readonly name: string;
  readonly args: readonly string[];
  readonly volumeMounts: readonly { readonly mountPath: string; readonly readOnly?: boolean }[];
}

const { spec } = parse(
  await readFile(join(import.meta.dirname, '../../infra/kubernetes/clients.yaml'), 'utf8'),
);
const containers: readonly Container[] = spec.template.spec.initContainers;

let node: string;

beforeEach(async () => {
  node = await mkdtemp(join(tmpdir(), 'lifeboat-node-'));
  await mkdir(join(node, 'etc/containerd'), { recursive: true });
});

afterEach(async () => {
  await rm(node, { recursive: true });
});

/** Runs a container's command on the files of the node. @param more arguments before the others */
function run(name: string, ...more: readonly string[]): Promise<Ended> {
  const container = containers.find((one) => one.name === name);
  if (container === undefined) throw new Error(`There is no container ${name}.`);
  const [command = '', ...args] = container.args;
  const here = args.map((arg) => (arg === '/node' ? node : arg));
  return runMain([command, ...more, ...here], createIo({ cwd: node, env: {} }));
}

const SET =
  'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "/etc/containerd/certs.d"\n';

test('it writes the files, finds that the edge is asked, and removes them again', async () => {
  await writeFile(join(node, 'etc/containerd/config.toml'), SET);
  expect(await run('write')).toMatchObject({
    code: 0,
    stdout: 'wrote      etc/containerd/certs.d/docker.io/hosts.toml\n',
  });
  expect(await run('check')).toMatchObject({ code: 0 });
  expect(await run('write', '--remove')).toMatchObject({ code: 0 });
  expect(await readdir(join(node, 'etc/containerd/certs.d'))).toEqual([]);
  expect(await readFile(join(node, 'etc/containerd/config.toml'), 'utf8')).toBe(SET);
});

test('the removal leaves a file of somebody else, and ends with success all the same', async () => {
  const theirs = join(node, 'etc/containerd/certs.d/docker.io/hosts.toml');
  await mkdir(dirname(theirs), { recursive: true });
  await writeFile(theirs, 'server = "https://registry-1.docker.io"\n');
  expect(await run('write', '--remove')).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('is not ours, or was changed since, so it stays.'),
  });
  expect(await readFile(theirs, 'utf8')).toBe('server = "https://registry-1.docker.io"\n');
});

test('the check fails on a node whose containerd reads no hosts.toml, and says why', async () => {
  await writeFile(join(node, 'etc/containerd/config.toml'), 'version = 3\n');
  expect(await run('write')).toMatchObject({ code: 0 });
  expect(await run('check')).toMatchObject({
    code: 3,
    stdout: expect.stringContaining('config_path is not set'),
  });
});

test('a container sees the folder of containerd alone, and the check cannot write it', () => {
  expect(containers.map(({ name, volumeMounts }) => [name, volumeMounts.length])).toEqual([
    ['write', 1],
    ['check', 1],
  ]);
  expect(containers.find(({ name }) => name === 'check')?.volumeMounts).toMatchObject([{ readOnly: true }]);
});
