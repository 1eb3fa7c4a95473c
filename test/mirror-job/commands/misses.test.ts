/** Tests `lifeboat plan --misses`, through the command line: what it prints, and what it refuses. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { parseConfiguration } from '../../../mirror-job/configuration/parse.ts';
import { runProgram } from '../../support/process.ts';
import { bundledJob } from '../../support/shared.ts';
import { createIo, runMain, type Ended } from '../support/io.ts';

// The limits are wide, because processes are slow on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const DIGEST = `sha256:${'ab'.repeat(32)}`;
/** Nothing listens on port 9, so a command that asks the store fails. */
const STORE = { endpoint: 'http://127.0.0.1:9', bucket: 'b', accessKeyId: 'a', secretAccessKey: 'b' };

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-misses-'));
  await configure('lifeboat.yaml', ['docker.io/library/alpine:3.20', { source: 'a.b/all', tags: ['*'] }]);
  await configure('none.yaml', undefined);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function configure(name: string, images: readonly (object | string)[] | undefined): Promise<void> {
  await writeFile(join(folder, name), JSON.stringify({ store: STORE, ...(images && { images }) }));
}

function lineOf(miss?: string): string {
  return JSON.stringify({ kind: 'tag', status: 404, storeMs: 9, reads: 1, miss });
}

function tailOf(miss: string): string {
  return JSON.stringify({ outcome: 'ok', logs: [{ message: [lineOf(miss)], level: 'log' }] });
}

const LOG = [
  ...Array.from({ length: 12 }, () => tailOf('docker.io/library/nginx:1.27')),
  lineOf('docker.io/library/nginx:1.28'),
  tailOf(`docker.io/library/nginx@${DIGEST}`),
  lineOf('quay.io/a/b:latest'),
  lineOf('quay.io/a/b:latest'),
  lineOf(`ghcr.io/c/d@${DIGEST}`),
  lineOf('docker.io/library/alpine:3.20'),
  lineOf('a.b/all:1'),
  lineOf(),
].join('\n');

async function write(name: string, text: string): Promise<string> {
  await writeFile(join(folder, name), text);
  return name;
}

function lifeboat(args: readonly string[], stdin = ''): Promise<Ended> {
  return runMain(args, createIo({ cwd: folder, stdin: () => Readable.from([Buffer.from(stdin)]) }));
}

const TABLE = `requests  image
12        docker.io/library/nginx:1.27
2         quay.io/a/b:latest
1         docker.io/library/nginx:1.28
1         ghcr.io/c/d@${DIGEST}
`;
const YAML = `# 1 digest is left out: tags of the same repository were missed too, and probably meant it.
images:
  - {source: docker.io/library/nginx, tags: ['1.27', '1.28']}
  - quay.io/a/b:latest
  - ghcr.io/c/d@${DIGEST}
`;
const SELECTED = '2 images are selected already: a run brings them.\n';

test('it prints a table, entries that can be pasted, and how many images are selected already', async () => {
  const { code, stdout, stderr } = await lifeboat(['plan', '--misses', await write('edge.log', LOG)]);
  expect([code, stdout, stderr]).toEqual([0, `${TABLE}\n${YAML}`, SELECTED]);
});

test('the configuration accepts the entries, and then selects all that was missed', async () => {
  await write('edge.log', LOG);
  const { images } = parse(YAML);
  await configure('pasted.yaml', [
    'docker.io/library/alpine:3.20',
    { source: 'a.b/all', tags: ['*'] },
    ...images,
  ]);
  const { code, stdout, stderr } = await lifeboat(['plan', '-c', 'pasted.yaml', '--misses', 'edge.log']);
  expect([code, stdout]).toEqual([
    0,
    'Nothing to propose: the configuration has every image that was missed, or a run brings it.\n',
  ]);
  // The configuration of nginx selects tags alone, so the digest is still one that a tag meant.
  expect(stderr).toBe(
    '6 images are selected already: a run brings them.\n1 digest is left out, because tags of the same repository were missed too.\n',
  );
});

test.each([
  ['sync --dry-run', ['sync', '--dry-run', '--misses', '-']],
  ['plan with -', ['plan', '--misses', '-']],
])('%s reads standard input', async (_name, args) => {
  expect(await lifeboat(args, LOG)).toEqual({ code: 0, stdout: `${TABLE}\n${YAML}`, stderr: SELECTED });
});

test('the program itself reads a pipe, and asks neither the store nor an upstream', async () => {
  await write('edge.log', LOG);
  const script = '"$1" "$2" plan --misses - < edge.log';
  const args = ['-c', script, 'sh', process.execPath, await bundledJob()];
  expect(await runProgram('sh', args, { cwd: folder })).toMatchObject({
    code: 0,
    stdout: `${TABLE}\n${YAML}`,
    stderr: SELECTED,
  });
});

test('--json has the entries with their requests', async () => {
  const text = `${LOG}\n${lineOf('no reference')}`;
  const { code, stdout } = await lifeboat(['plan', '--json', '--misses', '-'], text);
  expect([code, JSON.parse(stdout)]).toEqual([
    0,
    {
      proposed: [
        { source: 'docker.io/library/nginx', tags: ['1.27', '1.28'], digests: [], requests: 13 },
        { source: 'quay.io/a/b', tags: ['latest'], digests: [], requests: 2 },
        { source: 'ghcr.io/c/d', tags: [], digests: [DIGEST], requests: 1 },
      ],
      selected: 2,
      onDemand: 0,
      unreadable: 1,
    },
  ]);
});

test('a configuration without images is enough', async () => {
  const args = ['plan', '-c', 'none.yaml', '--misses', '-'];
  expect((await lifeboat(args, lineOf('docker.io/library/alpine:3.20'))).stdout).toBe(
    'requests  image\n1         docker.io/library/alpine:3.20\n\nimages:\n  - docker.io/library/alpine:3.20\n',
  );
});

test('tags that YAML would read as something else are quoted', async () => {
  const tags = ['1.10', '0x10', 'null', 'true', '1e3', '007', '2026-01-01', 'a'];
  const text = tags.map((tag) => lineOf(`a.b/c:${tag}`)).join('\n');
  const { stdout } = await lifeboat(['plan', '--misses', '-'], text);
  const fragment = stdout.slice(stdout.indexOf('images:'));
  expect(parse(fragment).images[0].tags.toSorted()).toEqual(tags.toSorted());
  const whole = `store: ${JSON.stringify(STORE)}\n${fragment}`;
  expect(parseConfiguration('f.yaml', whole, {}).images[0]?.tags.explicit.toSorted()).toEqual(
    tags.toSorted(),
  );
});

test.each([
  [
    lineOf(),
    'the log has 1 request, and no miss. An edge of an earlier release logs none: deploy it anew.',
    '',
  ],
  [
    lineOf('a.b/all:2'),
    'the configuration has every image that was missed, or a run brings it.',
    '1 image is selected already: a run brings it.\n',
  ],
  [
    lineOf('?'),
    'no value of "miss" in the log is the reference of an image.',
    'Ignored: 1 value of "miss" without the tag or the digest of an image.\n',
  ],
])('nothing to propose is exit code 0, and says why: %s', async (text, why, notes) => {
  expect(await lifeboat(['plan', '--misses', '-'], text)).toEqual({
    code: 0,
    stdout: `Nothing to propose: ${why}\n`,
    stderr: notes,
  });
});

test('signatures, layouts and latest are explained', async () => {
  await configure('odd.yaml', [
    { source: 'oci:./app', name: 'images.internal/app', tags: ['1'] },
    { source: 'a.b/c', tags: { include: ['*'], latest: 2 } },
  ]);
  const misses = ['images.internal/app:2', 'a.b/c:1', `a.b/c:${DIGEST.replace(':', '-')}.sig`];
  const text = misses.map((miss) => lineOf(miss)).join('\n');
  expect((await lifeboat(['plan', '-c', 'odd.yaml', '--misses', '-'], text)).stderr).toBe(
    `1 image is selected already: a run brings it.
1 of them is selected by patterns with "latest", which may leave it out.
1 tag such as sha256-….sig is left out: a run mirrors it with the image.
1 image is served from an image layout, such as images.internal/app:2: put it into the layout.
`,
  );
});

test('nothing of the log reaches the terminal unescaped, and a hostile log proposes nothing', async () => {
  const attack = '\r\nwarning: forged\u001B[31m\u009B31m\u0085\u2028\u202Egnp';
  const text = [
    lineOf(`a.b/c:1${attack}`),
    `{"storeMs":1,"miss":"a.b/c:1${attack}"}`,
    `{"storeMs":1,"miss":"a.b/c:1\\nimages: [evil.test/x:1]"}`,
    lineOf('a.b/d:1'),
  ].join('\n');
  const { code, stdout, stderr } = await lifeboat(['plan', '-c', 'none.yaml', '--misses', '-'], text);
  expect([code, stdout]).toEqual([0, 'requests  image\n1         a.b/d:1\n\nimages:\n  - a.b/d:1\n']);
  expect(stderr).toBe('Ignored: 3 values of "miss" without the tag or the digest of an image.\n');
  const named = await lifeboat(['plan', '--misses', `none${attack}`]);
  expect(named.stderr).not.toMatch(/[^\n\P{Cc}]|[\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
});

const ADVICE =
  'Save a log with "npx wrangler tail --format json -c wrangler.deploy.toml > edge.log", or export it from Workers Logs.';
const HELP = '"lifeboat plan --help" explains it.';

test.each([
  [['plan', '--misses', 'absent.log'], `--misses absent.log: there is no such file. ${ADVICE}`],
  [
    ['plan', '--misses', '.'],
    '--misses .: this is a directory. Name a file in it, or use "cat DIRECTORY/*" and --misses - for all of them.',
  ],
  [['plan', '--misses', ''], '--misses names no file.'],
  [
    ['plan', '--misses', 'none.yaml'],
    `--misses none.yaml: it has no line of an edge's log. ${ADVICE} Unpack an export that is compressed: "gunzip -c FILE" and --misses -.`,
  ],
  [
    ['plan', '--misses', '-'],
    `--misses -: it has no line of an edge's log. ${ADVICE} Unpack an export that is compressed: "gunzip -c FILE" and --misses -.`,
  ],
  [
    ['plan', '--misses', 'edge.log', 'a.b/c:1'],
    `--misses looks at the images of the log and makes no plan: leave "a.b/c:1" out. ${HELP}`,
  ],
  [
    ['plan', '--misses', 'edge.log', '--report', 'r.json'],
    `--misses looks at the images of the log and makes no plan: leave --report out. ${HELP}`,
  ],
  [
    ['plan', '--misses', 'edge.log', '--all'],
    `--misses looks at the images of the log and makes no plan: leave --all out. ${HELP}`,
  ],
  [
    ['sync', '--misses', 'edge.log'],
    '--misses proposes entries and mirrors nothing: use it with "lifeboat plan". "lifeboat sync --help" explains it.',
  ],
  [['plan', '--misses'], `Option '--misses <value>' argument missing. ${HELP}`],
])('%j is refused in a sentence, with exit code 2', async (args, message) => {
  await write('edge.log', LOG);
  expect(await lifeboat(args)).toEqual({ code: 2, stdout: '', stderr: `lifeboat: ${message}\n` });
});

test('a configuration that cannot be used is named before the log is read', async () => {
  const { code, stderr } = await lifeboat(['plan', '-c', 'absent.yaml', '--misses', 'absent.log']);
  expect([code, stderr]).toEqual([2, expect.stringContaining('absent.yaml: there is no such file.')]);
});

test('the help shows an example', async () => {
  expect((await lifeboat(['plan', '--help'])).stdout).toContain('lifeboat plan --misses edge.log\n');
});
