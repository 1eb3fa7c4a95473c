/** Tests the doctor on real edges: a good one, and edges that are wrong in exactly one way. */
import { gzipSync } from 'node:zlib';
import { S3RequestPresigner } from '@aws-sdk/s3-request-presigner';
import { Sha256 } from '@smithy/core/checksum';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Edge } from '../../support/edge.ts';
import type { Answered, Fault, FaultyProxy, Passing } from './faulty-proxy.ts';
import { EDGE_KEY, IMAGE, Scene, TOKEN, TOKEN_VARIABLES, problemsOf, verdictsOf } from './scene.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** Of the buckets of the scene. */
const [PUBLIC, PRIVATE, OTHER] = [0, 1, 2];

const PULLS = { containerd: 'pulls', 'containers-image': 'pulls', docker: 'pulls', buildkit: 'pulls' };
const FALL_BACK = {
  containerd: 'falls back',
  'containers-image': 'falls back',
  docker: 'falls back',
  buildkit: 'falls back',
};
const FAIL = { containerd: 'fails', 'containers-image': 'fails', docker: 'fails', buildkit: 'fails' };
const UNKNOWN = {
  containerd: 'unknown',
  'containers-image': 'unknown',
  docker: 'unknown',
  buildkit: 'unknown',
};
/** After a manifest from the mirror, and no blob. */
const STAYS = { ...FALL_BACK, 'containers-image': 'fails' };

let scene: Scene;
let good: Edge;
let proxy: FaultyProxy;
let file = '';
let tokenFile = '';

beforeAll(async () => {
  scene = await Scene.start('public', 'token', 'public');
  good = await scene.edge();
  proxy = await scene.inFrontOf(good);
  file = await scene.writeConfiguration('public');
  tokenFile = join(scene.folder, 'token');
  await writeFile(tokenFile, `${TOKEN}\n`);
});

afterEach(() => {
  proxy.fault = {};
  scene.store.fault = {};
});

afterAll(async () => {
  await scene?.stop();
});

function isManifest({ path }: Pick<Passing, 'path'>): boolean {
  return path.includes('/manifests/') && !path.includes('.sig');
}

function isBlob({ path }: Pick<Passing, 'path'>): boolean {
  return path.includes('/blobs/sha256:') && !path.includes('/blobs/sha256:000');
}

/** Drops a header from every answer to a HEAD or GET of a manifest. */
function without(name: string): Fault {
  return {
    after: ({ headers }, request) => {
      if (isManifest(request)) delete headers[name];
    },
  };
}

function html(status = 200): Answered {
  const body = Buffer.from('<!doctype html><title>A page</title>');
  return { status, headers: { 'content-type': 'text/html', 'content-length': String(body.length) }, body };
}

function answer(status: number, headers: Record<string, string> = {}, text = ''): Answered {
  return { status, headers: { 'content-length': String(text.length), ...headers }, body: Buffer.from(text) };
}

/** Signs the address of a redirect anew, for another time. */
function signedFor(seconds: number, ageSeconds = 0): Fault {
  return {
    after: async ({ headers }) => {
      const location = headers['location'];
      if (location === undefined) return;
      const { protocol, hostname, port, host, pathname } = new URL(location);
      const { accessKeyId, secretAccessKey, region } = scene.buckets;
      const presigner = new S3RequestPresigner({
        region,
        credentials: { accessKeyId, secretAccessKey },
        sha256: Sha256,
      });
      const { query = {} } = await presigner.presign(
        {
          method: 'GET',
          protocol,
          hostname,
          port: Number(port),
          path: pathname,
          query: {},
          headers: { host },
        },
        { expiresIn: seconds, signingDate: new Date(Date.now() - 1000 * ageSeconds) },
      );
      const search = Object.entries(query).map(
        ([name, value]) => `${name}=${encodeURIComponent(String(value))}`,
      );
      headers['location'] = `${protocol}//${host}${pathname}?${search.join('&')}`;
    },
  };
}

function dated(minutes: number): Fault {
  return {
    after: ({ headers }) => {
      headers['date'] = new Date(Date.now() + 60_000 * minutes).toUTCString();
    },
  };
}

test('a good edge has no problem, and every client pulls from it', async () => {
  const { code, printed } = await scene.examine([good.url, '-c', file], EDGE_KEY);
  expect([code, problemsOf(printed), verdictsOf(printed)]).toEqual([0, [], PULLS]);
  expect(printed.image).toBe(IMAGE);
  const skipped = printed.checks.filter(({ outcome }) => outcome === 'not looked at');
  // The edge is on this machine, without https, and neither workerd nor the local store says a time.
  expect(skipped.map(({ check }) => check)).toEqual(['certificate', 'https', 'clocks']);
});

/** The fault of a proxy in front of the good edge, the one check that names it, and what clients do then. */
const EDGE_FAULTS: readonly (readonly [
  what: string,
  fault: Fault,
  check: string,
  verdicts: Readonly<Record<string, string>>,
])[] = [
  ['takes Docker-Content-Digest away', without('docker-content-digest'), 'digest-header', PULLS],
  ['takes Content-Length away', without('content-length'), 'length', PULLS],
  [
    'compresses',
    {
      after: (answered, { method, headers }) => {
        if (method !== 'GET' || !/gzip/.test(headers['accept-encoding'] ?? '') || answered.status !== 200)
          return;
        answered.body = gzipSync(answered.body);
        answered.headers['content-encoding'] = 'gzip';
        delete answered.headers['content-length'];
      },
    },
    'encoding',
    UNKNOWN,
  ],
  [
    'says another media type',
    {
      after: ({ headers }, request) => {
        if (isManifest(request)) headers['content-type'] = 'application/octet-stream';
      },
    },
    'media-type',
    FAIL,
  ],
  [
    'changes the bytes of a manifest',
    {
      after: (answered, request) => {
        if (isManifest(request))
          answered.body = Buffer.from(answered.body.toString().replace('\n  ', '\n\t '));
      },
    },
    'manifest-bytes',
    FAIL,
  ],
  [
    'answers a manifest by an HTML page',
    { instead: (one) => (isManifest(one) ? html() : undefined) },
    'html',
    FAIL,
  ],
  [
    'throttles manifests',
    { instead: (one) => (isManifest(one) ? answer(429) : undefined) },
    'throttled',
    FALL_BACK,
  ],
  [
    'has a page of its own for what is missing',
    { after: (answered) => void (answered.status === 404 && Object.assign(answered, html(404))) },
    'absent',
    PULLS,
  ],
  [
    'redirects manifests to a login',
    {
      instead: (one) =>
        isManifest(one) ? answer(302, { location: 'https://login.example.com/?secret' }) : undefined,
    },
    'redirected',
    FAIL,
  ],
  [
    'answers 502 for blobs',
    { instead: (one) => (isBlob(one) ? html(502) : undefined) },
    'server-error',
    STAYS,
  ],
  [
    'closes the connection of a blob',
    { instead: (one) => (isBlob(one) ? 'drop' : undefined) },
    'unanswered',
    STAYS,
  ],
  [
    'lets a push in',
    { instead: ({ method }) => (method === 'POST' ? answer(202) : undefined) },
    'write',
    PULLS,
  ],
  [
    'asks for a login where nobody needs one',
    { after: ({ headers }) => void (headers['www-authenticate'] = 'Basic realm="proxy"') },
    'challenge',
    { ...FALL_BACK, containerd: 'pulls', 'containers-image': 'pulls' },
  ],
  [
    'keeps /healthz for itself',
    { instead: ({ path }) => (path === '/healthz' ? html(404) : undefined) },
    'health',
    PULLS,
  ],
  [
    'says that /v2/ is text',
    { after: ({ headers }, { path }) => void (path === '/v2/' && (headers['content-type'] = 'text/plain')) },
    'registry',
    // Clients look at the status.
    PULLS,
  ],
  [
    'refuses the list of referrers',
    { instead: ({ path }) => (path.includes('/referrers/') ? answer(404) : undefined) },
    'referrers',
    PULLS,
  ],
  [
    'refuses the list of tags',
    { instead: ({ path }) => (path.includes('/tags/list') ? answer(404) : undefined) },
    'tag-list',
    PULLS,
  ],
  [
    'drops the query',
    { before: (one) => void Object.assign(one, { path: one.path.split('?', 1)[0] }) },
    'namespace',
    PULLS,
  ],
  [
    'takes the registry out of the path',
    {
      before: (one) =>
        void Object.assign(one, { path: one.path.replace(/^\/v2\/docker\.io\/(?!.*ns=)/, '/v2/a.b/') }),
    },
    'prefix',
    { containerd: 'falls back', 'containers-image': 'falls back', docker: 'unknown', buildkit: 'falls back' },
  ],
  [
    'refuses ?ns= alone',
    { instead: ({ path }) => (/^\/v2\/library.*ns=/.test(path) ? answer(404, {}, '{}') : undefined) },
    'ns',
    PULLS,
  ],
  [
    'refuses ?ns= beside the prefix',
    { instead: ({ path }) => (/^\/v2\/docker.*ns=/.test(path) ? answer(404) : undefined) },
    'prefix-and-ns',
    { ...PULLS, containerd: 'falls back' },
  ],
  [
    'does not know digests',
    { instead: ({ path }) => (/\/manifests\/sha256:/.test(path) ? answer(404) : undefined) },
    'digest',
    FALL_BACK,
  ],
  [
    'does not know the blob',
    { instead: (one) => (isBlob(one) ? answer(404, {}, '{"errors":[{"code":"BLOB_UNKNOWN"}]}') : undefined) },
    'blob-missing',
    STAYS,
  ],
  [
    'redirects HEAD of a blob',
    {
      instead: (one) =>
        isBlob(one) && one.method === 'HEAD'
          ? answer(307, { location: 'https://s3.example.com/' })
          : undefined,
    },
    'blob-head',
    PULLS,
  ],
  [
    'hides the login of a client from the edge',
    { before: ({ headers }) => void delete headers['authorization'] },
    'authorization',
    { ...PULLS, containerd: 'falls back', 'containers-image': 'fails' },
  ],
  [
    'sends clients where nothing listens',
    {
      after: ({ headers }) =>
        void (headers['location'] !== undefined && (headers['location'] = 'http://127.0.0.1:1/blob')),
    },
    'store',
    STAYS,
  ],
  ['gives addresses that end in 30 seconds', signedFor(30), 'lifetime', PULLS],
  ['gives addresses that have ended', signedFor(60, 120), 'store', STAYS],
  ['gives addresses for a week', signedFor(7 * 86_400), 'lifetime', PULLS],
  ['has a clock that is 20 minutes ahead', dated(20), 'clocks', PULLS],
];

test.for(EDGE_FAULTS)(
  'an edge behind a proxy that %s is named so, and nothing else',
  async ([, fault, check, verdicts]) => {
    proxy.fault = fault;
    const { code, printed, stdout } = await scene.examine([proxy.url, '-c', file], EDGE_KEY);
    expect([code, problemsOf(printed), verdictsOf(printed)]).toEqual([3, [check], verdicts]);
    expect(stdout).not.toMatch(/X-Amz-Signature|\?secret/);
  },
);

/** The fault of a proxy in front of the store, which edge, job and clients see. */
const STORE_FAULTS: typeof EDGE_FAULTS = [
  ['knows no ranges', { before: ({ headers }) => void delete headers['range'] }, 'range', PULLS],
  [
    'gives other bytes for a blob',
    {
      after: (answered, { path, method }) => {
        if (method === 'GET' && path.includes('/blobs/sha256') && path.includes('X-Amz-Signature'))
          answered.body.fill(0, 0, 10);
      },
    },
    'blob-bytes',
    FAIL,
  ],
  [
    'has lost a blob',
    {
      instead: ({ path }) =>
        /\/bucket-\d+\/blobs\/sha256/.test(path)
          ? answer(404, {}, '<Error><Code>NoSuchKey</Code></Error>')
          : undefined,
    },
    'store',
    STAYS,
  ],
  [
    'does not honour conditions',
    { instead: ({ method }) => (method === 'PUT' ? answer(200, { etag: '"1"' }) : undefined) },
    'conditions',
    PULLS,
  ],
  [
    "does not let the edge's key list, and says 404 all the same for what is absent",
    {
      instead: ({ path }) =>
        path.includes('list-type=2')
          ? answer(403, { 'content-type': 'application/xml' }, '<Error><Code>AccessDenied</Code></Error>')
          : undefined,
    },
    'edge-key-read',
    PULLS,
  ],
  [
    "does not let the edge's key list",
    {
      after: (answered, { path }) => {
        if (answered.status === 404 && path.includes('/state/absent-'))
          Object.assign(answered, answer(403, {}, '<Error><Code>AccessDenied</Code></Error>'));
      },
    },
    'edge-key-read',
    PULLS,
  ],
  ['has a clock that is an hour behind', dated(-60), 'clocks', PULLS],
];

test.for(STORE_FAULTS)(
  'a store that %s is named so, and nothing else',
  async ([, fault, check, verdicts]) => {
    scene.store.fault = fault;
    // With a fault of conditions no key can be tried by writing.
    const env = check === 'conditions' ? {} : EDGE_KEY;
    const { code, printed } = await scene.examine([good.url, '-c', file], env);
    expect([code, problemsOf(printed), verdictsOf(printed)]).toEqual([3, [check], verdicts]);
  },
);

test("an edge's key that may write is named, and nothing that is served was touched", async () => {
  const { accessKeyId, secretAccessKey } = scene.buckets;
  const env = { EDGE_S3_ACCESS_KEY_ID: accessKeyId, EDGE_S3_SECRET_ACCESS_KEY: secretAccessKey };
  const written: string[] = [];
  scene.store.fault = {
    before: ({ method, path }) =>
      void (method !== 'GET' && method !== 'HEAD' && written.push(path.split('?', 1)[0] ?? '')),
  };
  const { code, printed } = await scene.examine([good.url, '-c', file], env);
  expect([code, problemsOf(printed), verdictsOf(printed)]).toEqual([3, ['edge-key-write'], PULLS]);
  expect(new Set(written.map((path) => path.replace(/^.*\/bucket-\d+\//, '')))).toEqual(
    new Set(['state/default/probe']),
  );
});

test('a job with another bucket is named', async () => {
  const other = await scene.writeConfiguration('other', OTHER);
  const { code, printed } = await scene.examine([good.url, '-c', other], EDGE_KEY);
  expect([code, problemsOf(printed), verdictsOf(printed)]).toEqual([3, ['same-bucket'], PULLS]);
});

test('a configuration for another audience is named', async () => {
  const other = await scene.writeConfiguration('audience', PUBLIC, { audience: 'token' });
  const { code, printed } = await scene.examine([good.url, '-c', other], EDGE_KEY);
  expect([code, problemsOf(printed)]).toEqual([3, ['audience']]);
});

describe('an edge whose variables are wrong in one way', () => {
  test('no default upstream', async () => {
    const edge = await scene.edge({ DEFAULT_UPSTREAM: 'quay.io' });
    const { code, printed } = await scene.examine([edge.url, '-c', file], EDGE_KEY);
    expect([code, problemsOf(printed), verdictsOf(printed)]).toEqual([
      3,
      ['default-upstream'],
      { ...PULLS, docker: 'falls back' },
    ]);
  });

  test('no tags', async () => {
    const edge = await scene.edge({ TAGS: 'off' });
    const { code, printed } = await scene.examine([edge.url, '-c', file], EDGE_KEY);
    expect([code, problemsOf(printed), verdictsOf(printed)]).toEqual([
      3,
      ['tags'],
      { containerd: 'pulls', 'containers-image': 'pulls', docker: 'falls back', buildkit: 'falls back' },
    ]);
  });

  test('a public address that the network does not reach', async () => {
    const edge = await scene.edge({ PUBLIC_URL: 'http://127.0.0.1:1' });
    const { code, printed } = await scene.examine([edge.url, '-c', file], EDGE_KEY);
    expect([code, problemsOf(printed), verdictsOf(printed)]).toEqual([3, ['store'], STAYS]);
  });

  test('another catalogue', async () => {
    const edge = await scene.edge({ CATALOG: 'another' });
    const { code, printed } = await scene.examine([edge.url, '-c', file], EDGE_KEY);
    expect([code, problemsOf(printed), verdictsOf(printed)]).toEqual([3, ['catalog'], PULLS]);
  });

  test('another audience than the bucket', async () => {
    const edge = await scene.edge({}, PRIVATE);
    const configuration = await scene.writeConfiguration('private', PRIVATE, { audience: 'token' });
    const { code, printed } = await scene.examine([edge.url, '-c', configuration], EDGE_KEY);
    expect([code, problemsOf(printed), verdictsOf(printed)]).toEqual([3, ['audience'], FALL_BACK]);
    const alone = await scene.examine([edge.url]);
    expect(problemsOf(alone.printed)).toEqual(['audience']);
  });

  test('no store that answers', async () => {
    const edge = await scene.edge({ S3_BUCKET: 'nothing' });
    const { code, printed } = await scene.examine([edge.url, '-c', file], EDGE_KEY);
    expect([code, problemsOf(printed), verdictsOf(printed)]).toEqual([3, ['unavailable'], FALL_BACK]);
  });
});

describe('an edge that streams', () => {
  let edge: Edge;

  beforeAll(async () => {
    edge = await scene.edge({ BLOBS: 'stream' });
  });

  test('has no problem', async () => {
    const { code, printed } = await scene.examine([edge.url, '-c', file], EDGE_KEY);
    expect([code, problemsOf(printed), verdictsOf(printed)]).toEqual([0, [], PULLS]);
  });

  test('behind a proxy without ranges is named so', async () => {
    const front = await scene.inFrontOf(edge, { before: ({ headers }) => void delete headers['range'] });
    const { printed } = await scene.examine([front.url, '-c', file], EDGE_KEY);
    expect(problemsOf(printed)).toEqual(['range']);
  });
});

describe('an edge with tokens', () => {
  const LOGIN = {
    containerd: 'pulls',
    'containers-image': 'falls back',
    docker: 'falls back',
    buildkit: 'falls back',
  };
  let edge: Edge;
  let configuration = '';

  beforeAll(async () => {
    edge = await scene.edge(TOKEN_VARIABLES, PRIVATE);
    const settings = { edge: { url: edge.url, tokenFile: './token' } };
    configuration = await scene.writeConfiguration(
      'tokens',
      PRIVATE,
      { audience: 'token' },
      undefined,
      settings,
    );
  });

  test('has no problem, and only containerd can send the token', async () => {
    const { code, printed } = await scene.examine(
      [edge.url, '--token-file', tokenFile, '-c', configuration],
      EDGE_KEY,
    );
    expect([code, problemsOf(printed), verdictsOf(printed)]).toEqual([0, [], LOGIN]);
  });

  test('is found, with its token, by the configuration alone', async () => {
    const { code, printed } = await scene.examine(['-c', configuration], EDGE_KEY);
    expect([code, printed.url, problemsOf(printed)]).toEqual([0, edge.url, []]);
  });

  test('the token of the configuration is sent to its own edge only', async () => {
    const tokens: unknown[] = [];
    const front = await scene.inFrontOf(edge, {
      before: ({ headers }) => void tokens.push(headers['authorization']),
    });
    const { code, printed } = await scene.examine([front.url, '-c', configuration], EDGE_KEY);
    expect([code, problemsOf(printed)]).toEqual([3, ['token']]);
    expect(tokens.length).toBeGreaterThan(0);
    expect(tokens.filter((one) => one !== undefined)).toEqual([]);
  });

  test('without the token that is said, and nothing else', async () => {
    const { code, printed } = await scene.examine([edge.url]);
    expect([code, problemsOf(printed), verdictsOf(printed)]).toEqual([3, ['token'], FALL_BACK]);
  });

  test('with a token that it does not know that is said, and nothing else', async () => {
    const wrong = join(scene.folder, 'wrong-token');
    await writeFile(wrong, 'another');
    const { code, printed } = await scene.examine([edge.url, '--token-file', wrong]);
    expect([code, problemsOf(printed)]).toEqual([3, ['token']]);
    expect(JSON.stringify(printed)).not.toContain('another"');
  });

  test('with a token that may read other images that is said, and nothing else', async () => {
    const { code, printed } = await scene.examine([
      edge.url,
      '--token-file',
      tokenFile,
      '--image',
      'quay.io/a/b:1',
    ]);
    expect([code, problemsOf(printed)]).toEqual([3, ['token']]);
  });

  test('a token for a public edge protects nothing', async () => {
    const { code, printed } = await scene.examine([good.url, '--token-file', tokenFile]);
    expect([code, problemsOf(printed)]).toEqual([3, ['token']]);
  });

  test('a challenge draws pull secrets, unless --challenge says that it is meant', async () => {
    const asking = await scene.edge({ ...TOKEN_VARIABLES, AUTH_CHALLENGE: 'basic' }, PRIVATE);
    const args = [asking.url, '--token-file', tokenFile, '-c', configuration];
    const { code, printed } = await scene.examine(args, EDGE_KEY);
    expect([code, problemsOf(printed), verdictsOf(printed)]).toEqual([
      3,
      ['challenge'],
      { ...LOGIN, 'containers-image': 'pulls' },
    ]);
    const meant = await scene.examine([...args, '--challenge'], EDGE_KEY);
    expect([meant.code, problemsOf(meant.printed)]).toEqual([0, []]);
    const missing = await scene.examine([edge.url, '--token-file', tokenFile, '--challenge']);
    expect([missing.code, problemsOf(missing.printed)]).toEqual([3, ['challenge']]);
  });
});
