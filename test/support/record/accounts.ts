/**
 * Records upstreams that need a login or have a budget, a bucket whose readers need tokens, and the edge of that
 * bucket.
 */
import { recordEdge } from './edge.ts';
import { question } from './edge-questions.ts';
import { corpusOf, smallImages } from './images.ts';
import { startRegistry } from './registry.ts';
import type { Scenario } from './stage.ts';

const USER = { username: 'reader', password: 'pass-word-1' };
/** The hash comes from `printf %s secret | sha256sum`. */
const TOKENS = 'ci 2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b mirror.test/basic';

export const recordAccounts: Scenario = async (stage) => {
  const { recorder } = stage;
  // The images share nothing, because a shared blob would be fetched from whichever upstream is first.
  const [ofBasic, ofBearer, ofOpen] = await Promise.all(
    ['basic', 'bearer', 'open'].map(async (seed) =>
      corpusOf({ 'team/app': await smallImages(seed, seed === 'open' ? ['one', 'two', 'three'] : ['one']) }),
    ),
  );
  if (ofBasic === undefined || ofBearer === undefined || ofOpen === undefined)
    throw new Error('Three are built.');
  const basic = await startRegistry(recorder, 'basic upstream', {
    corpus: ofBasic,
    auth: { kind: 'basic', ...USER },
  });
  const bearer = await startRegistry(recorder, 'bearer upstream', {
    corpus: ofBearer,
    auth: { kind: 'bearer', credentials: USER },
  });
  const open = await startRegistry(recorder, 'open upstream', { corpus: ofOpen, auth: { kind: 'bearer' } });
  const registries = [basic, bearer, open];
  const bucket = await stage.openBucket('store of accounts');
  const lifeboat = await stage.commandLine('accounts');
  const configure = async (
    credentials: readonly object[],
    audience: string,
    more: object = {},
  ): Promise<void> =>
    lifeboat.configure('lifeboat.yaml', {
      store: { ...bucket.configuration, audience, prefix: audience },
      upstreams: {
        [basic.host]: { insecure: true, concurrency: 1, credentials },
        [bearer.host]: { insecure: true, concurrency: 1, credentials },
        [open.host]: { insecure: true, concurrency: 1, credentials: [], budget: { manifestGetsPerRun: 3 } },
      },
      images: [
        { source: `${basic.host}/team/app`, name: 'mirror.test/basic', tags: ['*'], ...more },
        { source: `${bearer.host}/team/app`, name: 'mirror.test/bearer', tags: ['one'], ...more },
        { source: `${open.host}/team/app`, name: 'mirror.test/open', tags: ['*'] },
      ],
    });
  const record = async (step: string, ...args: readonly string[]): Promise<void> => {
    await lifeboat.run(step, args);
    for (const registry of registries) registry.record(step);
    await bucket.record(step);
  };
  try {
    await configure([], 'public');
    await record('accounts: none', 'sync');
    await configure([{ ...USER, password: 'wrong-one' }], 'public');
    await record('accounts: a wrong password', 'sync');
    await configure([USER], 'public');
    await record('accounts: a private image and a public bucket', 'sync', '--json');
    await configure([USER], 'public', { public: true });
    await record('accounts: said to be public', 'sync', '--metrics', '/dev/stderr');
    await configure([{ ...USER, password: 'wrong-one' }, USER], 'token');
    await record('accounts: the second is right', 'sync', '--json');
    await record('accounts: the rest of a budget', 'sync');
    const login = `Basic ${Buffer.from('any:secret').toString('base64')}`;
    const headers = [
      {},
      { authorization: 'Bearer secret' },
      { authorization: 'Bearer other' },
      { authorization: login },
    ];
    const paths = [
      '/v2/',
      '/v2/_catalog',
      '/v2/mirror.test/basic/manifests/one',
      '/v2/mirror.test/bearer/tags/list',
      '/v2/x/manifests/y',
    ];
    const questions = headers.flatMap((sent) => paths.map((path) => question(path, sent)));
    const variables = { AUDIENCE: 'token', S3_PREFIX: 'token', TOKENS };
    await recordEdge(stage, 'edge: tokens', [bucket], variables, questions);
    await recordEdge(
      stage,
      'edge: a challenge',
      [bucket],
      { ...variables, AUTH_CHALLENGE: 'basic' },
      questions,
    );
    await recordEdge(
      stage,
      'edge: another audience',
      [bucket],
      { S3_PREFIX: 'token' },
      questions.slice(0, 3),
    );
    await recordEdge(
      stage,
      'edge: bad tokens',
      [bucket],
      { ...variables, TOKENS: 'ci nonsense *:5000/**' },
      questions.slice(0, 1),
    );
  } finally {
    for (const registry of registries) await registry.stop();
  }
};
