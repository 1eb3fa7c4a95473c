/** `lifeboat clients`: its files, its options, and what it does not overwrite. */
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createIo, runMain, type Ended } from '../support/io.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-clients-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

function clients(...args: readonly string[]): Promise<Ended> {
  return runMain(['clients', ...args], createIo({ cwd: folder, env: {} }));
}

const EDGE = ['--edge', 'https://mirror.example.com'] as const;
const HUB = [...EDGE, '--upstream', 'docker.io'] as const;

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
}

function read(path: string): Promise<string> {
  return readFile(join(folder, path), 'utf8');
}

async function tree(path = ''): Promise<string[]> {
  const entries = await readdir(join(folder, path), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted();
}

test('a single file goes to standard output alone, so that it can be redirected', async () => {
  const { code, stdout, stderr } = await clients('docker', ...HUB);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({ 'registry-mirrors': ['https://mirror.example.com'] });
  expect(stderr).toMatch(/^Docker Engine:\n {2}! Docker asks the edge for tags too, because /);
});

test('several files have a heading each', async () => {
  const { stdout } = await clients('containerd', ...HUB, '--upstream', 'quay.io');
  expect(stdout.match(/^### .*$/gm)).toEqual([
    '### etc/containerd/config.toml',
    '### etc/containerd/certs.d/docker.io/hosts.toml',
    '### etc/containerd/certs.d/quay.io/hosts.toml',
  ]);
});

test('lifeboat.yaml says where the edge is, with which token, and which registries are mirrored', async () => {
  await put('token', ' secret-token\n');
  await put(
    'lifeboat.yaml',
    `store: { bucket: b, region: r }
edge: { url: https://edge.example.com/, tokenFile: token }
upstreams: { registry.internal:5000: { insecure: true } }
images:
  - docker.io/library/alpine:3
  - { source: registry.internal:5000/team/app, tags: ['*'] }
  - { source: quay.io/a/b, name: images.internal/b, tags: ['*'] }
  - inUse: { clusters: ['*'], upstreams: [registry.k8s.io] }
onDemand: [ghcr.io/acme/*]
`,
  );
  const { code, stdout } = await clients('nerdctl', '--json');
  expect(code).toBe(0);
  const [{ files }] = JSON.parse(stdout);
  expect(files.map((file: { path: string }) => file.path.split('/').at(-2))).toEqual([
    'docker.io',
    'registry.internal:5000',
    'images.internal',
    'registry.k8s.io',
    'ghcr.io',
  ]);
  expect(files[0]).toMatchObject({
    isSecret: true,
    content: expect.stringContaining('Authorization = "Bearer secret-token"'),
  });
  expect(files[1].content).toContain('server = "http://registry.internal:5000"');
  expect(files[1].content).toContain('[host."https://edge.example.com/v2/registry.internal_5000"]');
});

test('--out writes the tree as it stands on a node, and a second time changes nothing', async () => {
  const first = await clients('containerd', 'podman', ...HUB, '--out', 'node');
  expect([first.code, first.stdout]).toEqual([
    0,
    'wrote      etc/containerd/config.toml\nwrote      etc/containerd/certs.d/docker.io/hosts.toml\nwrote      etc/containers/registries.conf.d/50-lifeboat.conf\n',
  ]);
  expect(await tree()).toEqual([
    'node/etc/containerd/certs.d/docker.io/hosts.toml',
    'node/etc/containerd/config.toml',
    'node/etc/containers/registries.conf.d/50-lifeboat.conf',
  ]);
  const second = await clients('containerd', 'podman', ...HUB, '--out', 'node');
  expect(second.stdout).not.toContain('wrote');
  const third = await clients('containerd', ...HUB, '--tags', '--out', 'node');
  expect(third.stdout).toContain('wrote      etc/containerd/certs.d/docker.io/hosts.toml');
  expect(await read('node/etc/containerd/certs.d/docker.io/hosts.toml')).toContain('"resolve"');
});

test('--remove removes what was written, with folders that are empty then, and nothing that somebody has changed', async () => {
  await clients('containerd', ...HUB, '--upstream', 'quay.io', '--out', 'node');
  await put('node/etc/containerd/certs.d/ghcr.io/hosts.toml', 'server = "https://ghcr.io"\n');
  const changed = 'node/etc/containerd/certs.d/quay.io/hosts.toml';
  await put(changed, `${await read(changed)}# a comment\n`);
  const { code, stdout, stderr } = await clients(
    'containerd',
    ...HUB,
    '--upstream',
    'quay.io',
    '--remove',
    '--out',
    'node',
  );
  // An init container that removes the files of a node would never end otherwise.
  expect(code).toBe(0);
  expect(stdout).toBe(
    'removed  etc/containerd/config.toml\nremoved  etc/containerd/certs.d/docker.io/hosts.toml\n',
  );
  expect(stderr).toBe(
    'etc/containerd/certs.d/quay.io/hosts.toml is not ours, or was changed since, so it stays.\n',
  );
  expect(await tree()).toEqual(['node/etc/containerd/certs.d/ghcr.io/hosts.toml', changed]);
  expect(await readdir(join(folder, 'node/etc/containerd/certs.d'))).toEqual(['ghcr.io', 'quay.io']);
  // A changed file is not overwritten either.
  expect((await clients('nerdctl', ...EDGE, '--upstream', 'quay.io', '--tags', '--out', 'node')).code).toBe(
    2,
  );
});

test('a file with the token is for its owner alone, also if it was there before', async () => {
  await put('token', 'secret');
  const path = 'node/etc/containerd/certs.d/docker.io/hosts.toml';
  await clients('nerdctl', ...HUB, '--out', 'node');
  await chmod(join(folder, path), 0o644);
  expect((await clients('nerdctl', ...HUB, '--token-file', 'token', '--out', 'node')).code).toBe(0);
  expect((await stat(join(folder, path))).mode & 0o777).toBe(0o600);
});

test('a file of somebody else is not overwritten, and nothing else is written either', async () => {
  const path = 'node/etc/containerd/certs.d/quay.io/hosts.toml';
  await put(path, 'server = "https://quay.io"\n');
  const { code, stderr } = await clients('containerd', ...HUB, '--upstream', 'quay.io', '--out', 'node');
  expect(code).toBe(2);
  expect(stderr).toContain(
    `${path} was not written by "lifeboat clients", or was changed since, so it is not overwritten`,
  );
  expect(await tree()).toEqual([path]);
  expect(await read(path)).toBe('server = "https://quay.io"\n');
});

test('a file that others share is left alone: its missing lines are shown, and the rest is done', async () => {
  await put('node/etc/containerd/config.toml', 'version = 3\nroot = "/data"\n');
  const { code, stdout, stderr } = await clients('containerd', ...HUB, '--out', 'node');
  expect(code).toBe(1);
  expect(stdout).toBe('wrote      etc/containerd/certs.d/docker.io/hosts.toml\n');
  expect(stderr).toContain(
    'etc/containerd/config.toml is not ours, or was changed since, so it was not overwritten.',
  );
  expect(stderr).toContain('config_path = "/etc/containerd/certs.d"');
  expect(await read('node/etc/containerd/config.toml')).toBe('version = 3\nroot = "/data"\n');
});

test('for a config.toml of an unknown version, it is said which key has to be set', async () => {
  await put('node/etc/containerd/config.toml', 'version = 5\n');
  const { code, stderr } = await clients('containerd', ...HUB, '--out', 'node');
  expect(code).toBe(1);
  expect(stderr).toContain(
    '# Set this in the table that has "registry" in a file of version 5, which is not known here:\nconfig_path = "/etc/containerd/certs.d"\n',
  );
});

test('a config.toml of an earlier version gets the lines of its own version, and none for the version', async () => {
  await put('node/etc/containerd/config.toml', 'version = 2\n');
  const { code, stderr } = await clients('containerd', ...HUB, '--out', 'node');
  expect(code).toBe(1);
  expect(stderr).toContain(
    '[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "/etc/containerd/certs.d"\n',
  );
  expect(stderr).not.toMatch(/^version =/m);
  const set =
    'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "/etc/containerd/certs.d"\n';
  await put('node/etc/containerd/config.toml', set);
  expect((await clients('containerd', ...HUB, '--out', 'node')).code).toBe(0);
});

test('links in the tree mean paths of the tree, also absolute ones', async () => {
  await put('outside/kept.txt', '');
  await mkdir(join(folder, 'node/etc'), { recursive: true });
  await symlink(join(folder, 'outside'), join(folder, 'node/etc/containerd'));
  const command = ['nerdctl', ...HUB, '--out', 'node'] as const;
  expect((await clients(...command)).code).toBe(0);
  const written = `node${folder}/outside/certs.d/docker.io/hosts.toml`;
  expect(await tree()).toEqual([written, 'outside/kept.txt']);
  expect((await clients(...command)).stdout).toContain('unchanged');
  expect((await clients(...command, '--remove')).code).toBe(0);
  expect(await tree()).toEqual(['outside/kept.txt']);
});

test('".." in a link does not lead out of the tree', async () => {
  await mkdir(join(folder, 'node/etc'), { recursive: true });
  await symlink('../../../outside', join(folder, 'node/etc/containerd'));
  expect((await clients('nerdctl', ...HUB, '--out', 'node')).code).toBe(0);
  expect(await tree()).toEqual(['node/outside/certs.d/docker.io/hosts.toml']);
});

test('a folder that cannot be used for a later file is refused before the first one is written', async () => {
  await mkdir(join(folder, 'node/etc'), { recursive: true });
  await symlink('containers', join(folder, 'node/etc/containers'));
  const { code, stderr } = await clients('containerd', 'podman', ...HUB, '--out', 'node');
  expect([code, stderr]).toEqual([2, expect.stringContaining('(ELOOP), so nothing was changed.')]);
  expect(await tree()).toEqual([]);
});

test('two files that a link makes one are refused', async () => {
  await mkdir(join(folder, 'node/etc/containerd/certs.d/quay.io'), { recursive: true });
  await symlink('quay.io', join(folder, 'node/etc/containerd/certs.d/docker.io'));
  const { code, stderr } = await clients('nerdctl', ...HUB, '--upstream', 'quay.io', '--out', 'node');
  expect([code, stderr]).toEqual([2, expect.stringContaining('are one file, because of a link')]);
  expect(await tree()).toEqual([]);
});

test('if a write fails all the same, the files that were written before are named', async () => {
  await mkdir(join(folder, 'node/etc/containerd'), { recursive: true });
  // The first file takes the place of the folder of the second one.
  await symlink('config.toml', join(folder, 'node/etc/containerd/certs.d'));
  const { code, stderr } = await clients('containerd', ...HUB, '--out', 'node');
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /hosts\.toml could not be written \(\w+\)\. Before that, these were written: etc\/containerd\/config\.toml\./,
  );
});

test('files of an earlier version, with its mark, are ours', async () => {
  const rest = '\nserver = "https://docker.io"\n';
  const sum = createHash('sha256').update(rest).digest('hex');
  const path = 'node/etc/containerd/certs.d/docker.io/hosts.toml';
  await put(path, `# Written by "lifeboat clients", which may overwrite it. sha256:${sum}${rest}`);
  const { code, stdout } = await clients('nerdctl', ...HUB, '--out', 'node');
  expect([code, stdout]).toEqual([0, 'wrote      etc/containerd/certs.d/docker.io/hosts.toml\n']);
  await put(path, `# Written by "lifeboat clients", which may overwrite it. sha256:${sum}${rest}# mine\n`);
  expect((await clients('nerdctl', ...HUB, '--out', 'node')).code).toBe(2);
});

test('steps for a file are told only if that file was written', async () => {
  const command = ['containerd', 'cri-o', ...HUB, '--out', 'node'] as const;
  expect((await clients(...command)).stderr).toMatch(/Without config_path [^]*systemctl reload crio/);
  expect((await clients(...command)).stderr).toBe('');
  const { stderr } = await clients(...command, '--tags');
  expect(stderr).toContain('systemctl reload crio');
  expect(stderr).not.toContain('config_path');
});

test('with --out, the token is not in the JSON either, and without it, it is', async () => {
  await put('token', 'secret-token');
  const command = ['eks', 'cri-o', ...HUB, '--token-file', 'token', '--json'] as const;
  expect((await clients(...command)).stdout).toContain('secret-token');
  const { code, stdout, stderr } = await clients(...command, '--out', 'node');
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).not.toContain('secret-token');
  const { runtimes, tree: written } = JSON.parse(stdout);
  expect(runtimes[0].files).toEqual([{ path: 'user-data.txt', kind: 'shared', isSecret: true }]);
  expect(runtimes[1].files[0].content).toContain('lifeboat clients');
  expect(written.written).toContain('user-data.txt');
});

test('--remove prints JSON too', async () => {
  await clients('containerd', ...HUB, '--out', 'node');
  await put('node/etc/containerd/config.toml', 'version = 3\n');
  const { code, stdout, stderr } = await clients('containerd', ...HUB, '--remove', '--out', 'node', '--json');
  expect([code, JSON.parse(stdout), stderr]).toEqual([
    0,
    { removed: ['etc/containerd/certs.d/docker.io/hosts.toml'], left: ['etc/containerd/config.toml'] },
    '',
  ]);
});

test('lifeboat.yaml counts if it is named, also where the options say all that is needed', async () => {
  await put(
    'lifeboat.yaml',
    'store: { bucket: b, region: r }\nupstreams: { registry.internal:5000: { insecure: true } }\nimages: [alpine:3]\n',
  );
  const command = ['nerdctl', ...EDGE, '--upstream', 'registry.internal:5000'] as const;
  expect((await clients(...command)).stdout).toContain('server = "https://registry.internal:5000"');
  for (const file of ['lifeboat.yaml', './lifeboat.yaml']) {
    expect((await clients(...command, '-c', file)).stdout).toContain(
      'server = "http://registry.internal:5000"',
    );
  }
});

test('the token of lifeboat.yaml is for its own edge alone', async () => {
  await put('token', 'secret-token');
  await put(
    'lifeboat.yaml',
    'store: { bucket: b, region: r }\nedge: { url: https://edge.example.com, tokenFile: token }\nimages: [alpine:3]\n',
  );
  expect((await clients('nerdctl')).stdout).toContain('secret-token');
  expect((await clients('nerdctl', ...EDGE)).stdout).not.toContain('secret-token');
});

test('an address with a password is not shown', async () => {
  const { stderr } = await clients(
    'k3s',
    '--edge',
    'https://user:hunter2@e.example',
    '--upstream',
    'docker.io',
  );
  expect(stderr).toContain('--edge: it must have no user and no password');
  expect(stderr).not.toContain('hunter2');
});

test('a shared file that has the lines already needs nothing', async () => {
  await put(
    'node/etc/containerd/config.toml',
    'version = 3\nroot = "/data"\n[plugins."io.containerd.cri.v1.images".registry]\nconfig_path = "/etc/containerd/certs.d"\n',
  );
  await put(
    'node/etc/docker/daemon.json',
    '{"registry-mirrors":["https://mirror.example.com"],"debug":true}',
  );
  const { code, stdout } = await clients('containerd', 'docker', ...HUB, '--out', 'node');
  expect(code).toBe(0);
  expect(stdout).toContain('unchanged  etc/containerd/config.toml\nunchanged  etc/docker/daemon.json\n');
});

test.each<readonly [string, readonly string[], number, RegExp]>([
  ['no runtime', [...HUB], 2, /name a runtime: containerd, containerd-1, cri-o, /],
  [
    'another runtime',
    ['contanerd', ...HUB],
    2,
    /there is no runtime "contanerd"\. Did you mean "containerd"\?/,
  ],
  [
    'an edge with a path',
    ['k3s', '--edge', 'https://e.example/v2', '--upstream', 'docker.io'],
    2,
    /it must end after the host: write https:\/\/e\.example\./,
  ],
  [
    'an edge that is no address',
    ['k3s', '--edge', 'mirror', '--upstream', 'docker.io'],
    2,
    /it must be an address such as/,
  ],
  [
    'no option and no lifeboat.yaml',
    ['k3s'],
    2,
    /lifeboat\.yaml: there is no such file\. Give --edge URL and --upstream HOST, or name with -c FILE /,
  ],
  [
    'no edge and no lifeboat.yaml',
    ['k3s', '--upstream', 'docker.io'],
    2,
    /there is no such file\. Give --edge URL, or/,
  ],
  [
    'the default configuration that is named and missing',
    ['k3s', ...HUB, '-c', 'lifeboat.yaml'],
    2,
    /lifeboat\.yaml: there is no such file/,
  ],
  ['an upstream that is none', ['k3s', ...EDGE, '--upstream', 'docker'], 2, /"docker" is not a valid name/],
  ['every registry beside one', ['k3s', ...HUB, '--upstream', '*'], 2, /leave the others out/],
  ['another order', ['k3s', ...HUB, '--order', 'first'], 2, /it is mirror-first or upstream-first/],
  [
    'a token file that is missing',
    ['k3s', ...HUB, '--token-file', 'none'],
    2,
    /--token-file none: there is no such file\./,
  ],
  [
    'a peer with a path',
    ['k3s', ...HUB, '--peer', 'http://127.0.0.1:5000/v2'],
    2,
    /--peer: it must end after the host/,
  ],
  [
    'two runtimes with one file',
    ['containerd', 'containerd-1', ...HUB],
    2,
    /need different contents for etc\/containerd\/config\.toml/,
  ],
  ['a folder below a file', ['k3s', ...HUB, '--out', 'lifeboat.txt/x'], 2, /ENOTDIR/],
  ['--remove without --out', ['k3s', ...HUB, '--remove'], 2, /--remove needs --out/],
  ['--root without --check', ['k3s', ...HUB, '--root', '/'], 2, /belong to --check/],
  ['--check with --tags', ['--check', ...HUB, '--tags'], 2, /have no effect: leave them out/],
  [
    'a configuration that is named and missing',
    ['k3s', ...HUB, '-c', 'none.yaml'],
    2,
    /none\.yaml: there is no such file/,
  ],
  ['--check with a runtime that is not checked', ['talos', '--check', ...HUB], 2, /knows no runtime "talos"/],
  ['--check of every registry', ['--check', ...EDGE, '--upstream', '*'], 2, /needs the names of registries/],
  ['--check of no directory', ['--check', ...HUB, '--root', 'none'], 2, /there is no such directory/],
  ['--check of an empty node', ['--check', ...HUB, '--root', '.'], 3, /No container runtime has files below/],
  ['another version of containerd', ['--check', ...HUB, '--containerd', '3'], 2, /it is 1 or 2/],
  [
    'nothing that Docker can do',
    ['docker', ...EDGE, '--upstream', 'quay.io'],
    1,
    /Docker does not ask the edge for quay\.io, because/,
  ],
])('%s is answered with a sentence', async (_, args, expected, sentence) => {
  await put('lifeboat.txt', '');
  const { code, stderr } = await clients(...args);
  expect(stderr).toMatch(sentence);
  expect(code).toBe(expected);
});

test('an empty token file, and one with more than a token, are refused', async () => {
  await put('empty', '\n');
  await put('two', 'one two');
  expect((await clients('k3s', ...HUB, '--token-file', 'empty')).stderr).toContain(
    '--token-file empty: it is empty',
  );
  expect((await clients('k3s', ...HUB, '--token-file', 'two')).stderr).toContain(
    'it must hold one token and nothing else',
  );
});

test('the secrets of lifeboat.yaml are not needed, and its address of the edge is', async () => {
  await writeFile(
    join(folder, 'lifeboat.yaml'),
    'store: { endpoint: "${S3}", bucket: b, accessKeyId: "${A}", secretAccessKey: "${B}" }\nedge: { url: https://mirror.example.com }\nimages: [docker.io/library/alpine:3]\n',
  );
  const { code, stdout } = await clients('docker', '--json');
  expect(code).toBe(0);
  const [{ files }] = JSON.parse(stdout);
  expect(JSON.parse(files[0].content)).toEqual({ 'registry-mirrors': ['https://mirror.example.com'] });
  await writeFile(
    join(folder, 'lifeboat.yaml'),
    'store: { bucket: b, region: r }\nedge: { url: "${EDGE}" }\nimages: [a:1]\n',
  );
  const refused = await clients('docker');
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('EDGE is not set')]);
});

test.each([
  ['in the edge', 'store: { endpoint: "https://s3.${DOMAIN}", bucket: b }', 'https://mirror.${DOMAIN}'],
  ['by an alias', 'store: { endpoint: &address "https://${DOMAIN}", bucket: b }', undefined],
])('a variable of the store that also stands %s has to be set', async (_, store, url) => {
  const edge = url === undefined ? '*address' : `"${url}"`;
  await put('lifeboat.yaml', `${store}\nedge: { url: ${edge} }\nimages: [alpine:3]\n`);
  const { code, stdout, stderr } = await clients('docker');
  expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining('DOMAIN is not set')]);
});

test('a file in JSON is what --out writes, so that it is known as ours', async () => {
  // Messages name the program as it was typed, and files do not.
  const io = createIo({ cwd: folder, env: {}, program: 'npx lifeboat' });
  const { stdout } = await runMain(['clients', 'nerdctl', ...HUB, '--json'], io);
  const [{ files }] = JSON.parse(stdout);
  expect(files[0].content.split('\n')[0]).toBe(
    '# Written by "lifeboat clients". It overwrites this file only as long as nobody has changed it.',
  );
});

test('lifeboat.yaml without an edge says what to add', async () => {
  await put('lifeboat.yaml', 'store: { bucket: b, region: r }\nimages: [alpine:3]\n');
  const { code, stderr } = await clients('k3s');
  expect(code).toBe(2);
  expect(stderr).toContain('Give --edge https://… or write edge: { url: https://… } into lifeboat.yaml.');
});

test('--check reads what was written, and says where nothing is asked', async () => {
  await clients('containerd', 'podman', 'docker', 'k3s', 'rke2', ...HUB, '--tags', '--out', 'node');
  const good = await clients('--check', ...HUB, '--root', 'node', '--containerd', '2');
  expect(good.code).toBe(0);
  expect(good.stdout.trimEnd().split('\n')).toEqual([
    'containerd 2   docker.io  asked first  tags and digests',
    'podman, CRI-O  docker.io  asked first  tags and digests',
    'Docker         docker.io  asked first  tags and digests',
    'k3s            docker.io  asked first  tags and digests',
    'RKE2           docker.io  asked first  tags and digests',
  ]);
  const other = await clients(
    '--check',
    ...HUB,
    '--upstream',
    'quay.io',
    '--root',
    'node',
    '--containerd',
    '2',
  );
  expect(other.code).toBe(3);
  expect(other.stdout.match(/quay\.io +NOT ASKED/g)).toHaveLength(5);
  const json = await clients('--check', ...HUB, '--root', 'node', '--containerd', '2', '--json');
  expect(JSON.parse(json.stdout).verdicts).toContainEqual({
    runtime: 'containerd 2',
    upstream: 'docker.io',
    asked: 'first',
    names: 'all',
    reasons: [],
  });
});
