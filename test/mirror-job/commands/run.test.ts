/** Tests `lifeboat sync` from its start to its exit code: its output, and how it stops. */
import { lstat, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { addImage, addLayer, addStreamedLayer, tagAs } from '../../support/builder.ts';
import { emptyRepository, type Repository } from '../../support/content.ts';
import { startCountingProxy, type CountingProxy, type Hook } from '../../support/counting-proxy.ts';
import { runProgram, startProgram, waitFor, waitForOutput, type Finished } from '../../support/process.ts';
import { startRogueRegistry, type RogueRegistry } from '../../support/rogue-registry.ts';
import { bundledJob, emptyBuckets, type Buckets } from '../../support/shared.ts';

// The limits are wide, because processes are slow on a busy machine. Each wait in this file has its own limit.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const MAIN = await bundledJob();
const ESCAPE = '\u001B';
/** The size is more than one part of a multipart upload. */
const LARGE_BYTES = 20_000_000;

let folder = '';
let file = '';
let store: Buckets;
/** The buckets that no test has used yet. */
let buckets: string[] = [];
let bucket = '';
let proxy: CountingProxy;
let registry: RogueRegistry;
let largeLayer = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-run-'));
  file = join(folder, 'lifeboat.yaml');
  const repositories = new Map<string, Repository>();
  const small = emptyRepository();
  tagAs(small, addImage(small, { layers: [await addLayer(small, 'small')] }), '1', '2');
  repositories.set('team/small', small);
  const large = emptyRepository();
  const layer = await addStreamedLayer(large, 'large', LARGE_BYTES);
  largeLayer = layer.digest;
  tagAs(large, addImage(large, { layers: [layer] }), '1');
  repositories.set('team/large', large);
  registry = await startRogueRegistry({ corpus: { repositories } });
  store = await emptyBuckets(12);
  buckets = [...store.buckets];
});

beforeEach(async () => {
  registry.misbehave(undefined);
  const next = buckets.pop();
  if (next === undefined) throw new Error('Each test has a bucket of its own: start more of them.');
  bucket = next;
  await openProxy();
});

afterEach(async () => {
  await proxy?.stop();
});

afterAll(async () => {
  await registry?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Opens the proxy through which the job sees the store. */
async function openProxy(before?: Hook): Promise<void> {
  await proxy?.stop();
  const target = new URL(store.endpoint).origin;
  proxy = await startCountingProxy({ target, ...(before !== undefined && { before }) });
}

/** Lets a store receive a blob and never answer. */
function hang({ method, path }: { method: string; path: string }): Promise<void> | undefined {
  return method === 'PUT' && path.includes('/blobs/') ? new Promise<void>(() => {}) : undefined;
}

/** @returns the arguments of node */
async function syncOf(images: readonly string[], ...options: string[]): Promise<string[]> {
  const { region, accessKeyId, secretAccessKey } = store;
  const endpoint = `${proxy.url}${new URL(store.endpoint).pathname}`;
  await writeFile(
    file,
    JSON.stringify({
      store: { endpoint, bucket, region, accessKeyId, secretAccessKey },
      upstreams: { [registry.host]: { insecure: true } },
      images: images.map((image) => `${registry.host}/${image}`),
    }),
  );
  return [MAIN, 'sync', '-c', file, ...options];
}

async function sync(images: readonly string[], ...options: string[]): Promise<Finished> {
  return runProgram(process.execPath, await syncOf(images, ...options), { cwd: folder });
}

test('a run that copies prints each image, and a run with nothing to do prints one line', async () => {
  const first = await sync(['team/small:1', 'team/small:2']);
  expect([first.code, first.stderr]).toEqual([0, '']);
  expect(first.stdout).toMatch(
    /^created {2}[0-9a-f]{12} {2}127\.0\.0\.1:\d+\/team\/small:1\ncreated .*small:2\npull it from the edge as EDGE\/127\.0\.0\.1_\d+\/team\/small:1\n2 created · 2 blobs copied \(.*\) · .* m?s\n$/,
  );
  const second = await sync(['team/small:1', 'team/small:2']);
  expect([second.code, second.stderr]).toEqual([0, '']);
  expect(second.stdout).toMatch(/^2 unchanged · \d+ ms\n$/);
});

test('a failure is printed with its name and its reason, the exit code is 1, and the rest is done', async () => {
  const { code, stdout } = await sync(['team/small:1', 'team/small:absent']);
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /^created .*small:1\npull it .*small:1\nfailed {3}127.*small:absent\n {9}127.* has no tag "absent"\.\n1 created, 1 failed · /,
  );
});

test('--json prints one JSON document, --report writes the same, and nothing is coloured in a pipe', async () => {
  const { code, stdout, stderr } = await sync(
    ['team/small:1', 'team/small:absent'],
    '--json',
    '--report',
    'report.json',
  );
  expect([code, stderr]).toEqual([1, '']);
  expect(JSON.parse(stdout)).toMatchObject({ counts: { created: 1, failed: 1 }, interrupted: false });
  expect(await readFile(join(folder, 'report.json'), 'utf8')).toBe(stdout);
  const plain = await sync(['team/small:1', 'team/small:absent']);
  expect(`${plain.stdout}${plain.stderr}`).not.toContain(ESCAPE);
});

test('--metrics writes a file for Prometheus that is whole at each moment', async () => {
  const { code } = await sync(['team/small:1', 'team/small:absent'], '--metrics', 'lifeboat.prom');
  expect(code).toBe(1);
  const text = await readFile(join(folder, 'lifeboat.prom'), 'utf8');
  expect(text).toContain('\nlifeboat_run_success{mirror="default"} 0\n');
  expect(text).toContain('\nlifeboat_run_images{mirror="default",result="created"} 1\n');
  expect((await readdir(folder)).filter((name) => name.includes('lifeboat.prom'))).toEqual(['lifeboat.prom']);
});

test('a report that cannot be written at the end gives exit code 1, and the metrics show the failure', async () => {
  const options = ['--report', '/dev/full', '--metrics', 'full.prom'];
  const { code, stderr } = await sync(['team/small:1'], ...options);
  expect(code).toBe(1);
  expect(stderr).toContain('--report /dev/full: it could not be written (ENOSPC).');
  const text = await readFile(join(folder, 'full.prom'), 'utf8');
  expect(text).toContain('\nlifeboat_run_success{mirror="default"} 0\n');
});

test('a report can go into a pipe, and the pipe stays a pipe', async () => {
  const args = await syncOf(['team/small:1'], '--report', 'pipe');
  const script = 'mkfifo pipe && { cat pipe > report & } && "$@" && wait && test -p pipe';
  const { code } = await runProgram('sh', ['-c', script, 'sh', process.execPath, ...args], { cwd: folder });
  expect(code).toBe(0);
  expect(JSON.parse(await readFile(join(folder, 'report'), 'utf8'))).toMatchObject({
    counts: { created: 1 },
  });
});

test('a report goes into the target of a link, and into the file to which standard output is redirected', async () => {
  await writeFile(join(folder, 'real.json'), 'old');
  await symlink('real.json', join(folder, 'link.json'));
  await sync(['team/small:1'], '--report', 'link.json');
  expect((await lstat(join(folder, 'link.json'))).isSymbolicLink()).toBe(true);
  expect(JSON.parse(await readFile(join(folder, 'real.json'), 'utf8'))).toMatchObject({
    counts: { created: 1 },
  });
  // The link's target does not exist yet.
  await symlink('later.json', join(folder, 'early.json'));
  await sync(['team/small:1'], '--report', 'early.json');
  expect(JSON.parse(await readFile(join(folder, 'later.json'), 'utf8'))).toMatchObject({
    counts: { unchanged: 1 },
  });
  const args = await syncOf(['team/small:1'], '--report', '/dev/stdout');
  const script = '"$@" > redirected && test -e /dev/stdout';
  const { code } = await runProgram('sh', ['-c', script, 'sh', process.execPath, ...args], { cwd: folder });
  expect(code).toBe(0);
  expect(JSON.parse(await readFile(join(folder, 'redirected'), 'utf8'))).toMatchObject({
    counts: { unchanged: 1 },
  });
  expect((await lstat('/dev/stdout')).isSymbolicLink()).toBe(true);
});

test('the output is coloured if FORCE_COLOR asks for it', async () => {
  const args = await syncOf(['team/small:absent']);
  const { stdout } = await runProgram(process.execPath, args, { env: { FORCE_COLOR: '1', NO_COLOR: '' } });
  expect(stdout.startsWith(`${ESCAPE}[31mfailed ${ESCAPE}[39m`)).toBe(true);
});

test('the run goes on when the reader of its output leaves', async () => {
  const args = await syncOf(['team/small:1']);
  const script = '{ "$@" 2>&1; echo $? > code; } | true';
  await runProgram('sh', ['-c', script, 'sh', process.execPath, ...args], { cwd: folder });
  await waitFor(
    'the exit code',
    async () => (await readFile(join(folder, 'code'), 'utf8').catch(() => '')) !== '',
  );
  expect(await readFile(join(folder, 'code'), 'utf8')).toBe('0\n');
});

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s in the middle of a run aborts its uploads, is reported as an interruption and gives exit code 1',
  async (signal) => {
    registry.misbehave(({ path }) =>
      path.endsWith(largeLayer) ? { kind: 'stall', after: 12_000_000 } : undefined,
    );
    const program = await startProgram(
      process.execPath,
      await syncOf(['team/large:1', 'team/small:1'], '--json'),
    );
    await waitFor(
      'a part of the large layer',
      () =>
        proxy.requests.some(
          ({ method, query, status }) => method === 'PUT' && query.has('partNumber') && status === 200,
        ),
      { program },
    );
    program.kill(signal);
    const timer = setTimeout(() => program.kill('SIGKILL'), 10_000);
    const { code } = await program.exited;
    clearTimeout(timer);
    expect(code).toBe(1);
    const uploads = proxy.requests.filter(({ query }) => query.has('uploadId'));
    expect(uploads.at(-1)).toMatchObject({ method: 'DELETE', status: 204 });
    expect(program.stderr()).toMatch(
      new RegExp(`^${signal}: stopping; aborting unfinished uploads\\. A second signal stops at once\\.\n`),
    );
    expect(JSON.parse(program.stdout())).toMatchObject({ interrupted: true });
  },
);

test('a second signal ends the run at once, even if the store hangs', async () => {
  await openProxy(hang);
  const program = await startProgram(process.execPath, await syncOf(['team/small:1']));
  await waitFor('a hanging write', () => proxy.requests.some(({ path }) => path.includes('/blobs/')), {
    program,
  });
  program.kill('SIGTERM');
  await waitForOutput(program, /SIGTERM: stopping/);
  program.kill('SIGTERM');
  expect(await program.exited).toEqual({ code: 1, signal: null });
  expect(program.stderr()).toMatch(/\nStopped at once\. The next run goes on from here\.\n$/);
});
