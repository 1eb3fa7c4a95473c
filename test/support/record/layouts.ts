/**
 * Records image layouts, as sources (a folder, a tar, broken ones) and as the output of an export, and imports of other
 * tools' configurations.
 */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { copyFile, mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { buildCorpus } from '../corpus.ts';
import { repositoryOf } from '../content.ts';
import { writeLayout } from '../oci-layout.ts';
import { tarOfFolder } from '../tar.ts';
import type { CommandLine } from './command-line.ts';
import type { Scenario } from './stage.ts';

const FOREIGN = join(import.meta.dirname, '../../mirror-job/import/files');

function imagesOf(sources: readonly string[]): object[] {
  return sources.map((source) => ({
    source: `oci:./${source}`,
    name: `images.internal/${source}`,
    tags: ['*'],
  }));
}

export const recordLayouts: Scenario = async (stage) => {
  const { recorder } = stage;
  const corpus = await buildCorpus();
  const bucket = await stage.openBucket('store of layouts');
  const lifeboat = await stage.commandLine('layouts');
  await writeLayout(repositoryOf(corpus, 'library/signed'), lifeboat.path('signed'));
  await writeLayout(repositoryOf(corpus, 'library/docker'), lifeboat.path('app'));
  await writeLayout(repositoryOf(corpus, 'library/docker'), lifeboat.path('broken'));
  await rm(join(lifeboat.path('broken'), 'oci-layout'));
  await mkdir(lifeboat.path('nothing'));
  await writeFile(lifeboat.path('not-a.tar'), 'no tar at all');
  const tar = await tarOfFolder(lifeboat.path('app'));
  await pipeline(Readable.from(tar.open()), createWriteStream(lifeboat.path('app.tar')));
  const store = bucket.configuration;
  const record = async (step: string, ...args: readonly string[]): Promise<void> => {
    await lifeboat.run(step, args);
    await bucket.record(step);
  };
  await lifeboat.configure('lifeboat.yaml', {
    store,
    images: imagesOf(['signed', 'app.tar', 'broken', 'nothing', 'not-a.tar', 'missing']),
  });
  await record('layouts: plan', 'plan');
  await record('layouts: sync', 'sync', '--json');
  await record('layouts: second sync', 'sync');
  const exported = async (step: string, target: string, ...args: readonly string[]): Promise<void> => {
    await lifeboat.run(step, ['export', ...args, '--to', target]);
    recorder.add(step, 'files', await filesOf(lifeboat, target));
    bucket.recordRequests(step);
  };
  await exported('export: a folder', 'out', 'images.internal/app.tar:image');
  await exported(
    'export: a tar, as JSON',
    'out.tar',
    'images.internal/app.tar',
    'images.internal/signed',
    '--json',
  );
  await exported('export: over an existing file', 'out.tar', 'images.internal/signed');
  await exported('export: an unknown tag', 'none.tar', 'images.internal/app.tar:none');
  await exported('export: an unknown image', 'none', 'images.internal/none', '--json');
  await lifeboat.configure('foreign.yml', 'a: b\n');
  for (const name of [...(await readdir(FOREIGN)).toSorted(), 'foreign.yml']) {
    if (name !== 'foreign.yml') await copyFile(join(FOREIGN, name), lifeboat.path(name));
    await lifeboat.run(`import: ${name}`, ['import', name, '-o', '-']);
  }
  await lifeboat.run('import: over an existing file', ['import', 'skopeo.yml']);
  await lifeboat.run('import: into a new file', ['import', 'skopeo.yml', '-o', 'new.yaml']);
  recorder.add('import: into a new file', 'files', await readFile(lifeboat.path('new.yaml'), 'utf8'));
};

/** Returns a line for each file below a folder, or for the file itself. */
async function filesOf(lifeboat: CommandLine, name: string): Promise<string> {
  const path = lifeboat.path(name);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return 'nothing';
  if (found.isFile()) return entriesOf(await readFile(path));
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const lines = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => {
      const file = join(entry.parentPath, entry.name);
      return lineOf(relative(path, file), await readFile(file));
    });
  return (await Promise.all(lines)).toSorted().join('\n');
}

function lineOf(name: string, bytes: Buffer): string {
  return `${name} ${bytes.length} ${createHash('sha256').update(bytes).digest('hex')}`;
}

/**
 * Returns a line for each file of a tar. The lines are sorted, because blobs are written in the order in which they are
 * read.
 */
function entriesOf(tar: Buffer): string {
  const lines: string[] = [];
  for (let offset = 0; offset + 1024 < tar.length;) {
    const name = tar.toString('latin1', offset, tar.indexOf(0, offset));
    const size = Number.parseInt(tar.toString('latin1', offset + 124, offset + 135), 8);
    lines.push(lineOf(name, tar.subarray(offset + 512, offset + 512 + size)));
    offset += 512 + Math.ceil(size / 512) * 512;
  }
  return lines.toSorted().join('\n');
}
