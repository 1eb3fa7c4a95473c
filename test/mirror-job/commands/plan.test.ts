/**
 * Tests `lifeboat plan`, and `lifeboat sync IMAGE`, in processes of their own: their output, their exit codes, and
 * their effects.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { addImage, addLayer, tagAs } from '../../support/builder.ts';
import { digestOfTag, emptyRepository } from '../../support/content.ts';
import { startCountingProxy, type CountingProxy } from '../../support/counting-proxy.ts';
import { runProgram, type Finished } from '../../support/process.ts';
import { startRogueRegistry, type RogueRegistry } from '../../support/rogue-registry.ts';
import { bundledJob, emptyBuckets, type Buckets } from '../../support/shared.ts';

// The limits are wide, because processes are slow on a busy machine. Each wait in this file has its own limit.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const MAIN = await bundledJob();
const TAGS = { semver: '>=1.27', latest: 2, include: ['stable'], exclude: ['*.9'], minTags: 2 };
const FOOT = `This holds for upstream and the bucket as they are now, if no request is repeated. Tokens and redirects come on top.
The plan itself has sent all of these requests but those of blobs. Nothing was written.
`;

const web = emptyRepository();
let folder = '';
let file = '';
let store: Buckets;
let buckets: string[] = [];
let proxy: CountingProxy;
let registry: RogueRegistry;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-plan-'));
  // The file has another name than the default, so suggested commands have to repeat it.
  file = join(folder, 'mirror.yaml');
  for (const tag of ['1.26.0', '1.27.0', '1.28.0', '1.28.1', '1.28.9', '1.28.1-alpine', 'edge', 'stable']) {
    tagAs(web, addImage(web, { layers: [await addLayer(web, tag)] }), tag);
  }
  const tool = emptyRepository();
  tagAs(tool, addImage(tool, { layers: [await addLayer(tool, 'tool')] }), '1');
  registry = await startRogueRegistry({
    corpus: {
      repositories: new Map([
        ['web', web],
        ['tool', tool],
      ]),
    },
  });
  store = await emptyBuckets(4);
  buckets = [...store.buckets];
  proxy = await startCountingProxy({ target: new URL(store.endpoint).origin });
});

afterAll(async () => {
  await proxy?.stop();
  await registry?.stop();
  await rm(folder, { recursive: true, force: true });
});

function short(digest = ''): string {
  return digest.slice(7, 19);
}

/** Writes a configuration for the next empty bucket. */
async function configure(images: readonly (object | string)[] | undefined): Promise<void> {
  const { region, accessKeyId, secretAccessKey } = store;
  const endpoint = `${proxy.url}${new URL(store.endpoint).pathname}`;
  await writeFile(
    file,
    JSON.stringify({
      store: { endpoint, bucket: buckets.pop(), region, accessKeyId, secretAccessKey },
      upstreams: { [registry.host]: { insecure: true } },
      defaults: { referrers: false },
      ...(images !== undefined && { images }),
    }),
  );
  proxy.reset();
}

/** Hides ports and column widths, which differ between runs, and sizes, which other tests check. */
function plain(text: string): string {
  return text
    .replaceAll(registry.host, 'HOST')
    .replaceAll(registry.host.replace(':', '_'), 'HOST_PORT')
    .replaceAll(/[\d.]+ k?B\b/g, 'SIZE')
    .replaceAll(/(?<=\S) {2,}/g, '  ');
}

/** @returns `words` as standard output after `plain` */
async function lifeboat(command: string, ...args: string[]): Promise<Finished & { words: string }> {
  const finished = await runProgram(process.execPath, [MAIN, command, '-c', file, ...args], { cwd: folder });
  return { ...finished, stderr: plain(finished.stderr), words: plain(finished.stdout) };
}

function writes(): number {
  return proxy.requests.filter(({ write }) => write > 0).length;
}

test('plan prints a table, the reasons and the cost, and writes nothing, and the run then does what the plan says', async () => {
  await configure([{ source: `${registry.host}/web`, tags: TAGS }, { source: `${registry.host}/tool:1` }]);
  const first = await lifeboat('plan');
  expect(first.words).toBe(`image  tags  new  moved  requests  manifest GETs  bytes
HOST/tool  1  1  0  3  1  SIZE
HOST/web  3 of 8  3  0  10  3  SIZE

HOST/tool
  pull it from the edge as EDGE/HOST_PORT/tool:1
  in  1  named: 1

HOST/web
  pull it from the edge as EDGE/HOST_PORT/web:stable
  in  2  it is in ">=1.27": 1.28.1, 1.28.0
  in  1  named: stable
  out  1  it is not in ">=1.27": 1.26.0
  out  1  older than the 2 newest of its kind: 1.27.0
  out  1  the suffix "-alpine" is not asked for: 1.28.1-alpine
  out  1  "*.9" excludes it: 1.28.9
  out  1  it is not a version: edge

4 new · 13 requests (0 HEAD, 4 manifest GET, 1 of lists, 8 of blobs) · at most SIZE
${FOOT}`);
  expect([first.code, first.stderr, writes()]).toEqual([0, '', 0]);

  const run = await lifeboat('sync');
  expect(run.words).toMatch(/\n4 created · 8 blobs copied/);
  proxy.reset();
  const second = await lifeboat('sync', '--dry-run', '--all', `${registry.host}/web`);
  expect(second.words).toBe(`image  tags  new  moved  requests  manifest GETs  bytes
HOST/web  3 of 8  0  0  4  0  SIZE

HOST/web
  pull it from the edge as EDGE/HOST_PORT/web:stable
  in  unchanged  stable  named
  in  unchanged  1.28.1  it is in ">=1.27"
  in  unchanged  1.28.0  it is in ">=1.27"
  out  1.26.0  it is not in ">=1.27"
  out  1.27.0  older than the 2 newest of its kind
  out  1.28.1-alpine  the suffix "-alpine" is not asked for
  out  1.28.9  "*.9" excludes it
  out  edge  it is not a version

3 unchanged · 4 requests (3 HEAD, 0 manifest GET, 1 of lists, 0 of blobs) · at most SIZE
${FOOT}`);
  expect([second.code, writes()]).toEqual([0, 0]);
});

test('a list that is too short ends plan and sync with exit code 1, and plan --json reports it', async () => {
  await configure([
    { source: `${registry.host}/web`, tags: { ...TAGS, minTags: 3, latest: 4, semver: '>=1.28' } },
  ]);
  const planned = await lifeboat('plan', '--json', '--report', 'plan.json');
  expect([planned.code, planned.stderr]).toEqual([1, '']);
  expect(await readFile(join(folder, 'plan.json'), 'utf8')).toBe(planned.stdout);
  const json = JSON.parse(planned.stdout);
  expect(json).toMatchObject({
    dryRun: true,
    counts: { created: 1, moved: 0, unchanged: 0, failed: 0, skipped: 0, held: 0, gone: 0 },
    findings: [
      {
        kind: 'list-too-short',
        message: expect.stringContaining(`"${process.execPath} ${MAIN} plan -c ${file} --all" shows`),
      },
    ],
    cost: { requests: { heads: 0, manifestGets: 1, blobGets: 2, lists: 1 } },
    images: [{ chosen: [{ tag: 'stable', why: 'named', result: 'created' }] }],
  });
  expect(json.images[0].left).toContainEqual({ tag: '1.28.1', why: 'the list is shorter than minTags (3)' });
  const shown = await lifeboat('plan');
  expect(shown.words).toContain(`
finding  HOST/web lists 8 tags, of which 2 are selected, but minTags is 3, so none of these tags was looked at.`);
  const run = await lifeboat('sync');
  expect([run.code, run.words]).toEqual([1, expect.stringContaining('1 created · 1 finding')]);
});

test('plan shows a pinned digest, and says that the tag beside it is only a name', async () => {
  const [first, second, third] = ['1.27.0', '1.28.0', '1.28.1'].map((tag) => digestOfTag(web, tag));
  await configure([
    `${registry.host}/web:stable@${first}`,
    { source: `${registry.host}/web:edge@${second}`, digests: [third] },
  ]);
  const planned = await lifeboat('plan');
  expect(planned.words).toContain(`
HOST/web  0  1  0  9  3  SIZE
HOST/web  0  2  0  0  0  SIZE

HOST/web
  pull it from the edge as EDGE/HOST_PORT/web@${first}
  in  1  pinned by digest, and the tag is only a name: stable@${short(first)}

HOST/web
  pull it from the edge as EDGE/HOST_PORT/web@${second}
  in  1  pinned by digest, and the tag is only a name: edge@${short(second)}
  in  1  pinned by digest: ${short(third)}

3 new`);
  const run = await lifeboat('sync');
  expect([run.code, run.words]).toEqual([0, expect.stringMatching(/\n3 created · /)]);
  const all = await lifeboat('plan', '--all', '--json');
  expect(JSON.parse(all.stdout).images).toMatchObject([
    { chosen: [], pinned: [{ digest: first, name: 'stable', result: 'unchanged' }] },
    {
      chosen: [],
      pinned: [
        { digest: second, name: 'edge', result: 'unchanged' },
        { digest: third, result: 'unchanged' },
      ],
    },
  ]);
  const shown = await lifeboat('plan', '--all');
  expect(shown.words).toContain(`
HOST/web
  pull it from the edge as EDGE/HOST_PORT/web@${second}
  in  unchanged  edge@${short(second)}  pinned by digest, and the tag is only a name
  in  unchanged  ${short(third)}  pinned by digest
`);
});

test('sync with images mirrors only these images, and the configuration need not list them', async () => {
  await configure(undefined);
  const refused = await lifeboat('sync', `${registry.host}/tool`);
  expect([refused.code, refused.stderr]).toEqual([
    2,
    'lifeboat: "HOST/tool": the configuration does not list this image, so the reference has to name a tag or a digest, as in HOST/tool:TAG.\n',
  ]);
  const { code, words } = await lifeboat('sync', `${registry.host}/tool:1`, `${registry.host}/web:edge`);
  expect([code, words]).toEqual([
    0,
    expect.stringMatching(
      /^created .*tool:1\ncreated .*web:edge\npull it from the edge as EDGE\/HOST_PORT\/tool:1\npull it .*\/web:edge\n2 created · /,
    ),
  ]);
});
