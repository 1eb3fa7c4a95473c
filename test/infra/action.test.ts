/** The action of infra/action/, whose steps run with bash, over a registry and a store. */
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { summaryOf } from '../../infra/action/summary.ts';
import { runAction, type ActionCall } from '../support/action-run.ts';
import { addImage, addLayer, tagAs } from '../support/builder.ts';
import { emptyRepository } from '../support/content.ts';
import { close, listen } from '../support/http-server.ts';
import { allowWriting, installTree, processesWith } from '../support/installed-tree.ts';
import { NOBODYS } from '../support/nobody.ts';
import { waitFor } from '../support/process.ts';
import { startRogueRegistry, type RogueRegistry } from '../support/rogue-registry.ts';
import { emptyBuckets, type Buckets } from '../support/shared.ts';

// The limits are wide, because processes are slow on a busy machine.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 120_000 });

const INFRA = join(import.meta.dirname, '../../infra');

let folder = '';
let clone = '';
let store: Buckets;
let buckets: string[] = [];
let registry: RogueRegistry;
let git: Server;
let isPublic = false;
let variables: Record<string, string> = {};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-action-test-'));
  clone = join(folder, 'work/lifeboat');
  await mkdir(clone, { recursive: true });
  // The tree is as "npm ci" leaves it, so the npm of this test has only to be called.
  await installTree(clone);
  await mkdir(join(folder, 'bin'));
  await writeFile(join(folder, 'bin/npm'), `#!/bin/sh\necho "npm $* in $(pwd)"\n`);
  await chmod(join(folder, 'bin/npm'), 0o755);
  const app = emptyRepository();
  tagAs(app, addImage(app, { layers: [await addLayer(app, 'layer')] }), 'one');
  registry = await startRogueRegistry({ corpus: { repositories: new Map([['team/app', app]]) } });
  git = createServer((_request, response) => {
    const type = isPublic ? 'application/x-git-upload-pack-advertisement' : 'text/plain';
    response.writeHead(isPublic ? 200 : 401, { 'content-type': type }).end();
  });
  const server = `http://127.0.0.1:${await listen(git)}`;
  store = await emptyBuckets(8);
  buckets = [...store.buckets];
  variables = {
    ...NOBODYS,
    PATH: `${join(folder, 'bin')}${delimiter}${process.env['PATH'] ?? ''}`,
    GITHUB_SERVER_URL: server,
    GITHUB_REPOSITORY: 'team/images',
    S3_ACCESS_KEY_ID: store.accessKeyId,
    S3_SECRET_ACCESS_KEY: store.secretAccessKey,
  };
});

afterAll(async () => {
  await registry?.stop();
  if (git !== undefined) await close(git);
  await allowWriting(folder);
  await rm(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  isPublic = false;
  registry.misbehave(undefined);
  const { endpoint, region } = store;
  const configuration = {
    store: {
      endpoint,
      region,
      bucket: buckets.pop(),
      accessKeyId: '${S3_ACCESS_KEY_ID}',
      secretAccessKey: '${S3_SECRET_ACCESS_KEY}',
    },
    upstreams: { [registry.host]: { insecure: true, credentials: [] } },
    images: [`${registry.host}/team/app:one`],
  };
  await writeFile(join(folder, 'work/lifeboat.yaml'), JSON.stringify(configuration));
});

const run = async (inputs: Record<string, string>, more: Partial<ActionCall> = {}) =>
  runAction({
    action: join(clone, 'infra/action'),
    workspace: join(folder, 'work'),
    inputs,
    env: variables,
    ...more,
  });

test('plan writes what a run would do into the summary, and sync what it did', async () => {
  const planned = await run({ command: 'plan' });
  expect([planned.code, planned.outputs]).toEqual([0, { 'exit-code': '0' }]);
  expect(planned.summary).toMatch(/^### lifeboat plan\n\nDone\.\n\n```text\n[^`]*team\/app[^`]*\n```\n$/);
  expect(planned.stdout).toContain(`npm ci in ${clone}\n`);
  const synced = await run({ command: 'sync' });
  expect([synced.code, synced.outputs]).toEqual([0, { 'exit-code': '0' }]);
  expect(synced.summary).toMatch(
    /^### lifeboat sync\n\nDone\.\n\n```text\ncreated [^`]*\n1 created[^`]*```\n$/,
  );
  // The log has the results too, as they came.
  expect(synced.stdout).toContain('\n1 created');
});

test('GitHub takes no command out of a text of an upstream', async () => {
  registry.misbehave(({ path }) =>
    path.includes('/manifests/')
      ? {
          kind: 'status',
          status: 403,
          body: JSON.stringify({ errors: [{ code: 'DENIED', message: '\n::error::one ##[error]two' }] }),
        }
      : undefined,
  );
  const { stdout, stderr } = await run({ command: 'sync' });
  expect(stdout + stderr).toMatch(/##\[error\]two/);
  const lines = stdout.split('\n').filter((line) => line !== '');
  const token = lines.find((line) => line.startsWith('::stop-commands::'))?.slice('::stop-commands::'.length);
  expect(token).toMatch(/^[-0-9a-f]{36}$/);
  const stopped = lines.indexOf(`::stop-commands::${token}`);
  expect(lines.slice(0, stopped).filter((line) => /::|##\[/.test(line))).toEqual([]);
  expect(lines.at(-1)).toBe(`::${token}::`);
  const { stdout: later } = await run({ command: 'sync' });
  expect(later).not.toContain(token);
});

test('the step fails with the exit code of a run that failed in part, and the summary says so', async () => {
  registry.misbehave(({ path }) =>
    path.includes('/manifests/') ? { kind: 'status', status: 404 } : undefined,
  );
  const { code, summary, outputs } = await run({ command: 'sync' });
  expect([code, outputs]).toEqual([1, { 'exit-code': '1' }]);
  expect(summary).toContain('Some of it failed, or something unexpected was found.');
});

test('a configuration that cannot be used ends with 2, and nothing of its name is run by the shell', async () => {
  const { code, stderr, summary } = await run({ command: 'plan', config: '$(touch pwned)".yaml' });
  expect([code, summary]).toEqual([2, expect.stringContaining('nothing was done')]);
  expect(stderr).toContain('$(touch pwned)".yaml');
});

test('another command is refused, and GitHub shows why', async () => {
  const { code, stdout, summary } = await run({ command: 'approve' });
  expect([code, summary]).toEqual([2, '']);
  expect(stdout).toContain('::error::The input "command" must be plan or sync, and it is "approve".\n');
});

test('a public repository is refused before anything runs, unless the input allows it', async () => {
  isPublic = true;
  const refused = await run({ command: 'plan' });
  expect([refused.code, refused.summary, refused.steps.length]).toEqual([2, '', 2]);
  expect(refused.stdout).toContain('is public, and so is its log');
  const allowed = await run({ command: 'plan', 'public-log': 'yes' });
  expect([allowed.code, allowed.steps]).toEqual([0, ['install Lifeboat', 'run the command']]);
});

test.each(['SIGINT', 'SIGTERM'] as const)(
  'a run that is cancelled by %s ends with its summary, and leaves no process',
  async (signal) => {
    registry.misbehave(({ path }) => (path.includes('/blobs/') ? { kind: 'hang' } : undefined));
    const before = registry.requests.length;
    const blobs = () => registry.requests.slice(before).filter(({ path }) => path.includes('/blobs/'));
    const { code, stderr, summary } = await run(
      { command: 'sync' },
      {
        onStep: (name, program) => {
          if (name !== 'run the command') return;
          void waitFor('a blob’s request', () => blobs().length > 0, { program, timeout: 60_000 }).then(() =>
            program.kill(signal),
          );
        },
      },
    );
    expect(stderr).toContain(`${signal}: stopping`);
    expect([code, summary]).toEqual([1, expect.stringMatching(/^### lifeboat sync\n/)]);
    expect(await processesWith(clone)).toEqual([]);
  },
);

test('the workflow runs plan for a pull request and sync otherwise, with the action of the submodule', async () => {
  const workflow: unknown = parse(await readFile(join(INFRA, 'github/plan-and-sync.yml'), 'utf8'));
  expect(workflow).toMatchObject({
    on: { pull_request: {}, schedule: [{ cron: '17 * * * *' }] },
    permissions: { contents: 'read' },
    jobs: {
      lifeboat: {
        steps: [
          expect.objectContaining({ with: { submodules: true, 'persist-credentials': false } }),
          expect.objectContaining({
            uses: './lifeboat/infra/action',
            with: {
              command: "${{ github.event_name == 'pull_request' && 'plan' || 'sync' }}",
              'public-log': "${{ vars.LIFEBOAT_PUBLIC_LOG || 'no' }}",
            },
          }),
        ],
      },
    },
  });
});

test('the summary is a block of code that its content cannot end, and has a limit', () => {
  expect(summaryOf('plan', 0, 'a ``` b\n')).toContain('\n\n````text\na ``` b\n````\n');
  expect(summaryOf('plan', 0, '')).toBe('### lifeboat plan\n\nDone.\n');
  expect(summaryOf('plan', 7, '')).toContain('It ended with exit code 7.');
  const long = summaryOf('sync', 0, 'é'.repeat(2_000_000));
  expect(Buffer.byteLength(long)).toBeLessThan(1_048_576);
  expect(long).toContain('The rest is in the log, because a summary has a limit.');
});
