/**
 * Records tags that move, are held, approved and reverted; tags that a selection takes; and tags that upstream deletes.
 */
import { digestOfTag, emptyRepository, repositoryOf, type Corpus } from '../content.ts';
import { addSmallImage, addThreePlatforms, corpusOf, smallImages } from './images.ts';
import { startRegistry } from './registry.ts';
import type { Scenario } from './stage.ts';

/** The tags. Some are versions with and without suffixes, and the others are not versions. */
const VERSIONS =
  '1 1.27 1.27.0 1.27.9 1.27.10 1.28.0 1.28.0-rc1 1.28.0-alpine v1.28.1 2.0.0 1.28.1.4 1.28_abc latest stable edge 20260101 build-9 build-10 nightly-1'.split(
    ' ',
  );

const POLICIES = {
  follow: {},
  hold: { policy: 'hold' },
  immutable: { policy: 'immutable' },
  young: { minAge: '3d' },
  // The limit is not smaller, because then it would depend on chance which tags move.
  few: { maxMovesPerRun: 3 },
};

function served(image: string): string {
  return `mirror.test/${image}`;
}

export const recordTags: Scenario = async (stage) => {
  const corpus = corpusOf({
    'team/versions': await smallImages('versions', VERSIONS),
    'team/platforms': emptyRepository(),
  });
  await addThreePlatforms(repositoryOf(corpus, 'team/platforms'), 'three', '1.0');
  for (const name of Object.keys(POLICIES)) {
    corpus.repositories.set(`team/${name}`, await smallImages(name, ['one', 'two', 'three']));
  }
  const registry = await startRegistry(stage.recorder, 'upstream of tags', { corpus });
  const bucket = await stage.openBucket('store of tags');
  const lifeboat = await stage.commandLine('tags');
  const source = (name: string) => `${registry.host}/team/${name}`;
  const configure = async (platforms: readonly string[]): Promise<void> =>
    lifeboat.configure('lifeboat.yaml', {
      name: 'tags',
      store: bucket.configuration,
      upstreams: { [registry.host]: { insecure: true, concurrency: 1, credentials: [] } },
      images: [
        {
          source: source('versions'),
          name: served('versions'),
          tags: {
            semver: '>=1.27',
            suffix: ['', '-alpine'],
            latest: 2,
            include: ['stable'],
            exclude: ['*9'],
            immutable: ['1.28.*'],
          },
        },
        {
          source: source('versions'),
          name: served('by-pattern'),
          tags: { include: ['build-*', '/^1\\.2/', 'no-*'], latest: 3 },
        },
        { source: source('versions'), name: served('short'), tags: { include: ['nightly-*'], minTags: 2 } },
        {
          source: source('versions'),
          name: served('by-digest'),
          digests: [digestOfTag(repositoryOf(corpus, 'team/versions'), 'edge')],
        },
        { source: source('versions'), name: served('named'), tags: ['latest', 'missing'] },
        { source: source('platforms'), name: served('platforms'), tags: ['*'], platforms },
        ...Object.entries(POLICIES).map(([policy, moves]) => ({
          source: source(policy),
          name: served(policy),
          tags: ['*'],
          moves,
        })),
      ],
    });
  const record = async (step: string, ...args: readonly string[]): Promise<void> => {
    await lifeboat.run(step, args);
    registry.record(step);
    await bucket.record(step);
  };
  try {
    await configure(['linux/amd64', 'linux/s390x']);
    await record('tags: plan --all', 'plan', '--all');
    await record('tags: first sync', 'sync');
    await moveAll(corpus, 'moved');
    await configure(['linux/amd64', 'linux/arm64']);
    await record('tags: plan of moves', 'plan');
    await record('tags: sync of moves', 'sync', '--json', '--metrics', '/dev/stderr');
    await record('tags: history of a held image', 'history', `${served('hold')}:one`);
    await record('tags: history --json', 'history', `${served('immutable')}:one`, '--json');
    const held = digestOfTag(repositoryOf(corpus, 'team/hold'), 'one');
    const changed = digestOfTag(repositoryOf(corpus, 'team/immutable'), 'two');
    await record('tags: approve', 'approve', `${served('hold')}:one@${held}`, '--reason', 'looked at');
    await record('tags: approve again', 'approve', `${served('hold')}:one@${held}`, '--json');
    await record(
      'tags: approve an unknown digest',
      'approve',
      `${served('hold')}:two@sha256:${'ab'.repeat(32)}`,
    );
    await record('tags: revert', 'revert', `${served('follow')}:one`, '--reason', 'crashes');
    await record('tags: revert again', 'revert', `${served('follow')}:one`, '--json');
    await record('tags: revert to an unknown digest', 'revert', `${served('follow')}:one`, '--to', 'abcdef');
    await record('tags: revert an unknown tag', 'revert', `${served('follow')}:none`);
    const reverted = digestOfTag(repositoryOf(corpus, 'team/follow'), 'one');
    await lifeboat.configure(
      'approved.txt',
      `# reviewed\n${served('immutable')}:two@${changed}\n${served('follow')}:one@${reverted} # not again\n`,
    );
    await record('tags: approve a list', 'approve', '--file', 'approved.txt');
    await lifeboat.configure('wrong.txt', `${served('immutable')}:two\n\nnonsense@\n`);
    await record('tags: approve a wrong list', 'approve', '--file', 'wrong.txt');
    await moveAll(corpus, 'moved again');
    repositoryOf(corpus, 'team/few').tags.clear();
    repositoryOf(corpus, 'team/follow').tags.delete('three');
    await record('tags: sync after decisions', 'sync');
    await record('tags: sync that changes nothing', 'sync', '--json');
    await record('tags: history with a limit', 'history', `${served('follow')}:one`, '--limit', '2');
    await record('tags: history of an image', 'history', served('platforms'));
    await record('tags: history of an unknown image', 'history', served('none'));
  } finally {
    await registry.stop();
  }
};

/** Gives another image to every tag of the policies, and to a version that must not move. */
async function moveAll(corpus: Corpus, seed: string): Promise<void> {
  for (const policy of Object.keys(POLICIES)) {
    const repository = repositoryOf(corpus, `team/${policy}`);
    for (const tag of repository.tags.keys())
      await addSmallImage(repository, `${policy}-${tag}-${seed}`, tag);
  }
  await addSmallImage(repositoryOf(corpus, 'team/versions'), `1.28.0-${seed}`, '1.28.0');
}
