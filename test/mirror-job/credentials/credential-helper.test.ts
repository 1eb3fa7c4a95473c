/** Real `docker-credential-…` programs: what their input is, and every way in which they can fail. */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { createStoreAgents } from '../../../mirror-job/runtime/node/agents.ts';
import { parseUpstream } from '../../../core/reference.ts';
import { askHelper } from '../../../mirror-job/credentials/credential-helper.ts';
import { DockerConfig } from '../../../mirror-job/credentials/docker-config.ts';
import { credentialProvidersFor } from '../../../mirror-job/credentials/credential-providers.ts';
import { TestClock } from '../support/harness.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lifeboat-helper-'));
});
beforeEach(() => {
  vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`);
});
afterEach(() => {
  vi.unstubAllEnvs();
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Installs a helper that records its arguments and its input, and then runs `script`. */
async function helper(name: string, script: string): Promise<void> {
  const file = join(folder, `docker-credential-${name}`);
  await writeFile(file, `#!/bin/sh\nprintf '%s %s\\n' "$*" "$(cat)" >> '${folder}/asked'\n${script}\n`);
  await chmod(file, 0o755);
}

function answer(json: unknown): string {
  return `cat <<'END'\n${JSON.stringify(json)}\nEND`;
}

/** The arguments and inputs since the last call. */
async function asked(): Promise<string> {
  const text = await readFile(join(folder, 'asked'), 'utf8');
  await writeFile(join(folder, 'asked'), '');
  return text;
}

function ask(name: string, timeoutMs = 20_000) {
  return askHelper(name, 'registry.test', { timeoutMs, signal: new AbortController().signal });
}

/** The whole message, whatever the class. */
function sentence(message: string) {
  return expect.objectContaining({ message });
}

test('a helper gets the command "get", and the server on its standard input', async () => {
  await helper('good', answer({ ServerURL: 'registry.test', Username: 'me', Secret: 'secret' }));
  expect(await ask('good')).toEqual({ username: 'me', password: 'secret' });
  expect(await asked()).toBe('get registry.test\n');
});

test('the user <token> means an identity token', async () => {
  await helper('token', answer({ Username: '<token>', Secret: 'refresh' }));
  expect(await ask('token')).toEqual({ identityToken: 'refresh' });
});

test.each([
  ['by saying so', 'echo "credentials not found in native keychain"; exit 1'],
  ['by an empty answer', answer({ Username: '', Secret: '' })],
])('a helper that has no credential gives none: %s', async (_, script) => {
  await helper('none', script);
  expect(await ask('none')).toBeUndefined();
});

test.each([
  ['fails', 'echo secret; echo secret >&2; exit 3', 'failed with exit code 3'],
  ['answers text', 'echo secret', 'answered what is not JSON'],
  ['answers something else', answer({ secret: 'secret' }), 'answered without a Username and a Secret'],
  ['answers for ever', 'yes secret', 'failed'],
])('a helper that %s gives an error without what it printed', async (_, script, message) => {
  await helper('bad', script);
  await expect(ask('bad')).rejects.toThrow(sentence(message));
});

test('a helper that hangs is killed after its time-out, and its own child processes are not waited for', async () => {
  await helper('hangs', 'sleep 60');
  await expect(ask('hangs', 300)).rejects.toThrow(sentence('did not answer within 0.3 s'));
});

test('a stopped run does not wait for a helper that hangs', async () => {
  await helper('hangs', 'sleep 60');
  const controller = new AbortController();
  const running = askHelper('hangs', 'registry.test', { timeoutMs: 20_000, signal: controller.signal });
  controller.abort(new Error('stopped'));
  await expect(running).rejects.toThrow('stopped');
});

test('a helper whose name leads out of the PATH is not run', async () => {
  await expect(ask('../../bin/sh')).rejects.toThrow(sentence('has a name that no helper can have'));
});

const FILE = '/home/me/.docker/config.json';

async function accountFor(config: object, clock = new TestClock()) {
  const [account] = await credentialProvidersFor(parseUpstream('registry.test'), undefined, {
    clock,
    signal: new AbortController().signal,
    dockerConfigs: async () => [new DockerConfig(FILE, JSON.stringify(config))],
    agents: createStoreAgents(),
  });
  return account;
}

test('a helper runs when a credential is needed, once for all requests, and again after ten minutes', async () => {
  await helper('good', answer({ Username: 'me', Secret: 'secret' }));
  await writeFile(join(folder, 'asked'), '');
  const clock = new TestClock();
  const account = await accountFor({ credsStore: 'good' }, clock);
  expect(await asked()).toBe('');
  await Promise.all([account?.(), account?.()]);
  clock.advance(599_999);
  expect(await account?.()).toEqual({
    username: 'me',
    password: 'secret',
    from: 'that docker-credential-good gave',
  });
  expect(await asked()).toBe('get registry.test\n');
  clock.advance(1);
  await account?.();
  expect(await asked()).toBe('get registry.test\n');
});

test('a credential that the helper does not know is read from the file', async () => {
  await helper('none', 'echo "credentials not found in native keychain"; exit 1');
  const auths = { 'registry.test': { username: 'me', password: 'secret' } };
  const account = await accountFor({ credsStore: 'none', auths });
  expect(await account?.()).toEqual({ username: 'me', password: 'secret', from: `of ${FILE}` });
  const nothing = await accountFor({ credsStore: 'none' });
  expect(await nothing?.()).toBeUndefined();
});

test('the error for a helper that is not installed says how to try it, and how to do without it', async () => {
  const account = await accountFor({ credsStore: 'absent' });
  await expect(account?.()).rejects.toThrow(
    sentence(
      `docker-credential-absent, which ${FILE} names for registry.test, is not installed. Try it with: echo registry.test | docker-credential-absent get. To do without the helper, configure upstreams["registry.test"].credentials; an empty list asks anonymously.`,
    ),
  );
});

test('a helper that fails does not run again for each request, but after five minutes', async () => {
  await helper('bad', 'exit 1');
  await writeFile(join(folder, 'asked'), '');
  const clock = new TestClock();
  const account = await accountFor({ credsStore: 'bad' }, clock);
  await expect(account?.()).rejects.toThrow('failed with exit code 1');
  clock.advance(299_999);
  await expect(account?.()).rejects.toThrow('failed with exit code 1');
  expect(await asked()).toBe('get registry.test\n');
  clock.advance(1);
  await expect(account?.()).rejects.toThrow('failed with exit code 1');
  expect(await asked()).toBe('get registry.test\n');
});
