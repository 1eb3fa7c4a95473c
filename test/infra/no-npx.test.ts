/** Nothing that is scheduled starts by npx, which runs scripts of the clone, keeps signals to itself, and may fetch a package. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { codeBlocksOf } from '../support/code-block.ts';
import { runProgram } from '../support/process.ts';

const PROJECT = join(import.meta.dirname, '../..');

/** The files of infra/ that something runs or reads, and no person: all but its pages. */
async function filesOfInfra(): Promise<readonly string[]> {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', 'infra'];
  const { stdout } = await runProgram('git', args, { cwd: PROJECT });
  const { stdout: gone } = await runProgram('git', ['ls-files', '--deleted', 'infra'], { cwd: PROJECT });
  const deleted = new Set(gone.split('\n'));
  return stdout.split('\n').filter((file) => file !== '' && !file.endsWith('.md') && !deleted.has(file));
}

const isComment = (line: string) => /^\s*(?:#|\/\/|\/?\*)/.test(line);

test('no file of infra/ starts anything by npx', async () => {
  const files = await filesOfInfra();
  expect(files).toEqual(
    expect.arrayContaining([
      'infra/systemd/lifeboat.service',
      'infra/github/mirror.yml',
      'infra/kubernetes/base/cronjob.yaml',
      'infra/kubernetes/base/drill.yaml',
      'infra/images/job/Dockerfile',
      'infra/images/edge/Dockerfile',
      'infra/action/action.yml',
    ]),
  );
  const found = await Promise.all(
    // The files of infra/local/ are for npm start, which no schedule runs. They tell people what to type next.
    files
      .filter((file) => !file.startsWith('infra/local/'))
      .map(async (file) => {
        const lines = (await readFile(join(PROJECT, file), 'utf8')).split('\n');
        return lines
          .filter((line) => !isComment(line) && /\bnpx\b|\bnpm (?:exec|x)\b/.test(line))
          .map((line) => `${file}: ${line}`);
      }),
  );
  expect(found.flat()).toEqual([]);
});

test('no block of code in infra/README.md starts the job by npx', async () => {
  const lines = (await codeBlocksOf('infra/README.md')).flatMap((block) => block.split('\n'));
  expect(lines.length).toBeGreaterThan(20);
  expect(lines.filter((line) => /\bnpx\b.*\blifeboat\b/.test(line))).toEqual([]);
});
