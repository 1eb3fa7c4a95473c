/** Records one bucket at edges with several settings. The upstream is down meanwhile. */
import { buildCorpus } from '../corpus.ts';
import { recordEdge } from './edge.ts';
import { questionsFor } from './edge-questions.ts';
import { startRegistry } from './registry.ts';
import type { Scenario } from './stage.ts';

/** The hash comes from `printf %s secret | sha256sum`. */
const TOKEN_HASH = '2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b';

const SETTINGS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'as it is': {},
  'all redirected': { BLOBS: 'redirect' },
  'all streamed': { BLOBS: 'stream', STREAM_BELOW: '0' },
};

/** The settings for which a few requests are enough. */
const FEW: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'a public address': { PUBLIC_URL: 'https://blobs.example.com/bucket', STREAM_BELOW: '0' },
  'no tags, a host of one upstream': {
    TAGS: 'off',
    HOSTS: '127.0.0.1=mirror.test',
    CATALOG: 'default,other',
  },
  'tokens for a public bucket': { AUDIENCE: 'token', TOKENS: `ci ${TOKEN_HASH} **` },
  'a misspelt variable and bad values': { S3_BUKCET: 'x', TAG_TTL: '60', BLOBS: 'maybe', HOSTS: 'a=b=c' },
  'a wrong bucket': { S3_BUCKET: 'nowhere' },
  'a wrong key': { S3_SECRET_ACCESS_KEY: 'wrong' },
};

export const recordEdges: Scenario = async (stage) => {
  const corpus = await buildCorpus();
  const registry = await startRegistry(stage.recorder, 'upstream of the edge', { corpus });
  const bucket = await stage.openBucket('store of the edge');
  const lifeboat = await stage.commandLine('edges');
  try {
    await lifeboat.configure('lifeboat.yaml', {
      store: bucket.configuration,
      upstreams: { [registry.host]: { insecure: true, concurrency: 1, credentials: [] } },
      images: [...corpus.repositories.keys()].map((name) => ({
        source: `${registry.host}/${name}`,
        name: `mirror.test/${name}`,
        tags: ['*'],
      })),
    });
    await lifeboat.run('edge: sync before', ['sync']);
  } finally {
    await registry.stop();
  }
  const questions = questionsFor(corpus);
  for (const [name, variables] of Object.entries(SETTINGS)) {
    await recordEdge(stage, `edge: ${name}`, [bucket], variables, questions);
  }
  const few = [...questions.slice(0, 25), ...questions.filter(({ path }) => path.startsWith('/v2/_catalog'))];
  for (const [name, variables] of Object.entries(FEW)) {
    await recordEdge(stage, `edge: ${name}`, [bucket], variables, few);
  }
};
