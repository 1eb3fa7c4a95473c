/** `lifeboat clients --check`: its exit codes, its text, and what it refuses. test/e2e has it on real nodes. */
import { createServer } from 'node:http';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeProbeImage } from '../../../core/probe-image.ts';
import type { Verdict } from '../../../cluster/check/verdict.ts';
import { exitCodeOf } from '../../../mirror-job/commands/client-check.ts';
import { describeCheck, type ProbeResult } from '../../../mirror-job/terminal/check-text.ts';
import { close, listen } from '../../support/http-server.ts';
import { createIo, runMain } from '../support/io.ts';

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

test.for<[number, readonly Verdict[], readonly ProbeResult[]]>([
  [0, [ASKED], []],
  [0, [ASKED], [PULLED, { ...FAILED, by: 'tag' }]],
  [1, [ASKED], [PULLED, UNKNOWN]],
  [3, [ASKED, NOT_ASKED], []],
  [3, [NOT_ASKED], [PULLED]],
  [3, [ASKED], [FAILED, UNKNOWN]],
  [3, [], []],
])('it ends with exit code %i', ([code, verdicts, probes]) => {
  expect(exitCodeOf({ verdicts, probes })).toBe(code);
});

test('the text has a table of the files, one of the pulls, and each reason once', () => {
  const other = { upstream: 'quay.io' };
  const text = describeCheck({
    verdicts: [
      ASKED,
      { ...NOT_ASKED, ...other },
      { ...ASKED, runtime: 'k3s', asked: 'last', names: 'digests' },
    ],
    probes: [PULLED, { ...FAILED, ...other }, { ...UNKNOWN, runtime: 'k3s', by: 'tag' }],
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
    'k3s     docker.io  by tag     not tried',
    '',
    '! Docker: not found. (quay.io)',
    '! k3s: no crictl. (docker.io)',
  ]);
});

test.for([
  [['--probe', '--root', '.'], '--probe pulls on this machine, so leave --root out.'],
  [['--token-file', 'token'], '--token-file has an effect on --check only with --probe.'],
  [['--tags'], '--tags, --order, --peer and --remove have no effect'],
  [['containerd'], '--check looks at every runtime that it finds: leave containerd out.'],
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

test('an edge that is unavailable is named, because podman and CRI-O ask /v2/ first', async () => {
  const server = createServer(({ url: path = '' }, response) => {
    const [, nonce = ''] = /lifeboat-probe\/([a-z0-9]{16})\//.exec(path) ?? [];
    if (nonce === '') response.writeHead(503).end('{"errors":[{"code":"UNAVAILABLE","message":"x"}]}');
    else void makeProbeImage(nonce).then(({ bytes }) => response.end(bytes));
  });
  const url = `http://127.0.0.1:${await listen(server)}`;
  try {
    const io = createIo({ cwd: tmpdir(), env: { PATH: tmpdir() } });
    const args = ['clients', '--check', '--probe', '--edge', url, '--upstream', 'docker.io'];
    const { code, stderr } = await runMain(args, io);
    expect(code).toBe(1);
    expect(stderr).toContain(`${url}/v2/ got 503 UNAVAILABLE, so podman and CRI-O take no image from it.`);
  } finally {
    await close(server);
  }
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
      const { code, stdout, stderr } = await runMain(args, io);
      expect(code).toBe(1);
      expect(stderr).toContain(`${url} ${sentence}`);
      expect(JSON.parse(stdout)).toMatchObject({ probes: [] });
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
