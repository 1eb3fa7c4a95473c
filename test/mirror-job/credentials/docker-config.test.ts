/** Which credential docker's config.json and podman's auth.json have for an upstream, and under which name. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseUpstream } from '../../../core/reference.ts';
import { DockerConfig, serverOf } from '../../../mirror-job/credentials/docker-config.ts';
import { readDockerConfigs } from '../../../mirror-job/credentials/docker-files.ts';

const FILE = '/home/me/.docker/config.json';
const FROM = `of ${FILE}`;
const HUB = 'https://index.docker.io/v1/';

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function found(config: unknown, upstream: string) {
  return new DockerConfig(FILE, JSON.stringify(config)).credentialFor(parseUpstream(upstream));
}

const ME = { auth: base64('me:secret') };
const MINE = { username: 'me', password: 'secret', from: FROM };

/** The whole message, whatever the class. */
function sentence(message: string) {
  return expect.objectContaining({ message });
}

test.each<[string, Record<string, object | null>, string, object | undefined]>([
  ['by its host', { 'ghcr.io': ME }, 'ghcr.io', MINE],
  ['by its host and port', { 'registry.test:5000': ME }, 'registry.test:5000', MINE],
  ['not without the port', { 'registry.test': ME }, 'registry.test:5000', undefined],
  ['with the port that https has anyway', { 'ghcr.io:443': ME }, 'ghcr.io', MINE],
  ['without the port that https has anyway', { 'ghcr.io': ME }, 'ghcr.io:443', MINE],
  ['a host whose port is a part of its name', { 'registry:443': ME }, 'registry:443', MINE],
  ['not for another host', { 'ghcr.io': ME }, 'quay.io', undefined],
  ['not for a longer name', { 'ghcr.io.evil.test': ME }, 'ghcr.io', undefined],
  ['not for a host that ends so', { 'evil-ghcr.io': ME }, 'ghcr.io', undefined],
  ['without a scheme and a path', { 'https://GHCR.io/v2/': ME }, 'ghcr.io', MINE],
  ['Docker Hub as docker calls it', { [HUB]: ME }, 'docker.io', MINE],
  ['Docker Hub as podman calls it', { 'docker.io': ME }, 'docker.io', MINE],
  ['Docker Hub as it is dialled', { 'registry-1.docker.io': ME }, 'docker.io', MINE],
  [
    'the exact name before one with a path',
    { 'https://ghcr.io/v1/': { auth: base64('x:y') }, 'ghcr.io': ME },
    'ghcr.io',
    MINE,
  ],
  [
    'what Docker Desktop adds beside it is not taken for it',
    { [`${HUB}refresh-token`]: { auth: base64('x:y') }, [HUB]: ME },
    'docker.io',
    MINE,
  ],
  ['a user and a password', { 'a.b': { username: 'me', password: 'secret' } }, 'a.b', MINE],
  [
    'colons in the password',
    { 'a.b': { auth: base64('me:a:b') } },
    'a.b',
    { username: 'me', password: 'a:b', from: FROM },
  ],
  ['zero bytes at its end', { 'a.b': { auth: base64('me:secret\0\0') } }, 'a.b', MINE],
  [
    'an identity token, which comes before a password',
    { 'a.b': { ...ME, identitytoken: 'refresh' } },
    'a.b',
    { identityToken: 'refresh', from: FROM },
  ],
  [
    'an identity token as a password',
    { 'a.b': { auth: base64('<token>:refresh') } },
    'a.b',
    { identityToken: 'refresh', from: FROM },
  ],
  ['an empty entry, as helpers leave it', { 'a.b': {} }, 'a.b', undefined],
  ['no entry at all', { 'a.b': null }, 'a.b', undefined],
])('a credential is found for an upstream, or none: %s', (_, auths, upstream, expected) => {
  expect(found({ auths }, upstream)).toEqual(expected);
});

test('other keys of docker’s file are ignored', () => {
  expect(found({ HttpHeaders: { a: 'b' }, currentContext: 'x', auths: { 'a.b': ME } }, 'a.b')).toEqual(MINE);
});

test.each([
  ['one of its own', { credHelpers: { 'ghcr.io': 'gh' }, credsStore: 'desktop' }, 'ghcr.io', 'gh'],
  [
    'the store for the others',
    { credHelpers: { 'ghcr.io': 'gh' }, credsStore: 'desktop' },
    'quay.io',
    'desktop',
  ],
  ['Docker Hub by either name', { credHelpers: { 'docker.io': 'hub' } }, 'docker.io', 'hub'],
  ['an empty name is none', { credsStore: '' }, 'quay.io', undefined],
  ['none', {}, 'quay.io', undefined],
])('the file says which helper an upstream has: %s', (_, config, upstream, expected) => {
  expect(new DockerConfig(FILE, JSON.stringify(config)).helperFor(parseUpstream(upstream))).toBe(expected);
});

test('a helper gets docker’s own address for Docker Hub, and host and port for other upstreams', () => {
  const upstreams = ['docker.io', 'ghcr.io', 'registry.test:5000'].map(parseUpstream);
  expect(upstreams.map(serverOf)).toEqual([HUB, 'ghcr.io', 'registry.test:5000']);
});

test.each([
  [
    'not JSON',
    '{"auths": {"a.b": {"auth": "c2VjcmV0',
    ': it is not JSON. Write it anew with "docker login".',
  ],
  [
    'of another shape',
    '{"auths": {"a.b": "c2VjcmV0"}}',
    ': auths["a.b"]: this is not what "docker login" writes here. Write it anew with "docker login".',
  ],
])('a file that is %s is refused and not quoted', (_, text, message) => {
  expect(() => new DockerConfig(FILE, text)).toThrow(sentence(`${FILE}${message}`));
});

test('an auth that is not base64 of "user:password" is refused when it is needed, and not quoted', () => {
  const config = { auths: { 'a.b': { auth: base64('secret') }, 'c.d': ME } };
  expect(found(config, 'c.d')).toEqual(MINE);
  expect(() => found(config, 'a.b')).toThrow(
    sentence(
      `${FILE}: auths["a.b"].auth: it is not the base64 of "user:password". Write it with "docker login".`,
    ),
  );
});

let home = '';
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'lifeboat-home-'));
  const files = [
    '.docker/config.json',
    '.config/containers/auth.json',
    'run/containers/auth.json',
    'other/config.json',
  ];
  for (const file of files) {
    await mkdir(dirname(join(home, file)), { recursive: true });
    await writeFile(join(home, file), '{}');
  }
});
afterAll(async () => {
  await rm(home, { recursive: true, force: true });
});

test.each<[string, (folder: string) => Record<string, string>, readonly string[]]>([
  [
    'podman’s, then docker’s',
    (folder) => ({ HOME: folder, XDG_RUNTIME_DIR: `${folder}/run` }),
    ['run/containers/auth.json', '.config/containers/auth.json', '.docker/config.json'],
  ],
  [
    'those that are there',
    (folder) => ({ HOME: `${folder}/none`, XDG_CONFIG_HOME: `${folder}/.config` }),
    ['.config/containers/auth.json'],
  ],
  [
    'DOCKER_CONFIG alone',
    (folder) => ({ HOME: folder, DOCKER_CONFIG: `${folder}/other` }),
    ['other/config.json'],
  ],
  [
    'DOCKER_CONFIG, where nobody has logged in',
    (folder) => ({ HOME: folder, DOCKER_CONFIG: `${folder}/none` }),
    [],
  ],
  [
    'REGISTRY_AUTH_FILE alone',
    (folder) => ({ HOME: folder, DOCKER_CONFIG: folder, REGISTRY_AUTH_FILE: `${folder}/other/config.json` }),
    ['other/config.json'],
  ],
  ['nobody’s home', () => ({}), []],
])('the environment decides which files are read: %s', async (_, environment, expected) => {
  const configs = await readDockerConfigs(environment(home));
  expect(configs.map(({ file }) => file)).toEqual(expected.map((file) => join(home, file)));
});

test('a file that REGISTRY_AUTH_FILE names has to exist', async () => {
  const file = join(home, 'absent.json');
  await expect(readDockerConfigs({ REGISTRY_AUTH_FILE: file })).rejects.toThrow(
    `${file}: it cannot be read (ENOENT). REGISTRY_AUTH_FILE names it; correct that, or unset it.`,
  );
});

test('the error for a file that cannot be read says what to do', async () => {
  await mkdir(join(home, 'folder/config.json'), { recursive: true });
  await expect(readDockerConfigs({ DOCKER_CONFIG: join(home, 'folder') })).rejects.toThrow(
    `${join(home, 'folder/config.json')}: it cannot be read (EISDIR). Let this user read it, or set DOCKER_CONFIG to another folder.`,
  );
});
