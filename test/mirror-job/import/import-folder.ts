/** Runs `lifeboat import` on files of other tools, in a folder that exists for one test file. */
import { copyFile, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { parseTag } from '../../../core/reference.ts';
import { loadConfiguration } from '../../../mirror-job/configuration/load.ts';
import { maySelect } from '../../../mirror-job/engine/selection/selection.ts';
import { runProgram, type Finished } from '../../support/process.ts';
import { bundledJob } from '../../support/shared.ts';

const FILES = join(import.meta.dirname, 'files');

export const ZEROS = '0'.repeat(64);

/** Creates the folder, with a copy of each file of `files/`, before the tests of the calling file, and removes it after them. */
export function useImportFolder() {
  let folder = '';
  let main = '';

  beforeAll(async () => {
    main = await bundledJob();
    folder = await mkdtemp(join(tmpdir(), 'lifeboat-import-'));
    for (const file of await readdir(FILES)) await copyFile(join(FILES, file), join(folder, file));
  });

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  const path = (name: string): string => join(folder, name);
  const lifeboat = (...args: string[]): Promise<Finished> =>
    runProgram(process.execPath, [main, 'import', ...args], { cwd: folder, timeout: 30_000 });

  /** Imports a file. @returns the written text, the messages, and the configuration that `lifeboat sync` reads */
  const importFile = async (file: string) => {
    const output = `${file}.out`;
    const { code, stderr, stdout } = await lifeboat(file, '-o', output, '--force');
    expect(stdout).toMatch(/^(?:written .*\n)?$/);
    const text = await readFile(path(output), 'utf8');
    const { images, upstreams } = await loadConfiguration(path(output), environmentOf(text));
    return {
      code,
      text,
      messages: `${stderr}${stdout}`.trimEnd().split('\n'),
      upstreams,
      images: images.map(({ source, repository, tags, digests }) => ({
        source: source.kind === 'registry' ? `${source.upstream}/${source.path}` : source.folder,
        repository,
        tags: tags.explicit,
        matches: ['1.0', '3', '3.20', '3.20-rc1', '1.13.1-alpine-perl'].filter((tag) =>
          maySelect({ ...tags, explicit: [] }, parseTag(tag)),
        ),
        digests,
      })),
    };
  };

  return {
    path,
    lifeboat,
    importFile,
    /** Writes a file into the folder. */
    write: (name: string, text: string): Promise<void> => writeFile(path(name), text),
    /** Lists the files of the folder. */
    list: (): Promise<string[]> => readdir(folder),
  };
}

/** Returns an environment with every variable that the text reads. */
function environmentOf(text: string): Record<string, string> {
  const store = { S3_ENDPOINT: 'https://s3.example.com' };
  const names = [...text.matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => name);
  return { ...Object.fromEntries(names.map((name) => [name, 'x'])), ...store };
}

/** Returns an image as `importFile` describes it. */
export function image(source: string, rest: { tags?: string[]; matches?: string[]; digests?: string[] }) {
  return { source, repository: source, tags: [], matches: [], digests: [], ...rest };
}
