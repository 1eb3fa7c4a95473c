/** Makes whole runs with every kind of secret, which fail in every way, and tests that no output shows a secret. */
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { addImage, addLayer, tagAs } from '../../support/builder.ts';
import { emptyRepository, type Corpus } from '../../support/content.ts';
import { startEcrServer, type EcrServer } from '../../support/ecr-server.ts';
import { startForwardProxy, type ForwardProxy } from '../../support/forward-proxy.ts';
import type { Misbehaviour } from '../../support/misbehaviour.ts';
import { runProgram, type Finished } from '../../support/process.ts';
import { basicHeader, type Auth } from '../../support/registry-auth.ts';
import type { RegistryRequest } from '../../support/registry-request.ts';
import { startRogueRegistry, type RogueRegistry } from '../../support/rogue-registry.ts';
import { NOBODYS } from '../../support/nobody.ts';
import { bundledJob, emptyBuckets, type Buckets } from '../../support/shared.ts';

// The limits are wide, because processes are slow on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const MAIN = await bundledJob();
const ECR = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';

const USER = { username: 'the-user', password: 'the-password-1' };
const OTHER = { username: 'the-other', password: 'the-password-2' };
const SECRETS = {
  identityToken: 'the-identity-token',
  helper: 'the-helper-secret',
  ecr: 'the-ecr-password',
  aws: 'the-aws-secret-key',
  proxy: 'the-proxy-password',
};

let folder = '';
let home = '';
let store: Buckets;
let buckets: string[] = [];
let proxy: ForwardProxy;
let ecr: EcrServer;
const registries: RogueRegistry[] = [];
const corpus: Corpus = { repositories: new Map() };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-secrets-'));
  home = join(folder, 'home');
  await mkdir(home);
  const app = emptyRepository();
  tagAs(app, addImage(app, { layers: [await addLayer(app, 'layer')] }), '1');
  corpus.repositories.set('team/app', app);
  store = await emptyBuckets(16);
  buckets = [...store.buckets];
  proxy = await startForwardProxy({ credentials: { username: 'me', password: SECRETS.proxy } });
  ecr = await startEcrServer(
    () => SECRETS.ecr,
    () => Date.now() / 1000 + 12 * 3600,
  );
});
afterAll(async () => {
  await Promise.all([proxy?.stop(), ecr?.stop(), ...registries.map((one) => one.stop())]);
  await rm(folder, { recursive: true, force: true });
});

async function start(
  auth: Auth | undefined,
  misbehave?: (request: RegistryRequest) => Misbehaviour | undefined,
): Promise<RogueRegistry> {
  const options = {
    corpus,
    ...(auth !== undefined && { auth }),
    ...(misbehave !== undefined && { misbehave }),
  };
  const registry = await startRogueRegistry(options);
  registries.push(registry);
  return registry;
}

interface Run {
  /** The upstream's `host:port`, as the configuration names it. */
  readonly host: string;
  readonly credentials?: readonly object[];
  readonly docker?: object;
  readonly env?: Readonly<Record<string, string>>;
}

/** @returns the end of the run, and the whole text that it wrote to its outputs and to its report */
async function mirror(run: Run): Promise<Finished & { readonly all: string }> {
  const file = join(folder, 'lifeboat.yaml');
  const report = join(folder, 'report.json');
  const { endpoint, region, accessKeyId, secretAccessKey } = store;
  const bucket = buckets.pop();
  const { host, credentials, docker = {} } = run;
  const upstream = { insecure: true, timeout: '2s', ...(credentials !== undefined && { credentials }) };
  await writeFile(join(home, 'config.json'), JSON.stringify(docker));
  await writeFile(
    file,
    JSON.stringify({
      store: { endpoint, bucket, region, accessKeyId, secretAccessKey },
      upstreams: { [host]: upstream },
      images: [{ source: `${host}/team/app:1`, public: true }],
    }),
  );
  await writeFile(report, '');
  const finished = await runProgram(process.execPath, [MAIN, 'sync', '-c', file, '--report', report], {
    env: {
      ...NOBODYS,
      DOCKER_CONFIG: home,
      PATH: `${folder}:${process.env['PATH']}`,
      AWS_ENDPOINT_URL_ECR: ecr.url,
      AWS_ACCESS_KEY_ID: 'the-aws-key',
      AWS_SECRET_ACCESS_KEY: SECRETS.aws,
      ...run.env,
    },
  });
  return { ...finished, all: `${finished.stdout}${finished.stderr}${await readFile(report, 'utf8')}` };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** Returns the secrets as they are, and in each encoding in which they are sent. */
function travelled(): string[] {
  const passwords = [USER, OTHER, { username: 'AWS', password: SECRETS.ecr }];
  const headers = passwords.map((one) => basicHeader(one).slice('Basic '.length));
  return [
    ...Object.values(SECRETS),
    ...passwords.map(({ password }) => password),
    ...headers,
    base64(`me:${SECRETS.proxy}`),
    base64(`the-helper:${SECRETS.helper}`),
    store.secretAccessKey,
    'token-1',
  ];
}

function expectNothingShown(all: string): void {
  expect(travelled().filter((secret) => all.includes(secret))).toEqual([]);
}

async function helper(name: string, script: string): Promise<void> {
  const file = join(folder, `docker-credential-${name}`);
  await writeFile(file, `#!/bin/sh\ncat > ${folder}/asked\n${script}\n`);
  await chmod(file, 0o755);
}

/** Answers as a registry that refuses a request and repeats its credentials. */
function repeat({ headers }: RegistryRequest): Misbehaviour {
  const message = `denied: ${headers.authorization} ${Buffer.from(headers.authorization?.split(' ')[1] ?? '', 'base64').toString()}`;
  return { kind: 'status', status: 403, body: JSON.stringify({ errors: [{ code: 'DENIED', message }] }) };
}

const BASIC = { 'www-authenticate': 'Basic realm="rogue"' };

test('no output shows passwords that a registry refuses and repeats', async () => {
  const registry = await start(undefined, (request) =>
    request.headers.authorization === undefined
      ? { kind: 'status', status: 401, headers: BASIC }
      : repeat(request),
  );
  const { code, all } = await mirror({ host: registry.host, credentials: [USER, OTHER] });
  expect(code).toBe(1);
  expect(all).toContain('denied: Basic *** the-other:***');
  expectNothingShown(all);
});

test('no output shows a token that a registry refuses and repeats', async () => {
  const registry = await start({ kind: 'bearer', credentials: USER }, (request) =>
    request.kind === 'manifest' && request.headers.authorization !== undefined ? repeat(request) : undefined,
  );
  const { code, all } = await mirror({ host: registry.host, credentials: [USER] });
  expect(code).toBe(1);
  expect(all).toContain('denied: Bearer ***');
  expectNothingShown(all);
});

test('no output shows a password or an identity token that a token server refuses', async () => {
  const registry = await start({ kind: 'bearer', credentials: OTHER });
  const refused = await mirror({ host: registry.host, credentials: [USER] });
  expect(refused.code).toBe(1);
  expect(refused.all).toContain('answered 401 to the credentials configured for this upstream');
  expectNothingShown(refused.all);
  const auths = { [registry.host]: { identitytoken: SECRETS.identityToken } };
  const token = await mirror({ host: registry.host, docker: { auths } });
  expect(token.code).toBe(1);
  expect(token.all).toContain(`answered 401 to the credentials of ${home}/config.json`);
  expectNothingShown(token.all);
});

test('no output shows a password of a docker config.json that cannot be read', async () => {
  const auths = { 'registry.test': { auth: base64(USER.password) } };
  const { code, all } = await mirror({ host: 'registry.test', docker: { auths } });
  expect(code).toBe(2);
  expect(all).toContain(`${home}/config.json: auths["registry.test"].auth: it is not the base64 of`);
  expectNothingShown(all);
});

test('no output shows the secret of a helper that fails, or of one whose answer is refused', async () => {
  const registry = await start({ kind: 'basic', ...USER });
  await helper('fails', `echo ${SECRETS.helper}; echo ${SECRETS.helper} >&2; exit 1`);
  const failed = await mirror({ host: registry.host, docker: { credsStore: 'fails' } });
  expect(failed.code).toBe(1);
  expect(failed.all).toContain('docker-credential-fails');
  expectNothingShown(failed.all);
  await helper('good', `echo '{"Username":"the-helper","Secret":"${SECRETS.helper}"}'`);
  const refused = await mirror({ host: registry.host, docker: { credHelpers: { [registry.host]: 'good' } } });
  expect(refused.code).toBe(1);
  expect(refused.all).toContain(
    'The credentials that docker-credential-good gave do not allow this request.',
  );
  expectNothingShown(refused.all);
});

test('no output shows the password of a proxy, or of a registry whose name only the proxy can resolve', async () => {
  const registry = await start({ kind: 'basic', ...USER });
  const url = proxy.url.replace('//', `//me:${SECRETS.proxy}@`);
  const env = { HTTP_PROXY: url, HTTPS_PROXY: url };
  const host = registry.host.replace('127.0.0.1', 'registry.test');

  const right = await mirror({ host, credentials: [USER], env });
  expect([right.code, right.all]).toEqual([0, expect.stringContaining('created')]);
  expectNothingShown(right.all);
  expect(proxy.passed).toContain(`GET http://${host}`);

  const wrong = await mirror({ host, credentials: [OTHER], env });
  expect(wrong.code).toBe(1);
  expectNothingShown(wrong.all);

  const shut = await mirror({
    host,
    credentials: [USER],
    env: { HTTP_PROXY: proxy.url.replace('//', '//me:wrong@') },
  });
  expect(shut.code).toBe(1);
  expect(shut.all).toContain('the proxy answered 407');
  expectNothingShown(shut.all);

  const broken = await mirror({ host, env: { HTTPS_PROXY: `http://me:${SECRETS.proxy}@` } });
  expect(broken.code).toBe(2);
  expect(broken.all).toContain('the environment variable HTTPS_PROXY is not the address of a proxy');
  expectNothingShown(broken.all);
});

test('a run with a password of ECR mirrors an image, and no output shows the password, even if the registry refuses it', async () => {
  const registry = await start({ kind: 'basic', username: 'AWS', password: SECRETS.ecr });
  const leads = await startForwardProxy({ port: Number(registry.host.split(':')[1]) });
  const right = await mirror({ host: ECR, env: { HTTP_PROXY: leads.url } });
  expect([right.code, right.all]).toEqual([0, expect.stringContaining('created')]);
  registry.misbehave((request) => repeat(request));
  const refused = await mirror({ host: ECR, env: { HTTP_PROXY: leads.url } });
  await leads.stop();
  expect(refused.code).toBe(1);
  expect(refused.all).toContain('answered 403');
  for (const { all } of [right, refused]) expectNothingShown(all);
});
