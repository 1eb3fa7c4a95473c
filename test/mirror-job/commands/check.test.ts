/** Tests `lifeboat check`, through the command line: what it accepts without secrets, and what it refuses for a Worker. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createIo, runMain } from '../support/io.ts';

const STORE =
  'store: { endpoint: "${S3_ENDPOINT}", bucket: lifeboat, accessKeyId: "${S3_ACCESS_KEY_ID}", secretAccessKey: "${S3_SECRET_ACCESS_KEY}" }\n';
const HUB = 'upstreams: { docker.io: { credentials: [{ username: a, password: "${HUB_TOKEN}" }] } }\n';
const IMAGES = 'images: [docker.io/library/alpine:3.20, quay.io/coreos/etcd:v3.5]\n';

let folder = '';
let example = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-check-'));
  example = await readFile(
    join(import.meta.dirname, '../../../mirror-job/wrangler.deploy.example.toml'),
    'utf8',
  );
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs `check` on a configuration, and on the text of wrangler's file if there is one. */
async function check(text: string, worker?: string, env: NodeJS.ProcessEnv = {}) {
  await writeFile(join(folder, 'lifeboat.yaml'), text);
  if (worker !== undefined) await writeFile(join(folder, 'job.toml'), worker);
  const args = ['check', ...(worker === undefined ? [] : ['--worker', 'job.toml'])];
  return runMain(args, createIo({ cwd: folder, env }));
}

test('a configuration is valid without its secrets, which are listed', async () => {
  const { code, stdout, stderr } = await check(STORE + HUB + IMAGES, undefined, { HUB_TOKEN: 'geheim' });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.split('\n')).toEqual([
    'lifeboat.yaml is valid: 2 entries of images, 1 store.',
    '',
    'Variables:',
    '  S3_ENDPOINT           not set here  line 1: store.endpoint',
    '  S3_ACCESS_KEY_ID      not set here  line 1: store.accessKeyId',
    '  S3_SECRET_ACCESS_KEY  not set here  line 1: store.secretAccessKey',
    '  HUB_TOKEN             set here      line 2: upstreams["docker.io"].credentials[0].password',
    '',
  ]);
});

test.for([
  ['an endpoint with a variable in it', 'store: { endpoint: "https://${A}.r2.example.com", bucket: b }\n'],
  [
    'two stores of one bucket’s name',
    'stores: [{ endpoint: "${A}", bucket: b }, { endpoint: "${B_C}", bucket: b }]\n',
  ],
  ['the key of the state', `${STORE}stateKey: "\${STATE_KEY}"\n`],
  ['the address of an edge', `${STORE}edge: { url: "\${EDGE}" }\n`],
  ['an empty variable', `${STORE}name: "\${EMPTY}"\n`],
])('what is not set gets a value that fits: %s', async ([, text]) => {
  expect(await check(text + IMAGES, undefined, { EMPTY: '' })).toMatchObject({ code: 0, stderr: '' });
});

test('what is not valid is refused by its line and key, and made-up values are named', async () => {
  const { code, stdout, stderr } = await check(`${STORE}maxDuration: "\${LIMIT}"\n${IMAGES}`);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr.split('\n')).toEqual([
    'warning: a made-up value was used for what is not set here: S3_ENDPOINT, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY, LIMIT.',
    'lifeboat: the configuration cannot be used.',
    expect.stringMatching(/^lifeboat\.yaml:2: maxDuration: the value of \$\{LIMIT\} does not fit here/),
    '',
  ]);
});

test('a set variable that does not fit is refused without its value', async () => {
  const { code, stderr } = await check(STORE + IMAGES, undefined, { S3_ENDPOINT: 'geheim' });
  expect(code).toBe(2);
  expect(stderr).toContain('lifeboat.yaml:1: store.endpoint: ');
  expect(stderr).not.toContain('geheim');
});

test('the README’s configuration and the example of a deployment fit, and the secrets can be pasted', async () => {
  const { code, stdout, stderr } = await check(STORE + HUB + IMAGES, example);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.split('\n')).toEqual([
    'lifeboat.yaml is valid, and a Worker can use it: 2 entries of images, 1 store.',
    '',
    'Secrets that the Worker needs:',
    '  npx wrangler secret put HUB_TOKEN -c job.toml',
    '',
  ]);
});

test('a command that can be pasted quotes the name of a file, if a shell needs that', async () => {
  await writeFile(join(folder, 'lifeboat.yaml'), STORE + HUB + IMAGES);
  await writeFile(join(folder, 'my job.toml'), example);
  const { stdout } = await runMain(['check', '--worker', 'my job.toml'], createIo({ cwd: folder }));
  expect(stdout).toContain("  npx wrangler secret put HUB_TOKEN -c 'my job.toml'\n");
});

test('a Worker of another provider’s bucket needs its keys, and has what "vars" has', async () => {
  const worker = example
    .replace(/\[\[r2_buckets\]\]\n.*\n.*\n/, '')
    .replace(
      '[vars]',
      '[vars]\nS3_ENDPOINT = "https://s3.example.com"\nHUB_TOKEN = "x"\nS3_BUCKET = "lifeboat"',
    );
  await writeFile(join(folder, 'job.toml'), worker);
  await writeFile(join(folder, 'lifeboat.yaml'), STORE + HUB + IMAGES);
  const { stdout } = await runMain(['check', '--worker', 'job.toml', '--json'], createIo({ cwd: folder }));
  expect(JSON.parse(stdout)).toMatchObject({
    images: 2,
    onDemand: 0,
    stores: 1,
    worker: { file: 'job.toml', secrets: ['S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'] },
  });
});

test.for([
  [
    'images: [{ source: "oci:./x", name: a.test/b, tags: ["*"] }]\n',
    'lifeboat.yaml:2: images[0].source: a Worker has no disk',
  ],
  [
    `${IMAGES}upstreams: { a.test: { ca: root.pem } }\n`,
    'lifeboat.yaml:3: upstreams["a.test"].ca: a Worker trusts',
  ],
] as const)('what needs a machine is refused by its key: %s', async ([text, sentence]) => {
  const { code, stdout, stderr } = await check(STORE + text, example);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(sentence);
});

test.for([
  ['bucket: lifeboat', 'bucket: other', 'store.bucket: it is "other", and the Worker would fill "lifeboat".'],
  [
    'bucket: lifeboat',
    'bucket: lifeboat, prefix: a',
    'store.prefix: it is "a/", and the Worker\'s variable S3_PREFIX is "".',
  ],
  ['bucket: lifeboat', 'bucket: lifeboat, singleWriter: true', 'store.singleWriter: a job in a Worker needs'],
] as const)('a store that is not the Worker’s is refused: %s → %s', async ([from, to, sentence]) => {
  const { code, stderr } = await check(STORE.replace(from, to) + IMAGES, example);
  expect(code).toBe(2);
  expect(stderr).toContain(`lifeboat.yaml:1: ${sentence}`);
});

test.for([
  ['[vars]\nA = "x\n', /^job\.toml:2: this is not valid TOML: [^\n]+\.$/m],
  ['name = "lifeboat-job"\n', /^job\.toml: workflows: it has no \[\[workflows\]\] with the binding RUN\./m],
  ['', /^job\.toml: workflows: it has no \[\[workflows\]\] with the binding DEMAND\./m],
] as const)('a file of wrangler that is no job’s is refused: %j', async ([worker, sentence]) => {
  const { code, stderr } = await check(STORE + IMAGES, worker);
  expect(code).toBe(2);
  expect(stderr).toMatch(sentence);
});

test('an entry with inUse is an entry, and its hosts need logins too', async () => {
  await mkdir(join(folder, 'docker'), { recursive: true });
  const auths = { 'quay.io': { auth: Buffer.from('a:geheim').toString('base64') } };
  await writeFile(join(folder, 'docker/config.json'), JSON.stringify({ auths }));
  const text = `${STORE}images: [{ inUse: { clusters: ['*'], upstreams: [quay.io] } }]\n`;
  const { code, stdout, stderr } = await check(text, example, { DOCKER_CONFIG: join(folder, 'docker') });
  expect([code, stdout]).toEqual([0, expect.stringContaining('1 entry of images')]);
  expect(stderr).toContain('warning: quay.io: this machine has a login for it');
});

test('files that are missing are refused by name', async () => {
  const io = createIo({ cwd: folder });
  expect(await runMain(['check', '-c', 'no.yaml'], io)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('no.yaml: there is no such file.'),
  });
  expect(await runMain(['check', '--worker', 'no.toml'], io)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--worker no.toml: there is no such file. Copy mirror-job/'),
  });
  expect(await runMain(['check', '-c', ''], io)).toMatchObject({
    code: 2,
    stderr: 'lifeboat: --config names no file.\n',
  });
  expect(await runMain(['check', '--worker='], io)).toMatchObject({
    code: 2,
    stderr: 'lifeboat: --worker names no file.\n',
  });
  expect(await runMain(['check', 'team.yaml'], io)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('name the configuration with -c: "team.yaml" stands alone.'),
  });
});

test('onDemand without a queue, and logins that a Worker lacks, are warnings', async () => {
  await mkdir(join(folder, 'docker'), { recursive: true });
  const auths = { 'quay.io': { auth: Buffer.from('a:geheim').toString('base64') } };
  await writeFile(join(folder, 'docker/config.json'), JSON.stringify({ auths }));
  const ecr = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';
  const text = `${STORE}${HUB}images: [docker.io/a/b:1, quay.io/a/b:1, ${ecr}/a:1]\nonDemand: [ghcr.io/a/*]\n`;
  const env = { DOCKER_CONFIG: join(folder, 'docker') };
  const { code, stderr } = await check(text, example, env);
  expect(code).toBe(0);
  expect(stderr.trimEnd().split('\n')).toEqual([
    expect.stringMatching(/^warning: onDemand has no effect, because the Worker consumes no queue/),
    expect.stringMatching(
      /^warning: quay\.io: this machine has a login for it in .*config\.json, and a Worker asks without one\. Set upstreams\["quay\.io"\]\.credentials/,
    ),
    expect.stringContaining(
      `${ecr}: AWS’s own credential chain would give a password, and a Worker asks without`,
    ),
  ]);
  expect(stderr).not.toContain('geheim');
  const withQueue = example.replaceAll(/^# (?=\[\[queues|queue =|max_)/gm, '');
  expect((await check(text, withQueue, env)).stderr).not.toContain('onDemand');
});
