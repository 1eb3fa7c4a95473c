/** The error for a refused login of `docker login` says what to do about an image that everybody may read. */
import { expect, test } from 'vitest';
import { parseUpstream } from '../../../core/reference.ts';
import { DockerConfig } from '../../../mirror-job/credentials/docker-config.ts';
import { credentialProvidersFor } from '../../../mirror-job/credentials/credential-providers.ts';
import { createAgents } from '../../../mirror-job/runtime/node/agents.ts';
import { RegistrySource } from '../../../mirror-job/sources/registry/registry-source.ts';
import type { Auth } from '../../support/registry-auth.ts';
import { registryAt, TestClock } from '../support/harness.ts';
import { one, startPrivate } from '../sources/registry/private-registry.ts';

const stale = Buffer.from('me:old').toString('base64');

async function accountFor(host: string, file: string) {
  const config = new DockerConfig(file, JSON.stringify({ auths: { [host]: { auth: stale } } }));
  return credentialProvidersFor(parseUpstream(host), undefined, {
    clock: new TestClock(),
    signal: new AbortController().signal,
    dockerConfigs: async () => [config],
    agents: createAgents(),
  });
}

const credentials = { username: 'me', password: 'new' };

test.each<[string, Auth, string, string]>([
  ['a realm', { kind: 'bearer', credentials }, '/root/.docker/config.json', 'docker'],
  ['the registry', { kind: 'basic', ...credentials }, '/root/.docker/config.json', 'docker'],
  ['a realm', { kind: 'bearer', credentials }, '/run/containers/auth.json', 'podman'],
])('%s refuses the login, and the error gives the advice', async (_name, auth, file, program) => {
  const registry = await startPrivate(auth);
  const { host } = registry;
  const client = await registryAt(host, { accounts: await accountFor(host, file) });
  const remedy = `If everybody may read the image, remove the login ("${program} logout ${host}"), or set upstreams["${host}"].credentials to [], which asks without a login.`;
  for (const path of ['team/app', 'team/app', 'team/other', 'team/third', 'team/fourth']) {
    await expect(new RegistrySource(client, path).manifest(one)).rejects.toThrow(remedy);
  }
});

test.each([400, 404, 422])(
  'the error for a realm that answers the login with %s gives the advice too',
  async (status) => {
    const registry = await startPrivate({ kind: 'bearer', credentials }, (path) =>
      path === '/token' ? { kind: 'status', status } : undefined,
    );
    const { host } = registry;
    const file = '/root/.docker/config.json';
    const client = await registryAt(host, { accounts: await accountFor(host, file) });
    await expect(new RegistrySource(client, 'team/app').manifest(one)).rejects.toThrow(
      `${host} asks for a token from ${host}, which answered ${status} without a token. The credentials of ${file} were sent. If everybody may read the image, remove the login ("docker logout ${host}"), or set upstreams["${host}"].credentials to [], which asks without a login.`,
    );
  },
);

test('the message says what to do about credentials of the configuration', async () => {
  const surroundings = {
    clock: new TestClock(),
    signal: new AbortController().signal,
    dockerConfigs: async () => [],
    agents: createAgents(),
  };
  const wrong = { username: 'me', password: 'old' };
  const remedies = async (...passwords: readonly (typeof wrong)[]) => {
    const accounts = await credentialProvidersFor(parseUpstream('ghcr.io'), passwords, surroundings);
    return accounts.map(({ remedy }) => remedy);
  };
  const end = 'or, if everybody may read the image, set it to [], which asks without a login.';
  expect(await remedies(wrong)).toEqual([`Correct upstreams["ghcr.io"].credentials, ${end}`]);
  expect(await remedies(wrong, wrong)).toEqual([
    'Correct upstreams["ghcr.io"].credentials[0], or take it out.',
    'Correct upstreams["ghcr.io"].credentials[1], or take it out.',
  ]);
});

test.each([
  ['docker.io', '/root/.docker/config.json', '"docker logout"'],
  ['docker.io', '/run/containers/auth.json', '"podman logout docker.io"'],
  ['ghcr.io', '/root/.docker/config.json', '"docker logout ghcr.io"'],
])('the message says how to remove a login at %s from %s', async (host, file, command) => {
  const [account] = await accountFor(host, file);
  expect(account?.remedy).toBe(
    `If everybody may read the image, remove the login (${command}), or set upstreams["${host}"].credentials to [], which asks without a login.`,
  );
});
