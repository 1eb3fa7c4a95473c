/** Probes by programs that stand for crictl and podman. test/e2e has them by real ones. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Verdict } from '../../../../cluster/check/verdict.ts';
import { makeProbeImage } from '../../../../core/probe-image.ts';
import { parseUpstream } from '../../../../core/reference.ts';
import { probeClients, type Probed } from '../../../../mirror-job/commands/clients/client-probe.ts';
import { close, listen } from '../../../support/http-server.ts';

/** The status of /v2/, and of a probe. */
let statuses: { ping: number; image: number };
let edge: string;
/** Has the programs, and the socket of containerd. */
let folder: string;

const server = createServer(({ url: path = '' }, response) => {
  const [, nonce = ''] = /lifeboat-probe\/([a-z0-9]{16})\//.exec(path) ?? [];
  if (nonce === '') response.writeHead(statuses.ping).end();
  else if (statuses.image !== 200) response.writeHead(statuses.image).end();
  else void makeProbeImage(nonce).then(({ bytes }) => response.end(bytes));
});

beforeAll(async () => {
  edge = `http://127.0.0.1:${await listen(server)}`;
});
beforeEach(async () => {
  statuses = { ping: 200, image: 200 };
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-probe-'));
  await writeFile(join(folder, 'containerd.sock'), '');
  return () => rm(folder, { recursive: true });
});
afterAll(async () => {
  await close(server);
});

/** @param lines of a shell script, whose $verb is pull or rmi. All its calls are noted */
async function program(name: string, lines: string): Promise<void> {
  const script = `#!/bin/sh\nfor one in "$@"; do case $one in pull|rmi) verb=$one;; esac; done\necho "${name} $verb" >> ${folder}/calls\n${lines}\n`;
  await writeFile(join(folder, name), script);
  await chmod(join(folder, name), 0o755);
}

interface Told extends Probed {
  readonly warnings: readonly string[];
}

async function probed(
  verdicts: readonly Partial<Verdict>[],
  {
    runtimes = [],
    token,
    env = {},
  }: {
    readonly runtimes?: readonly string[];
    readonly token?: string;
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Promise<Told> {
  const warnings: string[] = [];
  const upstreams = [{ name: parseUpstream('docker.io'), isInsecure: false }];
  const whole = verdicts.map((one): Verdict => Object.assign({ ...CONTAINERD }, one));
  const result = await probeClients(whole, {
    target: { edge, upstreams },
    token,
    runtimes,
    env: { PATH: folder, CONTAINER_RUNTIME_ENDPOINT: `unix://${folder}/containerd.sock`, ...env },
    progress: { info: () => undefined, warn: (message) => void warnings.push(message) },
  });
  return { ...result, warnings };
}

const CONTAINERD: Verdict = {
  runtime: 'containerd 2',
  upstream: 'docker.io',
  asked: 'first',
  names: 'all',
  reasons: [],
};
const PODMAN = { runtime: 'podman, CRI-O' } as const;

test('a pull by digest and by tag', async () => {
  await program('crictl', '');
  const { probes, warnings } = await probed([{}]);
  const own = { runtime: 'containerd, by CRI', upstream: 'docker.io', through: 'yes', reason: '' };
  expect(probes).toEqual([
    { ...own, by: 'digest' },
    { ...own, by: 'tag' },
  ]);
  expect(warnings).toEqual([]);
});

test('with digests only, nothing is pulled by tag', async () => {
  await program('crictl', '');
  const { probes } = await probed([{ names: 'digests' }]);
  expect(probes.map(({ by, through }) => [by, through])).toEqual([
    ['digest', 'yes'],
    ['tag', 'as configured'],
  ]);
});

test('a pull that fails has the message of the runtime without its time and level, and what the files say', async () => {
  await program('crictl', `echo 'time="x" level=fatal msg="pulling image: \\"a\\" not found"' >&2; exit 1`);
  const { probes, warnings } = await probed([{}]);
  expect(probes).toEqual([
    expect.objectContaining({
      through: 'no',
      reason:
        'pulling image: "a" not found. The files say that the edge is asked: was containerd restarted since they changed?',
    }),
  ]);
  expect(warnings).toEqual([]);
});

test('an image that cannot be removed is named, also after a pull that failed', async () => {
  await program('crictl', 'echo "no space" >&2; exit 1');
  const { warnings } = await probed([{ asked: 'no' }]);
  expect(warnings).toEqual([
    expect.stringMatching(
      /^containerd, by CRI did not remove docker\.io\/lifeboat-probe\/.*@sha256:.*: no space\. Remove it by hand\.$/,
    ),
  ]);
});

test('an edge whose /v2/ fails is a reason for podman alone', async () => {
  statuses.ping = 503;
  await program('crictl', '');
  await program('podman', '');
  const { probes, failure } = await probed([{}, PODMAN]);
  expect(failure).toBeUndefined();
  expect(probes.map(({ runtime, through }) => [runtime, through])).toEqual([
    ['containerd, by CRI', 'yes'],
    ['containerd, by CRI', 'yes'],
    ['podman', 'no'],
  ]);
  expect(probes.at(-1)?.reason).toContain(`${edge}/v2/ got 503, so podman and CRI-O take no image from it.`);
});

test.for([
  [undefined, 'got 401. Give the token of the edge with --token-file.'],
  [
    'a-token',
    'got 401. It does not take the token of --token-file or lifeboat.yaml: give one that it knows.',
  ],
] as const)('an edge that refuses the token %s', async ([token, sentence]) => {
  statuses.image = 401;
  const { probes, failure } = await probed([{}], token === undefined ? {} : { token });
  expect([probes, failure]).toEqual([[], `${edge} ${sentence}`]);
});

test.for<readonly [string, Partial<Verdict>, Readonly<Record<string, string>>, string, string]>([
  [
    'whose socket a variable names',
    {},
    { CONTAINER_RUNTIME_ENDPOINT: 'unix:///missing/containerd.sock' },
    'containerd, by CRI',
    'CONTAINER_RUNTIME_ENDPOINT names /missing/containerd.sock, which is not there.',
  ],
  [
    'whose socket is the usual one',
    { runtime: 'microk8s' },
    { CONTAINER_RUNTIME_ENDPOINT: '' },
    'microk8s, by CRI',
    '/var/snap/microk8s/common/run/containerd.sock is not there, so microk8s does not run here.',
  ],
  [
    'that only builds',
    { runtime: 'BuildKit' },
    {},
    'BuildKit',
    'BuildKit cannot be told to pull an image, so its files alone say what it does.',
  ],
])('a runtime %s is listed, and was not tried', async ([, verdict, env, runtime, reason]) => {
  const { probes } = await probed([verdict], { env });
  expect(probes).toEqual([{ runtime, upstream: 'docker.io', by: 'digest', through: 'unknown', reason }]);
});

test('of podman and CRI-O, the one that runs is enough, unless the other one is named', async () => {
  await program('podman', '');
  const env = { CONTAINER_RUNTIME_ENDPOINT: '' };
  const of = async (runtimes: readonly string[]): Promise<readonly string[]> => {
    const { probes } = await probed([PODMAN], { env, runtimes });
    return probes.map(({ runtime, through }) => `${runtime}: ${through}`);
  };
  expect(await of([])).toEqual(['podman: yes', 'podman: yes']);
  expect(await of(['podman'])).toEqual(['podman: yes', 'podman: yes']);
  expect(await of(['cri-o'])).toEqual(['CRI-O, by CRI: unknown']);
});

test('neither of podman and CRI-O', async () => {
  const { probes } = await probed([PODMAN], { env: { CONTAINER_RUNTIME_ENDPOINT: '' } });
  expect(probes.map(({ reason }) => reason)).toEqual([
    '/var/run/crio/crio.sock is not there, so CRI-O does not run here.',
    'podman cannot be started (ENOENT).',
  ]);
});
