/**
 * If a login that "docker login" has left is refused, the message says what to do for an image that everybody may read.
 */
import { expect, test } from 'vitest';
import { parseUpstream } from '../../core/reference.ts';
import { DockerConfig } from '../../mirror-job/credentials/docker-config.ts';
import { accountsOf } from '../../mirror-job/credentials/upstream-accounts.ts';
import { createAgents } from '../../mirror-job/node/agents.ts';
import { RegistrySource } from '../../mirror-job/registry/registry-source.ts';
import type { Auth } from '../support/registry-auth.ts';
import { registryAt, TestClock } from './harness.ts';
import { one, startPrivate } from './private-registry.ts';

const stale = Buffer.from('me:old').toString('base64');

async function accountFor(host: string, file: string) {
  const config = new DockerConfig(file, JSON.stringify({ auths: { [host]: { auth: stale } } }));
  return accountsOf(parseUpstream(host), undefined, {
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
])('%s refuses it', async (_name, auth, file, program) => {
  const registry = await startPrivate(auth);
  const { host } = registry;
  const client = await registryAt(host, { accounts: await accountFor(host, file) });
  const remedy = `If everybody may read the image, remove the login ("${program} logout ${host}"), or set upstreams["${host}"].credentials to [], which asks without a login.`;
  for (const path of ['team/app', 'team/app', 'team/other', 'team/third', 'team/fourth']) {
    await expect(new RegistrySource(client, path).manifest(one)).rejects.toThrow(remedy);
  }
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
