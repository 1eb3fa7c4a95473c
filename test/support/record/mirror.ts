/**
 * Records the whole corpus: planned, mirrored, mirrored again, and mirrored once more after upstream has moved tags.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { addMultiPlatform, buildCorpus } from '../corpus.ts';
import { repositoryOf, type Corpus } from '../content.ts';
import { tagAs } from '../builder.ts';
import { readLayout } from '../oci-layout.ts';
import { addSmallImage } from './images.ts';
import { startRegistry } from './registry.ts';
import type { Scenario } from './stage.ts';

/** The size is larger than a part of an upload, and larger than a blob that is requested in ranges. */
const LARGE = 70_000_000;
/** Images that share no blob, because the plan counts a shared blob for whichever image is first. */
const UNSHARED = ['library/docker', 'library/attested'].map((name) => `mirror.test/${name}`);
/** The folder of other people's images, if this machine has it. */
const DATA = process.env['LIFEBOAT_TEST_DATA'];

export const recordMirror: Scenario = async (stage) => {
  const { recorder } = stage;
  const corpus = await corpusWithOthers();
  const registry = await startRegistry(recorder, 'upstream', { corpus, pageSize: 3 });
  const bucket = await stage.openBucket('store');
  const lifeboat = await stage.commandLine('mirror');
  // There are both kinds of names: the name of the source itself, and one from the configuration.
  const images = [...corpus.repositories.keys()].map((name, index) => {
    const source = `${registry.host}/${name}`;
    return index % 2 === 0 ? { source, name: `mirror.test/${name}`, tags: ['*'] } : { source, tags: ['*'] };
  });
  await lifeboat.configure('lifeboat.yaml', {
    store: bucket.configuration,
    upstreams: { [registry.host]: { insecure: true, concurrency: 1, credentials: [] } },
    images,
  });
  const record = async (step: string, ...args: readonly string[]): Promise<void> => {
    await lifeboat.run(step, args);
    registry.record(step);
    await bucket.record(step);
  };
  try {
    await record('mirror: plan', 'plan', '--json', ...UNSHARED);
    await record('mirror: first sync', 'sync', '--report', 'report.json', '--metrics', 'metrics.prom');
    recorder.add('mirror: first sync', 'report', await readFile(lifeboat.path('report.json'), 'utf8'));
    recorder.add('mirror: first sync', 'metrics', await readFile(lifeboat.path('metrics.prom'), 'utf8'));
    await record('mirror: second sync', 'sync', '--json');
    await moveUpstream(corpus);
    await record('mirror: plan of moved tags', 'plan');
    await record('mirror: sync of moved tags', 'sync', '--json');
    await record(
      'mirror: sync of one image',
      'sync',
      'mirror.test/library/app:1.0.0',
      'mirror.test/library/docker',
    );
    await record('mirror: sync of an unknown image', 'sync', 'mirror.test/library/none');
    await record('mirror: dry run', 'sync', '--dry-run', '--all', 'mirror.test/library/app');
    await record('mirror: history of a tag', 'history', 'mirror.test/library/app:latest');
    await record('mirror: history of an image', 'history', 'mirror.test/team/one', '--json');
  } finally {
    await registry.stop();
  }
};

async function corpusWithOthers(): Promise<Corpus> {
  const { repositories } = await buildCorpus({ large: LARGE });
  if (DATA !== undefined) repositories.set('others/testrepo', await readLayout(join(DATA, 'oci-testrepo')));
  return { repositories };
}

/** Moves one tag, adds one, and deletes one. */
async function moveUpstream(corpus: Corpus): Promise<void> {
  const app = repositoryOf(corpus, 'library/app');
  tagAs(app, await addMultiPlatform(app, 'app-1.2.0'), 'latest', '1.2.0');
  app.tags.delete('1.0');
  await addSmallImage(repositoryOf(corpus, 'team/one'), 'one-moved', 'latest');
}
