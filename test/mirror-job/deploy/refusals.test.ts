/** Tests what `lifeboat deploy` refuses before it changes anything, and how it asks. */
import { PassThrough } from 'node:stream';
import { afterEach, expect, test } from 'vitest';
import { waitFor } from '../../support/process.ts';
import type { Account } from '../../support/wrangler-stand-in.ts';
import type { TestIo } from '../support/io.ts';
import { Clone } from './clone.ts';

const STORE =
  'store: { endpoint: "${S3_ENDPOINT}", bucket: lifeboat, accessKeyId: "${S3_ACCESS_KEY_ID}", secretAccessKey: "${S3_SECRET_ACCESS_KEY}" }\n';
const IMAGES = 'images: [docker.io/library/alpine:3.20]\n';
const HUB = 'upstreams: { docker.io: { credentials: [{ username: a, password: "${HUB_TOKEN}" }] } }\n';
const DOMAIN = ['--domain', 'mirror.example.com'];

const clones: Clone[] = [];

afterEach(async () => {
  for (const clone of clones.splice(0)) await clone.remove();
});

async function makeClone(text = STORE + IMAGES, account: Partial<Account> = {}): Promise<Clone> {
  const clone = await Clone.make(text, account);
  clones.push(clone);
  return clone;
}

interface Refusal {
  readonly what: string;
  readonly args?: readonly string[];
  readonly text?: string;
  readonly account?: Partial<Account>;
  readonly files?: Readonly<Record<string, string>>;
  readonly says: string;
}

const REFUSALS: readonly Refusal[] = [
  {
    what: 'a word too many',
    args: ['now', '--yes'],
    says: 'name the configuration with -c: "now" stands alone.',
  },
  { what: 'both parts left out', args: ['--edge-only', '--job-only'], says: 'exclude each other' },
  {
    what: 'nobody to ask',
    args: DOMAIN,
    says: 'standard input is no terminal. Look at the steps with --dry-run, then add --yes.',
  },
  { what: 'no host', args: ['--yes'], says: 'name the host of the edge, as in --domain mirror.example.com.' },
  {
    what: 'an address as host',
    args: ['--yes', '--domain', 'https://a.example.com'],
    says: '--domain https://a.example.com: name a host',
  },
  {
    what: 'two hosts',
    args: ['--yes', ...DOMAIN],
    text: `${STORE}edge: { url: https://other.example.com }\n${IMAGES}`,
    says: '--domain is mirror.example.com, and edge.url of the configuration is https://other.example.com.',
  },
  { what: 'a number that is none', args: ['--yes', '--pulls', 'many'], says: '--pulls many: write a number' },
  { what: 'a wait without a unit', args: ['--yes', '--wait', '60'], says: '--wait 60: it needs a unit' },
  {
    what: 'no file of secrets',
    args: ['--yes', ...DOMAIN, '--secrets', 'absent'],
    says: '--secrets absent: there is no such file.',
  },
  {
    what: 'an empty file of secrets',
    args: ['--yes', ...DOMAIN, '--secrets', 'empty'],
    files: { empty: '# nothing\n' },
    says: '--secrets empty: it has no line KEY=value.',
  },
  {
    what: 'a file of secrets with a line of another form, after a value of two lines',
    args: ['--yes', ...DOMAIN, '--secrets', 'odd'],
    files: { odd: 'export A="one\ntwo"\n\n# note\nB: secret-value\n' },
    says: '--secrets odd:5: this line is not KEY=value.',
  },
  {
    what: 'a missing secret',
    args: ['--yes', ...DOMAIN],
    text: STORE + HUB + IMAGES,
    says: '  HUB_TOKEN=…    # HUB_TOKEN of the job',
  },
  {
    what: 'a configuration that is wrong',
    args: ['--yes', ...DOMAIN],
    text: `${STORE}images: [1]\n`,
    says: 'lifeboat.yaml:2: images[0]',
  },
  {
    what: 'what a Worker cannot do',
    args: ['--yes', ...DOMAIN],
    text: `${STORE}images: [{ source: 'oci:./a', name: a.test/b, tags: ['*'] }]\n`,
    says: 'lifeboat.yaml:2: images[0].source: a Worker has no disk',
  },
  {
    what: 'a job for a bucket elsewhere',
    args: ['--yes', ...DOMAIN],
    text: `store: { region: eu-central-1, bucket: a }\n${IMAGES}`,
    says: 'Deploy the edge by --edge-only',
  },
  {
    what: 'several stores',
    args: ['--yes', '--edge-only', ...DOMAIN],
    text: `stores: [{ region: eu-central-1, bucket: a }, { region: eu-central-1, bucket: b }]\n${IMAGES}`,
    says: 'has several stores, and this command writes a file for one.',
  },
  {
    what: 'a jurisdiction',
    args: ['--yes', ...DOMAIN],
    text: `store: { endpoint: https://0123.eu.r2.cloudflarestorage.com, bucket: a }\n${IMAGES}`,
    says: 'is R2 in a jurisdiction',
  },
  {
    what: 'a bucket of an account that the login is not for',
    args: ['--yes', ...DOMAIN],
    text: `store: { endpoint: https://0123.r2.cloudflarestorage.com, bucket: a }\n${IMAGES}`,
    says: 'the login is not for the account 0123, but for:\n  account-1  Example',
  },
  {
    what: 'a file for another account than the bucket’s',
    args: ['--yes', ...DOMAIN],
    text: `store: { endpoint: https://0123.r2.cloudflarestorage.com, bucket: a }\n${IMAGES}`,
    files: { 'wrangler.deploy.toml': 'account_id = "4567"\n' },
    says: 'store.endpoint in lifeboat.yaml is of the account 0123, and account_id of wrangler.deploy.toml is 4567.',
  },
  {
    what: 'no login',
    args: ['--yes', ...DOMAIN],
    account: { isLoggedIn: false },
    says: 'Run "npx wrangler login"',
  },
  {
    what: 'several accounts',
    args: ['--yes', ...DOMAIN],
    account: {
      accounts: [
        { id: 'one', name: 'First' },
        { id: 'two', name: 'Second' },
      ],
    },
    says: '  two  Second',
  },
];

test.for(REFUSALS)(
  'it refuses $what, and changes nothing',
  async ({ args = [], text, account, files = {}, says }) => {
    const clone = await makeClone(text, account);
    for (const [file, content] of Object.entries(files)) await clone.write(file, content);
    const { code, stdout, stderr } = await clone.deploy(args);
    expect(stderr).toContain(says);
    expect(code).toBe(2);
    // A missing secret is known only when the plan has been shown.
    expect(stdout.includes('To be done:')).toBe(says.includes('HUB_TOKEN'));
    expect(await clone.changes()).toEqual([]);
  },
);

test('one of several accounts can be chosen', async () => {
  const accounts = [
    { id: 'one', name: 'First' },
    { id: 'two', name: 'Second' },
  ];
  const clone = await makeClone(undefined, { accounts });
  const io = clone.io({ env: { CLOUDFLARE_ACCOUNT_ID: 'two' } });
  const { code, stderr } = await clone.deploy(['--yes', ...DOMAIN, '--wait', '0'], io);
  expect([code, stderr]).toEqual([0, expect.stringContaining('it is Second (two)')]);
});

test('the bucket’s address chooses the account, and another choice is refused', async () => {
  const accounts = [
    { id: 'one', name: 'First' },
    { id: 'two', name: 'Second' },
  ];
  const store = STORE.replace('${S3_ENDPOINT}', 'https://two.r2.cloudflarestorage.com');
  const clone = await makeClone(store + IMAGES, { accounts });
  const io = clone.io({ env: { CLOUDFLARE_ACCOUNT_ID: 'one' } });
  const refused = await clone.deploy(['--dry-run', ...DOMAIN], io);
  expect(refused.stderr).toContain('is of the account two, and CLOUDFLARE_ACCOUNT_ID is one.');
  expect(refused.code).toBe(2);
  const { code, stderr } = await clone.deploy(['--yes', ...DOMAIN, '--wait', '0']);
  expect([code, stderr]).toEqual([0, expect.stringContaining('it is Second (two)')]);
});

test('a folder that is no clone is refused', async () => {
  const clone = await makeClone();
  const io = clone.io({ cwd: `${clone.folder}/mirror-job` });
  const { code, stderr } = await clone.deploy([...DOMAIN, '--dry-run'], io);
  expect([code, stderr]).toEqual([
    2,
    expect.stringContaining('Start the command in a clone of Lifeboat, after "npm ci".'),
  ]);
});

test('files that exist are kept, and a value that does not fit is named with its line', async () => {
  const clone = await makeClone();
  await clone.deploy(['--yes', ...DOMAIN, '--wait', '0']);
  const own = (await clone.read('wrangler.deploy.toml')).replace('enabled = true', 'enabled = false');
  await clone.write('wrangler.deploy.toml', own);
  await clone.set({});
  // The host is that of the file.
  expect((await clone.deploy(['--yes', '--wait', '0'])).code).toBe(0);
  expect(await clone.changes()).toEqual([
    expect.stringContaining('deploy -c wrangler.deploy.toml'),
    expect.stringContaining('state/_deploy/lifeboat '),
  ]);
  expect(await clone.read('wrangler.deploy.toml')).toBe(own);

  await clone.write(
    'lifeboat.yaml',
    `name: team\n${STORE.replace('bucket: lifeboat', 'bucket: other, prefix: x, audience: token')}${IMAGES}onDemand: ['quay.io/*']\n`,
  );
  await clone.set({});
  const { code, stderr } = await clone.deploy(['--yes', '--domain', 'new.example.com']);
  expect(code).toBe(2);
  expect(stderr.trimEnd().split('\n')).toEqual([
    expect.stringContaining('looking at the account'),
    expect.stringContaining('it is Example'),
    'lifeboat: the configuration cannot be used.',
    'wrangler.deploy.toml:11: routes: the edge is to be at new.example.com, which is not among them. Write: routes = [{ pattern = "new.example.com", custom_domain = true }]',
    'wrangler.deploy.toml:24: bucket_name: it is "lifeboat", and lifeboat.yaml has the bucket "other". Write: bucket_name = "other"',
    'wrangler.deploy.toml: S3_PREFIX: it is "", and store.prefix in lifeboat.yaml is "x/". Write: S3_PREFIX = "x/"',
    'wrangler.deploy.toml:15: AUDIENCE: it is "public", and store.audience in lifeboat.yaml is "token". Write: AUDIENCE = "token"',
    'wrangler.deploy.toml: CATALOG: it is "default", and name in lifeboat.yaml is "team". Write: CATALOG = "default,team"',
    'wrangler.deploy.toml: queues.producers: lifeboat.yaml has onDemand, and the edge sends its misses to no queue. Write: [[queues.producers]] with binding = "MISSES" and queue = "lifeboat-misses"',
  ]);
  expect(await clone.changes()).toEqual([]);
});

test('a job that does not empty the edge’s queue is named', async () => {
  const clone = await makeClone();
  await clone.deploy(['--yes', '--job-only', '--wait', '0']);
  await clone.write('lifeboat.yaml', `${STORE}${IMAGES}onDemand: ['quay.io/*']\n`);
  const { code, stderr } = await clone.deploy(['--yes', ...DOMAIN, '--wait', '0']);
  expect(code).toBe(2);
  expect(stderr).toContain(
    'mirror-job/wrangler.deploy.toml: queues.consumers: it empties no queue, and the edge sends its misses to "lifeboat-misses".',
  );
});

/** Standard input as a terminal, at which somebody types an answer to each question. */
class Typist {
  readonly stdin = Object.assign(new PassThrough(), { isTTY: true });
  #shown = '';

  async answer(io: TestIo, question: string, answer: string): Promise<void> {
    await waitFor(question, () => {
      const more: unknown = io.stderr.read();
      if (Buffer.isBuffer(more)) this.#shown += more.toString();
      return this.#shown.includes(question);
    });
    this.stdin.write(answer);
  }

  get shown(): string {
    return this.#shown;
  }
}

test('it asks for the edge’s key, for agreement and for each secret, and does not show them', async () => {
  const clone = await makeClone(STORE + HUB + IMAGES);
  const typist = new Typist();
  const io = clone.io({ stdin: () => typist.stdin });
  const ending = clone.deploy([...DOMAIN, '--wait', '0'], io);
  await typist.answer(io, 'Its access key ID: ', 'key-id\r');
  await typist.answer(io, 'Its secret access key (it is not shown): ', 'typed-secret\r');
  await typist.answer(io, 'Do these 11 steps? [y/N] ', 'y\r');
  await typist.answer(io, 'HUB_TOKEN of the job (it is not shown): ', 'typed-token\r');
  const { code, stdout, stderr } = await ending;
  expect(code).toBe(0);
  const { workers } = await clone.account();
  expect(workers['lifeboat']?.secrets).toEqual({
    S3_ACCESS_KEY_ID: 'key-id',
    S3_SECRET_ACCESS_KEY: 'typed-secret',
  });
  expect(workers['lifeboat-job']?.secrets).toEqual({ HUB_TOKEN: 'typed-token' });
  expect(await clone.read('wrangler.deploy.toml')).toContain(
    'S3_ENDPOINT = "https://account-1.r2.cloudflarestorage.com"',
  );
  expect(typist.shown + stdout + stderr).not.toMatch(/typed-(?:secret|token)/);
});

test.for<readonly [key: string, typed: string, says: string]>([
  ['no', 'n\r', 'Nobody agreed.'],
  ['Enter', '\r', 'Nobody agreed.'],
  ['Ctrl-C', '\u0003', 'There was no answer.'],
  ['Ctrl-D', '\u0004', 'There was no answer.'],
])('without agreement (%s) nothing is changed', async ([, typed, says]) => {
  const clone = await makeClone();
  const typist = new Typist();
  const io = clone.io({ stdin: () => typist.stdin });
  const ending = clone.deploy([...DOMAIN, '--wait', '0'], io);
  await typist.answer(io, 'Its access key ID: ', '\r');
  await typist.answer(io, '? [y/N] ', typed);
  const { code, stderr } = await ending;
  expect([code, stderr]).toEqual([2, expect.stringContaining(says)]);
  expect(stderr).toContain('Nothing was changed.');
  expect(await clone.changes()).toEqual([]);
});
