/**
 * Tests that the scheduled workflow shows its log only to the right people. scheduled-starts.test.ts runs its step that
 * mirrors.
 */
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { close, listen } from '../support/http-server.ts';
import { runProgram } from '../support/process.ts';

const PROJECT = join(import.meta.dirname, '../..');
const ADVERTISEMENT = 'application/x-git-upload-pack-advertisement';
const NEXT =
  ' Make the repository private, or set its variable LIFEBOAT_PUBLIC_LOG to yes if everybody may read which images it mirrors.\n';

const STEPS = z.object({
  jobs: z.object({
    sync: z.object({
      steps: z.array(
        z.object({ uses: z.string().optional(), run: z.string().optional(), if: z.string().optional() }),
      ),
    }),
  }),
});

async function stepsOfWorkflow() {
  const text = await readFile(join(PROJECT, 'infra/github/mirror.yml'), 'utf8');
  return STEPS.parse(parse(text)).jobs.sync.steps;
}

let server: Server | undefined;

afterEach(async () => {
  if (server !== undefined) await close(server);
  server = undefined;
});

/** Runs the script beside a git server that gives this answer. */
async function askAs(status: number, type: string, location?: string) {
  const paths: (string | undefined)[] = [];
  server = createServer(({ url }, response) => {
    paths.push(url);
    response.writeHead(status, { 'content-type': type, ...(location !== undefined && { location }) });
    response.end();
  });
  const host = `http://127.0.0.1:${await listen(server)}`;
  const env = { GITHUB_SERVER_URL: host, GITHUB_REPOSITORY: 'team/images' };
  const script = join(PROJECT, 'infra/github/public-log.ts');
  const { code, stdout, stderr } = await runProgram(process.execPath, [script], { env });
  return { code, output: (stdout + stderr).replaceAll(host, 'https://github.com'), paths };
}

const REFS = '/team/images.git/info/refs?service=git-upload-pack';

test('a repository that needs a login is accepted, and nothing is printed', async () => {
  expect(await askAs(401, 'text/plain')).toEqual({ code: 0, output: '', paths: [REFS] });
});

test.each([
  [
    'that everybody may fetch',
    200,
    ADVERTISEMENT,
    'https://github.com/team/images is public, and so is its log, which names images and tags.',
  ],
  [
    'whose server answers with a page',
    200,
    'text/html',
    `https://github.com${REFS} answered 200, which does not say whether the repository is public.`,
  ],
  [
    'whose server fails',
    503,
    'text/plain',
    `https://github.com${REFS} answered 503, which does not say whether the repository is public.`,
  ],
])('a repository %s is refused, and the message says what to do', async (_name, status, type, reason) => {
  const { code, output } = await askAs(status, type);
  expect([code, output]).toEqual([2, `::error::${reason}${NEXT}`]);
});

test('a repository whose server does not answer is refused, and the message says what to do', async () => {
  const closed = createServer();
  const host = `http://127.0.0.1:${await listen(closed)}`;
  await close(closed);
  const env = { GITHUB_SERVER_URL: host, GITHUB_REPOSITORY: 'team/images' };
  const script = join(PROJECT, 'infra/github/public-log.ts');
  const { code, stdout } = await runProgram(process.execPath, [script], { env });
  expect([code, stdout]).toEqual([
    2,
    expect.stringMatching(/^::error::http:\S+ did not answer \(.*ECONNREFUSED.*\), so it is not known .*\n$/),
  ]);
});

test('the workflow asks who may read its log before it mirrors, and uploads nothing', async () => {
  const steps = await stepsOfWorkflow();
  const asks = steps.findIndex(({ run = '' }) => run.endsWith('lifeboat/infra/github/public-log.ts'));
  const mirrors = steps.findIndex(({ run = '' }) => /lifeboat\.js sync /.test(run));
  expect([asks >= 0, asks < mirrors]).toEqual([true, true]);
  expect(steps[asks]?.if).toBe("vars.LIFEBOAT_PUBLIC_LOG != 'yes'");
  expect(steps.flatMap(({ uses }) => uses ?? []).map((action) => action.split('@')[0])).toEqual([
    'actions/checkout',
  ]);
  expect(steps[mirrors]?.run).not.toContain('--report');
});
