/** The reading of a node's files: which are read, and why others are not. */
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readNode } from '../../../../mirror-job/commands/clients/node-reader.ts';
import { runProgram } from '../../../support/process.ts';

let root: string;
let outside: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'lifeboat-node-'));
  outside = await mkdtemp(join(tmpdir(), 'lifeboat-outside-'));
});
afterEach(async () => {
  await rm(root, { recursive: true });
  await rm(outside, { recursive: true });
});

async function write(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
}

async function link(path: string, target: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await symlink(target, join(root, path));
}

const CONFIG = '/etc/containerd/config.toml';
const HUB = '/etc/containerd/certs.d/docker.io/hosts.toml';

test.for([
  ['an absolute link', '/srv/hosts.toml'],
  ['a relative link', '../../../../srv/hosts.toml'],
  ['a link that leads above the root', '../../../../../../../../srv/hosts.toml'],
] as const)('%s means a path of the node', async ([, target]) => {
  await write('/srv/hosts.toml', 'of the node');
  await link(HUB, target);
  expect((await readNode(root)).files.get(HUB)).toBe('of the node');
});

test('a link to a folder is followed, and a path through it too', async () => {
  await write('/srv/7/hosts.toml', 'of the node');
  await link('/srv/current', '7');
  await link('/etc/containerd/certs.d/docker.io', '/srv/current');
  const { files, folders } = await readNode(root);
  expect(files.get(HUB)).toBe('of the node');
  expect(folders).toContain('/etc/containerd/certs.d/docker.io');
});

test('nothing outside of the root is read, by no kind of link', async () => {
  await writeFile(join(outside, 'hosts.toml'), 'of this machine');
  const up = '../'.repeat(root.split('/').length + 8);
  await link(HUB, join(outside, 'hosts.toml'));
  await link('/etc/containerd/certs.d/quay.io', outside);
  await link('/etc/containerd/certs.d/ghcr.io', `${up}${outside}`);
  await link('/etc/containers', `${up}${outside}`);
  const { files, unreadable } = await readNode(root);
  expect([...files.values(), ...unreadable.values()]).toEqual([]);
});

test.for([['./hosts.toml'], ['/etc/containerd/certs.d/docker.io/hosts.toml'], ['other']] as const)(
  'links in a circle end with a code (%s)',
  async ([target]) => {
    await link(HUB, target);
    await link(join(dirname(HUB), 'other'), 'hosts.toml');
    const { files, unreadable } = await readNode(root);
    expect([files.size, unreadable.get(HUB)]).toEqual([0, 'ELOOP']);
  },
);

test('a folder that contains itself ends', async () => {
  await link('/etc/containerd/certs.d/self', '.');
  await write(HUB, 'text');
  expect((await readNode(root)).files.get(HUB)).toBe('text');
});

test('a link to nothing is absent, as it is for the runtimes', async () => {
  await link(HUB, '/srv/missing');
  const { files, unreadable } = await readNode(root);
  expect([files.size, unreadable.size]).toEqual([0, 0]);
});

test('a file that is too large, one that is not UTF-8 and a pipe are named with their reasons', async () => {
  await write(CONFIG, new Uint8Array(4 * 1024 * 1024 + 1));
  await write('/etc/docker/daemon.json', new Uint8Array([0x7b, 0xff, 0x7d]));
  await mkdir(join(root, 'etc/rancher/k3s'), { recursive: true });
  await runProgram('mkfifo', [join(root, 'etc/rancher/k3s/registries.yaml')]);
  const { files, unreadable } = await readNode(root);
  expect(files.size).toBe(0);
  expect(Object.fromEntries(unreadable)).toEqual({
    [CONFIG]: 'EFBIG',
    '/etc/docker/daemon.json': 'EILSEQ',
    '/etc/rancher/k3s/registries.yaml': 'EFTYPE',
  });
});

const TABLE = 'version = 3\n[plugins."io.containerd.cri.v1.images".registry]\n';

test('imports and folders of hosts.toml files are read wherever they are, and nothing beside them', async () => {
  await write(CONFIG, 'version = 3\nimports = ["/opt/a/*.toml", "../more.toml"]\n');
  await write('/etc/more.toml', 'imports = ["/usr/local/etc/b.toml"]\n');
  await write('/opt/a/a.toml', `${TABLE}config_path = "/opt/certs.d/"\n`);
  await write('/opt/a/deep/c.toml', 'not imported');
  await write('/opt/b.txt', 'not imported');
  await write('/usr/local/etc/b.toml', 'version = 3\n');
  await write('/opt/certs.d/docker.io/hosts.toml', 'hosts');
  const { files } = await readNode(root);
  expect([...files.keys()].toSorted()).toEqual([
    '/etc/containerd/config.toml',
    '/etc/more.toml',
    '/opt/a/a.toml',
    '/opt/certs.d/docker.io/hosts.toml',
    '/usr/local/etc/b.toml',
  ]);
});

test('a long chain of imports ends, and the rest is named', async () => {
  await write(CONFIG, 'imports = ["/opt/1.toml"]\n');
  for (let at = 1; at <= 40; at += 1) await write(`/opt/${at}.toml`, `imports = ["/opt/${at + 1}.toml"]\n`);
  const { files, unreadable } = await readNode(root);
  expect(files.size).toBeLessThan(20);
  expect([...unreadable.values()]).toEqual(['E2BIG']);
});

test('all files together are bounded, and the rest is named', async () => {
  await mkdir(join(root, 'etc/containerd'), { recursive: true });
  for (let at = 0; at < 17; at += 1) {
    const path = join(root, `etc/containerd/${at}`);
    await writeFile(path, '');
    await truncate(path, 4 * 1024 * 1024);
  }
  const { files, unreadable } = await readNode(root);
  expect([files.size, [...unreadable.values()]]).toEqual([16, ['E2BIG']]);
});
