/** The owner of an action or of a base image can move a tag of it, but not a commit or a digest. */
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { codeBlocksOf } from '../support/code-block.ts';
import { runProgram } from '../support/process.ts';

const PROJECT = join(import.meta.dirname, '../..');

interface Line {
  readonly file: string;
  readonly text: string;
}

function linesOf(file: string, text: string): readonly Line[] {
  return text.split('\n').map((line) => ({ file, text: line.trim() }));
}

/**
 * Returns the lines of every workflow, manifest and Dockerfile of the repository, and of every code block of its
 * documentation.
 */
async function examples(): Promise<readonly Line[]> {
  const { stdout } = await runProgram('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: PROJECT,
  });
  // Examples of other people's files name images as those people do.
  const files = stdout
    .trim()
    .split('\n')
    .filter((file) => !file.includes('/golden/'));
  const all = await Promise.all(
    files.map(async (file) => {
      if (file.endsWith('.md')) {
        return (await codeBlocksOf(file)).flatMap((block) => linesOf(file, block));
      }
      if (!/\.ya?ml$|(?:^|\/)Dockerfile/.test(file)) return [];
      return linesOf(file, await readFile(join(PROJECT, file), 'utf8'));
    }),
  );
  return all.flat();
}

const LINES = await examples();

test('each action is named by its commit, with its version beside it', () => {
  const actions = LINES.filter(({ text }) => /^-? ?uses:/.test(text));
  expect(new Set(actions.map(({ file }) => file))).toEqual(
    new Set([
      '.github/workflows/ci.yml',
      '.github/workflows/release.yml',
      'infra/github/mirror.yml',
      'infra/github/plan-and-sync.yml',
    ]),
  );
  // An action of a submodule is of the submodule's commit.
  const pinned =
    /^-? ?uses: (?:[\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|\.\/lifeboat\/infra\/action)$/;
  expect(actions.filter(({ text }) => !pinned.test(text))).toEqual([]);
});

test('each image that runs, or on which another is built, is named by its digest', () => {
  const images = LINES.filter(({ text }) => /^(?:- )?image:|^FROM /.test(text));
  expect(images.length).toBeGreaterThan(3);
  const pinned = /(?:@sha256:[0-9a-f]{64}|@\$\{(?:NODE|BASE)_DIGEST\})(?: AS \w+)?$/;
  expect(images.filter(({ text }) => !pinned.test(text))).toEqual([]);
});

test.each(['job', 'edge'])(
  'the Dockerfile of the %s has no digest of its own, so that a build without one fails',
  async (part) => {
    const dockerfile = await readFile(join(PROJECT, `infra/images/${part}/Dockerfile`), 'utf8');
    const [beforeStages = ''] = dockerfile.split(/^FROM /m);
    expect(beforeStages.match(/^ARG .*$/gm)).toEqual(['ARG NODE_DIGEST', 'ARG BASE_DIGEST']);
    expect(dockerfile.match(/^ARG .*=/gm)).toBeNull();
  },
);

test('the command of infra/README.md puts the digest of the image into the overlay, from where all CronJobs get it', async () => {
  const commands = LINES.filter(({ file, text }) => file === 'infra/README.md' && text.startsWith('sed -i '));
  const overlay = await mkdtemp(join(tmpdir(), 'lifeboat-overlay-'));
  try {
    const file = join(overlay, 'kustomization.yaml');
    await cp(join(PROJECT, 'infra/kubernetes/overlays/example/kustomization.yaml'), file);
    const [command = ''] = commands.map(({ text }) =>
      text.replace('infra/kubernetes/overlays/mine/kustomization.yaml', file),
    );
    const digest = `sha256:${'a'.repeat(64)}`;
    const image = `registry.internal:5000/mirror/lifeboat@${digest}`;
    const { code } = await runProgram('sh', ['-c', command], { cwd: PROJECT, env: { image } });
    expect([code, parse(await readFile(file, 'utf8')).images]).toEqual([
      0,
      [{ name: 'registry.example.com/lifeboat', newName: 'registry.internal:5000/mirror/lifeboat', digest }],
    ]);
  } finally {
    await rm(overlay, { recursive: true });
  }
  const base = LINES.filter(
    ({ file, text }) => /^infra\/kubernetes\/base\/.*/.test(file) && text.startsWith('image:'),
  );
  expect(base.map(({ text }) => text.split('@')[0])).toEqual(
    Array.from({ length: 4 }, () => 'image: registry.example.com/lifeboat'),
  );
});

test('the runner of a workflow is one version of a system', () => {
  const runners = LINES.filter(({ text }) => text.startsWith('runs-on:')).map(({ text }) => text);
  expect(runners.filter((text) => !/^runs-on: ubuntu-\d\d\.\d\d$/.test(text))).toEqual([]);
});
