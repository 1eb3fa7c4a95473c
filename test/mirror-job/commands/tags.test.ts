/**
 * Tests `lifeboat history`, `approve` and `revert` as people run them: with a real bucket, in processes of their own.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { addImage, addLayer, tagAs } from '../../support/builder.ts';
import { s3ClientOf } from '../../support/bucket-reader.ts';
import { emptyRepository } from '../../support/content.ts';
import { startCountingProxy } from '../../support/counting-proxy.ts';
import { writeLayout } from '../../support/oci-layout.ts';
import { runProgram, type Finished } from '../../support/process.ts';
import { bundledJob, emptyBuckets } from '../../support/shared.ts';
import { walkBucket } from '../../support/walk-bucket.ts';

// The limits are wide, because processes are slow on a busy machine. Each wait in this file has its own limit.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const MAIN = await bundledJob();
const store = await emptyBuckets(2);
const [, EMPTY = ''] = store.buckets;
/** Printed commands begin with the words that started this process, so that they can be pasted. */
const LIFEBOAT = `${process.execPath} ${MAIN}`;
const APP = 'a.b/team/app';
const TIME = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ`;

let folder = '';
/** The digests of the images, in the order in which upstream's tag pointed to them. */
const digests: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-tags-'));
  await configure('lifeboat.yaml', { singleWriter: false });
  await configure('single.yaml', { singleWriter: true });
  const app = emptyRepository();
  for (const name of ['one', 'two', 'three']) {
    const image = addImage(app, { layers: [await addLayer(app, name)] });
    tagAs(app, image, 'latest', name);
    digests.push(image.digest);
    await rm(join(folder, 'app'), { recursive: true, force: true });
    await writeLayout(app, join(folder, 'app'));
    const { code, stderr } = await lifeboat('sync', APP);
    if (code !== 0) throw new Error(`The bucket was not filled:\n${stderr}`);
  }
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function configure(file: string, more: object, bucket = store.bucket): Promise<void> {
  const { endpoint, region, accessKeyId, secretAccessKey } = store;
  await writeFile(
    join(folder, file),
    JSON.stringify({
      store: { endpoint, bucket, region, accessKeyId, secretAccessKey, ...more },
      images: [
        { source: 'oci:./app', name: APP, tags: ['*'] },
        { source: 'quay.io/org/tool', name: 'images.internal/tool', tags: ['1'] },
        { source: 'quay.io/org/both', name: 'images.internal/one', tags: ['1'] },
        { source: 'quay.io/org/both', name: 'images.internal/two', tags: ['2'] },
      ],
    }),
  );
}

function lifeboat(...args: string[]): Promise<Finished> {
  // These variables make bob the recorded person, on every machine that runs the tests.
  const env = { GITHUB_ACTOR: '', GITHUB_TRIGGERING_ACTOR: '', GITLAB_USER_LOGIN: '', SUDO_USER: 'bob' };
  return runProgram(process.execPath, [MAIN, ...args], { cwd: folder, timeout: 50_000, env });
}

/** Runs the history in a shell script, in which "$@" is its command. */
function piped(script: string): Promise<Finished> {
  return runProgram('sh', ['-c', script, 'sh', process.execPath, MAIN, 'history', APP], { cwd: folder });
}

function short(digest: string | undefined): string {
  return digest?.slice(7, 19) ?? '';
}

/** Returns the digest of the tag, after a check that the whole bucket is complete. */
async function currentDigest(): Promise<string | undefined> {
  const client = s3ClientOf(store);
  const { tags, problems, behind } = await walkBucket({ client, bucket: store.bucket });
  client.destroy();
  expect([problems, behind]).toEqual([[], []]);
  return tags.get(`${APP}:latest`);
}

test('revert moves a tag back and holds it, approve moves it forward again, and the history shows both', async () => {
  const [one, two, three] = digests;
  const reverted = await lifeboat('revert', `${APP}:latest`, '--reason', 'it crashes');
  expect([reverted.code, reverted.stdout, reverted.stderr]).toEqual([
    0,
    `moved ${APP}:latest from ${short(three)} to ${short(two)} (reverted)
The tag is held there: a sync fetches what is new and does not move the tag. To let it go forward again:
  ${LIFEBOAT} approve ${APP}:latest@${three}
`,
    '',
  ]);
  expect(await currentDigest()).toBe(two);

  const again = await lifeboat('revert', `${APP}:latest`);
  expect([again.code, again.stdout]).toEqual([
    0,
    `unchanged ${APP}:latest is at ${short(two)} and held already. To go further back: --to DIGEST ("${LIFEBOAT} history ${APP}:latest" shows where it stood)\n`,
  ]);

  const history = await lifeboat('history', `${APP}:latest`);
  expect([history.code, history.stderr]).toEqual([0, '']);
  const row = (from: string, to: string, why: string) =>
    `${TIME}  ${from} +→  ${to} +${why.padEnd(20)}  ${why.startsWith('reverted') ? 'by bob@\\S+' : ' +'}  run \\S+\n`;
  expect(history.stdout).toMatch(
    new RegExp(
      `^${row(`${short(three)} \\(three\\)`, `${short(two)} \\(two\\)`, 'reverted: it crashes')}${row(`${short(two)} \\(two\\)`, `${short(three)} \\(three\\)`, 'upstream moved')}${row(`${short(one)} \\(one\\)`, `${short(two)} \\(two\\)`, 'upstream moved')}${row('nowhere', `${short(one)} \\(one\\)`, 'first seen')}\n` +
        `held ${APP}:latest is at ${short(two)}: reverted by hand: it crashes\n` +
        `  ${short(three)}, first seen ${TIME}: ${LIFEBOAT} approve ${APP}:latest@${three}\n` +
        `  ${short(one)}, first seen ${TIME}: older\n$`,
    ),
  );

  const approved = await lifeboat('approve', `${APP}:latest@${three}`, '--reason', 'mended');
  expect([approved.code, approved.stdout, approved.stderr]).toEqual([
    0,
    `moved ${APP}:latest from ${short(two)} to ${short(three)} (approved)\n`,
    '',
  ]);
  expect(await currentDigest()).toBe(three);

  const json = await lifeboat('history', APP, '--limit', '2', '--json');
  expect([json.code, json.stderr]).toEqual([0, '']);
  const by = expect.stringMatching(/^bob@./);
  const record = { tag: 'latest', at: expect.any(String), by, run: expect.any(String), isCarriedOut: true };
  expect(JSON.parse(json.stdout)).toEqual({
    image: APP,
    movements: [
      { ...record, from: two, to: three, why: 'approved: mended' },
      { ...record, from: three, to: two, why: 'reverted: it crashes' },
    ],
    tags: [],
  });
});

test('the history can be piped, and its output has no errors in it', async () => {
  // The first reader is a slow pager, the second one stops after a line.
  const paged = await piped('"$@" --json 2>errors | (sleep 1; cat); cat errors >&2');
  expect([Object.keys(JSON.parse(paged.stdout)), paged.stderr]).toEqual([['image', 'movements', 'tags'], '']);
  const cut = await piped('{ "$@"; echo "code $?" >&2; } | head -n 1');
  expect([cut.stdout.split('\n').length, cut.stderr]).toEqual([2, 'code 0\n']);
});

test('a printed command can be pasted, whatever the name of the configuration file is', async () => {
  const [, two, three] = digests;
  const config = "it's mine.yaml";
  await configure(config, {});
  const reverted = await lifeboat('revert', `${APP}:latest`, '-c', config, '--json');
  expect(JSON.parse(reverted.stdout)).toMatchObject({ result: 'moved', digest: two });
  const history = await lifeboat('history', `${APP}:latest`, '--config', config);
  const [, command = ''] = /: (\S+ \S+ approve .*)$/m.exec(history.stdout) ?? [];
  expect(command).toBe(`${LIFEBOAT} approve -c 'it'\\''s mine.yaml' ${APP}:latest@${three}`);
  const pasted = await runProgram('sh', ['-c', command], { cwd: folder });
  expect([pasted.code, pasted.stdout]).toEqual([
    0,
    `moved ${APP}:latest from ${short(two)} to ${short(three)} (approved)\n`,
  ]);
  // No digest waits now, because the tag's previous digest is older.
  const after = await lifeboat('history', `${APP}:latest`, '-c', config, '--json');
  expect(JSON.parse(after.stdout).tags).toEqual([
    {
      tag: 'latest',
      digest: three,
      candidates: [two, digests[0]].map((digest) => ({
        digest,
        firstSeen: expect.any(String),
        state: 'older',
      })),
    },
  ]);
});

test('approve records a new reason once for a tag that already has the digest, and no reason for a list', async () => {
  const [one, , three] = digests;
  const reason = ['--reason', 'looked at it'];
  await writeFile(join(folder, 'approved.txt'), `${APP}:one@${one}\n`);
  const approved = await lifeboat('approve', `${APP}:latest@${three}`, '--file', 'approved.txt', ...reason);
  expect([approved.code, approved.stdout, approved.stderr]).toEqual([
    0,
    `unchanged ${APP}:latest is at ${short(three)} (reason recorded)\nunchanged ${APP}:one is at ${short(one)}\n`,
    'The reason is not recorded for 1 tag of the list, because nothing is written for an unchanged line.\n',
  ]);
  const again = await lifeboat('approve', `${APP}:latest@${three}`, ...reason, '--json');
  const unchanged = { image: `${APP}:latest`, wanted: three, result: 'unchanged', digest: three };
  expect(JSON.parse(again.stdout)).toEqual({ approvals: [unchanged] });
  const other = await lifeboat('approve', `${APP}:latest@${three}`, '--reason', 'again', '--json');
  expect(JSON.parse(other.stdout)).toEqual({ approvals: [{ ...unchanged, recorded: true }] });
  const history = await lifeboat('history', `${APP}:latest`, '--limit', '3', '--json');
  const record = { tag: 'latest', by: expect.stringMatching(/^bob@./), isCarriedOut: true };
  expect(JSON.parse(history.stdout).movements).toMatchObject([
    { ...record, from: three, to: three, why: 'approved: again' },
    { ...record, from: three, to: three, why: 'approved: looked at it' },
    { to: three, isCarriedOut: true },
  ]);
  expect(JSON.parse(history.stdout).movements[2].from).not.toBe(three);
  const held = await lifeboat('revert', `${APP}:latest`, '--to', short(three), '--reason', 'no newer one');
  expect([held.code, held.stdout, held.stderr]).toEqual([
    0,
    `held ${APP}:latest at ${short(three)}: "reverted by hand: no newer one". It stays there until a digest is approved\n`,
    '',
  ]);
  await lifeboat('approve', `${APP}:latest@${three}`);
});

test('--to takes a digest that is as short as in the history, also in a bucket with one writer', async () => {
  const [one, , three] = digests;
  const back = await lifeboat('revert', `${APP}:latest`, '--to', short(one), '--json', '-c', 'single.yaml');
  expect([back.code, back.stderr]).toEqual([0, '']);
  expect(JSON.parse(back.stdout)).toEqual({
    image: `${APP}:latest`,
    result: 'moved',
    digest: one,
    from: three,
  });
  const forward = await lifeboat('approve', `${APP}:latest@${three}`, '--json', '-c', 'single.yaml');
  expect(JSON.parse(forward.stdout)).toEqual({
    approvals: [{ image: `${APP}:latest`, wanted: three, result: 'moved', digest: three, from: one }],
  });
  expect(await currentDigest()).toBe(three);
});

test('approve --file carries out a list once, changes nothing the next time, and does not undo a revert', async () => {
  const [one, two, three] = digests;
  await writeFile(
    join(folder, 'approved.txt'),
    `# reviewed\n\n${APP}:latest@${two} # by us\r\n  ${APP}:one@${one}\n${APP}:one@${one}\n`,
  );
  const first = await lifeboat('approve', '--file', 'approved.txt');
  expect([first.code, first.stdout]).toEqual([
    0,
    `moved ${APP}:latest from ${short(three)} to ${short(two)} (approved)\nunchanged ${APP}:one is at ${short(one)}\n`,
  ]);
  const second = await lifeboat('approve', '--file', 'approved.txt');
  expect([second.code, second.stdout]).toEqual([
    0,
    `unchanged ${APP}:latest is at ${short(two)}\nunchanged ${APP}:one is at ${short(one)}\n`,
  ]);
  await lifeboat('revert', `${APP}:latest`);
  const third = await lifeboat('approve', '--file', 'approved.txt');
  expect([third.code, third.stdout]).toEqual([
    0,
    `held ${APP}:latest stays at ${short(three)}: the list names ${short(two)}, which the tag left when it was "reverted by hand". Take that line off the list, or approve the digest on the command line:
  ${LIFEBOAT} approve ${APP}:latest@${two}
unchanged ${APP}:one is at ${short(one)}
`,
  ]);
  await writeFile(join(folder, 'approved.txt'), `${APP}:latest@${three}\n`);
  const fourth = await lifeboat('approve', '--file', 'approved.txt');
  expect([fourth.code, fourth.stdout]).toEqual([
    0,
    `held ${APP}:latest is at ${short(three)}, as listed, and stays held: "reverted by hand". To let its policy decide again, approve it on the command line:
  ${LIFEBOAT} approve ${APP}:latest@${three}
`,
  ]);
  expect(await currentDigest()).toBe(three);
});

test('approve --file names each mistake of a list with its line, and moves nothing', async () => {
  const [one, two, three] = digests;
  const before = await currentDigest();
  const none = `sha256:${'0'.repeat(64)}`;
  await writeFile(join(folder, 'unclear.txt'), `${APP}:latest@${one}\n${APP}:latest\n@\n${APP}@${one}\n`);
  const unclear = await lifeboat('approve', '--file', 'unclear.txt');
  expect([unclear.code, unclear.stderr]).toEqual([
    2,
    `lifeboat: nothing was approved.
unclear.txt:2: "${APP}:latest" has to name a tag and a digest, as in ${APP}:latest@sha256:….
unclear.txt:3: "@" is not a valid name: "" after "@" is not a sha256 or sha512 digest.
unclear.txt:4: "${APP}@${one}" has to name a tag and a digest, as in ${APP}:TAG@${one}.
`,
  ]);
  await writeFile(
    join(folder, 'twice.txt'),
    `${APP}:latest@${one}\n${APP}:latest@${two}\nquay.io/org/both:3@${one}\n`,
  );
  const twice = await lifeboat('approve', '--file', 'twice.txt', `${APP}:one@${three}`);
  expect([twice.code, twice.stderr]).toEqual([
    2,
    `lifeboat: nothing was approved.
twice.txt:2: ${APP}:latest has another digest at twice.txt:1. Keep only one of the two.
twice.txt:3: "quay.io/org/both:3@${one}" has several names in the configuration: images.internal/one and images.internal/two. Name one of them.
`,
  ]);
  await writeFile(
    join(folder, 'absent.txt'),
    `${APP}:latest@${one}\n${APP}:lastet@${one}\nquay.io/org/tool:1@${none}\n`,
  );
  const absent = await lifeboat('approve', '--file', 'absent.txt');
  expect([absent.code, absent.stderr]).toEqual([
    2,
    `lifeboat: nothing was approved.
absent.txt:2: ${APP} has no tag "lastet" in the bucket. Run "${LIFEBOAT} sync ${APP}:lastet" first.
absent.txt:3: the bucket does not have images.internal/tool@${none}, or has only a part of it. Run "${LIFEBOAT} sync images.internal/tool:1" first, or "${LIFEBOAT} sync images.internal/tool@${none}" if upstream's tag has moved on.
`,
  ]);
  expect(await currentDigest()).toBe(before);
});

test('approve gives up a tag that runs keep moving, does the rest and ends with exit code 1', async () => {
  const [one, two, three] = digests;
  await lifeboat('approve', `${APP}:latest@${three}`);
  const target = new URL(store.endpoint);
  // Another approval moves the tag before each attempt of this one.
  const others = [two, three];
  const proxy = await startCountingProxy({
    target: target.origin,
    before: async ({ method, path }) => {
      const other = others[0];
      if (other === undefined || method !== 'PUT' || !path.endsWith('/_tags/latest')) return;
      others.shift();
      await lifeboat('approve', `${APP}:latest@${other}`);
    },
  });
  try {
    await configure('slow.yaml', { endpoint: `${proxy.url}${target.pathname}` });
    const wanted = [`${APP}:latest@${one}`, `${APP}:one@${two}`];
    const { code, stdout, stderr } = await lifeboat('approve', ...wanted, '-c', 'slow.yaml');
    expect([code, stderr, stdout]).toEqual([
      1,
      `failed ${APP}:latest: A run moved the tag twice while this command tried to move it. Look at "${LIFEBOAT} history -c slow.yaml", and try again.
`,
      `moved ${APP}:one from ${short(one)} to ${short(two)} (approved)
`,
    ]);
  } finally {
    await proxy.stop();
  }
  expect([others, await currentDigest()]).toEqual([[], three]);
  const history = await lifeboat('history', APP, '--limit', '3');
  const lines = history.stdout.split('\n').map((line) =>
    line
      .replace(/^.*Z {2}/, '')
      .replace(/ +run .*$/, '')
      .replace(/ +by bob@.*$/, ''),
  );
  expect(lines).toEqual([
    // The tags that each digest has now are beside it.
    `one     ${short(one)}             →  ${short(two)} (two)    approved`,
    `latest  ${short(two)} (one, two)  →  ${short(three)} (three)  approved`,
    `latest  ${short(two)} (one, two)  →  ${short(one)}          approved (not carried out)`,
    'The newest 3; --limit N shows more.',
    '',
  ]);
});

test.each([
  [
    ['approve'],
    `say what to approve: IMAGE:TAG@DIGEST, or --file FILE. "${LIFEBOAT} approve --help" explains it.`,
  ],
  [['approve', '--file', 'none.txt'], '--file none.txt: there is no such file.'],
  [['approve', 'a.b/c:1', '--reason', ' '], '--reason is empty. Leave it out, or say why in a few words.'],
  [['approve', 'a.b/c:1', '--reason', 'a\nb'], '--reason has to be one line of at most 300 characters.'],
  [['revert'], `name one tag, as in docker.io/library/nginx:1.27. "${LIFEBOAT} revert --help" explains it.`],
  [['revert', 'a.b/c'], `"a.b/c" names no tag. "${LIFEBOAT} revert --help" explains it.`],
  [
    ['revert', `a.b/c:1@sha256:${'0'.repeat(64)}`],
    `"a.b/c:1@sha256:${'0'.repeat(64)}" names a digest. Say where the tag goes back to with --to, as in "${LIFEBOAT} revert a.b/c:1 --to sha256:${'0'.repeat(64)}".`,
  ],
  [
    ['history', `localhost:5000/c:1@sha256:${'0'.repeat(64)}`],
    `"localhost:5000/c:1@sha256:${'0'.repeat(64)}" names a digest. Only tags have a history: leave the digest out, as in "${LIFEBOAT} history localhost:5000/c:1".`,
  ],
  [
    ['revert', `${APP}:none`],
    `${APP}:none is not in the bucket. "${LIFEBOAT} history ${APP}" shows which tags of the image have moved.`,
  ],
  [
    ['revert', `${APP}:latest`, '--to', `sha256:${'0'.repeat(64)}`],
    `${APP}:latest cannot go back to sha256:${'0'.repeat(64)}: the bucket does not have this digest, or has only a part of it. "${LIFEBOAT} history ${APP}:latest" shows where the tag stood. If upstream still has the digest, "${LIFEBOAT} sync ${APP}@sha256:${'0'.repeat(64)}" fetches it.`,
  ],
  [
    ['revert', `${APP}:latest`, '--to', '00000000'],
    '--to 00000000: the history of the tag has no such digest. To move the tag to it anyway, give the whole digest.',
  ],
  [
    ['revert', `${APP}:latest`, '--to', 'abc'],
    '--to "abc" is not a digest: expected "sha256:" and 64 hexadecimal digits, or the first 8 or more of them.',
  ],
  [
    ['revert', `${APP}:two`],
    `${APP}:two has no earlier digest in its history. Say which digest it is to move to: --to DIGEST.`,
  ],
  [
    ['history'],
    `name one image, as in docker.io/library/nginx:1.27. "${LIFEBOAT} history --help" explains it.`,
  ],
  [['history', 'a.b/c', '--limit', '0'], '--limit 0: it has to be a number from 1 to 999999.'],
  [
    ['history', 'a.b/C'],
    '"a.b/C" is not a valid name: "C" is not a path component (lower-case letters and digits, with single ".", "_", "__" or hyphens between them).',
  ],
])('%j is refused in a sentence', async (args, message) => {
  const { code, stdout, stderr } = await lifeboat(...args);
  expect([code, stdout, stderr]).toEqual([2, '', `lifeboat: ${message}\n`]);
});

test('a store that fails in the middle ends each command with exit code 1 and a sentence', async () => {
  const target = new URL(store.endpoint);
  const proxy = await startCountingProxy({
    target: target.origin,
    before: ({ path }) => (path.endsWith('/_index.json') ? 'drop' : undefined),
  });
  try {
    await configure('broken.yaml', { endpoint: `${proxy.url}${target.pathname}` });
    const key = `repositories/${APP}/_index.json`;
    const finished = await Promise.all([
      lifeboat('approve', `${APP}:latest@${digests[0]}`, '-c', 'broken.yaml'),
      lifeboat('revert', `${APP}:latest`, '-c', 'broken.yaml'),
      lifeboat('history', APP, '-c', 'broken.yaml', '--json'),
    ]);
    const where = `The bucket "${store.bucket}" at ${proxy.url}${target.pathname}: could not read ${key}: `;
    expect(finished.map(({ code, stdout, stderr }) => [code, stdout, stderr.split(where)[0]])).toEqual([
      [1, '', 'failed before anything was moved: '],
      [1, '', `failed ${APP}:latest: `],
      [1, '', `failed ${APP}: `],
    ]);
  } finally {
    await proxy.stop();
  }
});

test('history ends with exit code 1 for an image that the bucket does not have', async () => {
  const { code, stdout, stderr } = await lifeboat('history', 'quay.io/org/tool', '--json');
  expect([code, stdout, stderr]).toEqual([
    1,
    '',
    `failed images.internal/tool: the bucket has nothing of this image. Run "${LIFEBOAT} sync" first.\n`,
  ]);
});

test('a bucket that is not Lifeboat’s, and a bucket for another audience, are refused before anything is written', async () => {
  await configure('empty.yaml', {}, store.buckets[1]);
  for (const args of [
    ['history', APP],
    ['revert', `${APP}:latest`],
    ['approve', `${APP}:latest@${digests[0]}`],
  ]) {
    const { code, stderr } = await lifeboat(...args, '-c', 'empty.yaml');
    expect([code, stderr]).toEqual([
      2,
      `lifeboat: the configuration cannot be used.\nempty.yaml:1: store: The bucket "${EMPTY}" at ${store.endpoint} has no lifeboat.json, so it is not Lifeboat's, or nothing was mirrored into it yet. Run "${LIFEBOAT} sync -c empty.yaml" first.\n`,
    ]);
  }
  await configure('token.yaml', { audience: 'token' });
  const before = await currentDigest();
  const { code, stderr } = await lifeboat(
    'revert',
    `${APP}:latest`,
    '--to',
    short(digests[0]),
    '-c',
    'token.yaml',
  );
  expect([code, stderr]).toEqual([2, expect.stringContaining('is for the audience "public"')]);
  expect(await currentDigest()).toBe(before);
});
