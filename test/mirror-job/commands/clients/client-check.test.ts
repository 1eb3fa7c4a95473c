/** `lifeboat clients --check`: its exit codes, its text, and what it refuses. test/e2e has it on real nodes. */
import { createServer } from 'node:http';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import type { ProbeResult } from '../../../../cluster/check/probe-result.ts';
import type { Verdict } from '../../../../cluster/check/verdict.ts';
import { exitCodeOf } from '../../../../mirror-job/commands/clients/client-check.ts';
import { describeCheck } from '../../../../mirror-job/terminal/check-text.ts';
import { close, listen } from '../../../support/http-server.ts';
import { createIo, runMain } from '../../support/io.ts';

const ASKED: Verdict = {
  runtime: 'Docker',
  upstream: 'docker.io',
  asked: 'first',
  names: 'all',
  reasons: [],
};
const NOT_ASKED: Verdict = { ...ASKED, asked: 'no', names: 'none', reasons: ['there is no file.'] };
const PULLED: ProbeResult = {
  runtime: 'Docker',
  upstream: 'docker.io',
  by: 'digest',
  through: 'yes',
  reason: '',
};
const FAILED: ProbeResult = { ...PULLED, through: 'no', reason: 'not found.' };
const UNKNOWN: ProbeResult = { ...PULLED, through: 'unknown', reason: 'no crictl.' };

test.for<[number, readonly Verdict[], readonly ProbeResult[], string?]>([
  [0, [ASKED], []],
  [0, [ASKED], [PULLED, { ...PULLED, by: 'tag', through: 'as configured' }]],
  [3, [ASKED], [PULLED, { ...FAILED, by: 'tag' }]],
  [1, [ASKED], [], 'no answer.'],
  [3, [NOT_ASKED], [], 'no answer.'],
  [1, [ASKED], [PULLED, UNKNOWN]],
  [3, [ASKED, NOT_ASKED], []],
  [3, [NOT_ASKED], [PULLED]],
  [3, [ASKED], [FAILED, UNKNOWN]],
  [3, [], []],
])('it ends with exit code %i', ([code, verdicts, probes, failure]) => {
  expect(exitCodeOf({ verdicts, probes, failure })).toBe(code);
});

test('the text has a table of the files, one of the pulls, and each reason once', () => {
  const other = { upstream: 'quay.io' };
  const text = describeCheck({
    verdicts: [
      ASKED,
      { ...NOT_ASKED, ...other },
      { ...ASKED, runtime: 'k3s', asked: 'last', names: 'digests' },
    ],
    probes: [
      PULLED,
      { ...FAILED, ...other },
      { ...UNKNOWN, runtime: 'k3s' },
      { ...PULLED, runtime: 'k3s', by: 'tag', through: 'as configured' },
    ],
  });
  expect(text.split('\n')).toEqual([
    'Docker  docker.io  asked first                    tags and digests',
    'Docker  quay.io    NOT ASKED                      ',
    'k3s     docker.io  asked when the upstream fails  digests only',
    '',
    '! Docker: there is no file. (quay.io)',
    '',
    'Pulled just now, an image that only the edge has:',
    'Docker  docker.io  by digest  pulled through the edge',
    'Docker  quay.io    by digest  NOT PULLED',
    'k3s     docker.io  by digest  not tried',
    'k3s     docker.io  by tag     not asked, as configured',
    '',
    'NOT PULLED: the edge was not asked, or the pull failed for another reason. The runtime says:',
    '',
    '! Docker: not found. (quay.io)',
    '! k3s: no crictl. (docker.io)',
  ]);
});

test.for([
  [['--probe', '--root', '.'], '--probe pulls on this machine, so leave --root out.'],
  [['--token-file', 'token'], '--token-file has an effect on --check only with --probe.'],
  [['--tags'], '--tags, --order, --peer and --remove have no effect'],
  [['--out', 'x'], '--check reads files that are there: leave --out out.'],
  [['dokcer'], '--check knows no runtime "dokcer". Did you mean "docker"?'],
  [['talos'], 'There are: containerd, containerd-1, cri-o, podman, docker, k3s, rke2, microk8s, buildkit.'],
  [['containerd-1', '--containerd', '2'], 'containerd-1 and --containerd 2 contradict each other.'],
] as const)('it refuses %s', async ([args, sentence]) => {
  const edge = ['--edge', 'https://mirror.example.com', '--upstream', 'docker.io'];
  const { code, stderr } = await runMain(['clients', '--check', ...edge, ...args]);
  expect(code).toBe(2);
  expect(stderr).toContain(sentence);
});

test('--probe without --check is refused', async () => {
  const { code, stderr } = await runMain([
    'clients',
    'docker',
    '--probe',
    '--edge',
    'https://mirror.example.com',
  ]);
  expect([code, stderr]).toEqual([
    2,
    expect.stringContaining('--probe, --root and --containerd belong to --check.'),
  ]);
});

test.for([
  [404, 'got 404, so it is an edge of an earlier release, which knows no probe, or no edge at all.'],
  [403, 'got 403. Give the token of the edge with --token-file.'],
  [200, 'got 200 for a probe.'],
  [undefined, 'did not answer this machine: it closed the connection without an answer'],
] as const)(
  'an edge that answers a probe with %s is named, and nothing is pulled',
  async ([status, sentence]) => {
    const server = createServer((request, response) => {
      if (status === undefined) request.socket.destroy();
      else response.writeHead(status).end('no image');
    });
    const url = `http://127.0.0.1:${await listen(server)}`;
    const folder = await mkdtemp(join(tmpdir(), 'lifeboat-check-'));
    try {
      // No program is found, so a pull would be another failure.
      const io = createIo({ cwd: folder, env: { PATH: folder } });
      const args = ['clients', '--check', '--probe', '--json', '--edge', url, '--upstream', 'docker.io'];
      const { stdout, stderr } = await runMain(args, io);
      expect(stderr).toContain(`${url} ${sentence}`);
      expect(JSON.parse(stdout)).toMatchObject({ probes: [], failure: expect.stringContaining(sentence) });
    } finally {
      await close(server);
      await rm(folder, { recursive: true });
    }
  },
);

test('a tree of files is checked as the node that it stands for: links mean its own paths, and config_path may lead anywhere', async () => {
  const root = await mkdtemp(join(tmpdir(), 'lifeboat-check-'));
  try {
    const folder = join(root, 'opt/certs.d/docker.io');
    await mkdir(folder, { recursive: true });
    await mkdir(join(root, 'etc/containerd'), { recursive: true });
    await writeFile(
      join(folder, 'hosts.toml'),
      '[host."https://mirror.example.com/v2/docker.io"]\noverride_path = true\n',
    );
    await writeFile(
      join(root, 'opt/config.toml'),
      'version = 3\n[plugins."io.containerd.cri.v1.images".registry]\nconfig_path = "/opt/certs.d"\n',
    );
    await symlink('/opt/config.toml', join(root, 'etc/containerd/config.toml'));
    const edge = ['--edge', 'https://mirror.example.com', '--upstream', 'docker.io'];
    const { code, stdout } = await runMain(['clients', '--check', '--root', root, ...edge]);
    expect([code, stdout]).toEqual([0, 'containerd 2  docker.io  asked first  tags and digests\n']);
  } finally {
    await rm(root, { recursive: true });
  }
});

async function inTree(
  files: Readonly<Record<string, string>>,
  act: (root: string) => Promise<void>,
): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'lifeboat-check-'));
  try {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
    await act(root);
  } finally {
    await rm(root, { recursive: true });
  }
}

const MIXED = {
  'etc/docker/key.json': '',
  'etc/containerd/config.toml': 'version = 2\n',
  'etc/containers/registries.conf':
    '[[registry]]\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "mirror.example.com/docker.io"\n',
};

test.for<readonly [readonly string[], number, readonly string[], RegExp]>([
  [[], 3, ['containerd 1', 'containerd 2', 'podman, CRI-O', 'Docker'], /^$/],
  [['podman'], 0, ['podman, CRI-O'], /^$/],
  [['CRI-O', 'podman'], 0, ['podman, CRI-O'], /^$/],
  [['containerd'], 3, ['containerd 1', 'containerd 2'], /^$/],
  [['containerd-1'], 3, ['containerd 1'], /^$/],
  [['docker'], 3, ['Docker'], /^$/],
  [['podman', 'k3s', 'rke2'], 3, ['podman, CRI-O'], /^failed k3s, rke2: no files below /],
])('the check of %j', async ([names, expected, runtimes, sentence]) => {
  await inTree(MIXED, async (root) => {
    const edge = ['--edge', 'https://mirror.example.com', '--upstream', 'docker.io'];
    const args = ['clients', ...names, '--check', '--json', '--root', root, ...edge];
    const { code, stdout, stderr } = await runMain(args);
    const { verdicts }: { readonly verdicts: readonly Verdict[] } = JSON.parse(stdout);
    expect([code, verdicts.map(({ runtime }) => runtime)]).toEqual([expected, runtimes]);
    expect(stderr).toMatch(sentence);
  });
});
