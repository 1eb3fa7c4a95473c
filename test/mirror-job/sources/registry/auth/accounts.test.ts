/** Which of an upstream's several accounts asks, and what makes the next account ask. */
import { afterEach, expect, test } from 'vitest';
import { parseDigest } from '../../../../../core/digest.ts';
import { parseTag } from '../../../../../core/reference.ts';
import type { CredentialProvider } from '../../../../../mirror-job/sources/registry/registry-options.ts';
import { RegistrySource } from '../../../../../mirror-job/sources/registry/registry-source.ts';
import { addImage, addLayer, tagAs } from '../../../../support/builder.ts';
import { emptyRepository } from '../../../../support/content.ts';
import type { Misbehaviour } from '../../../../support/misbehaviour.ts';
import { basicHeader } from '../../../../support/registry-auth.ts';
import type { RegistryRequest } from '../../../../support/registry-request.ts';
import { startRogueRegistry, type RogueRegistry } from '../../../../support/rogue-registry.ts';
import { registryAt, TestClock } from '../../../support/harness.ts';

let registry: RogueRegistry | undefined;
afterEach(async () => {
  await registry?.stop();
});

const app = emptyRepository();
const image = addImage(app, { layers: [await addLayer(app, 'layer')] });
tagAs(app, image, 'one');
const corpus = {
  repositories: new Map([
    ['team/app', app],
    ['team/other', app],
  ]),
};
const one = parseTag('one');

const NAMES = ['a', 'b', 'c'];
const HEADERS = new Map(NAMES.map((name) => [basicHeader({ username: name, password: `of ${name}` }), name]));

function accountsOf(...names: readonly string[]): CredentialProvider[] {
  return names.map((name) => async () => ({ username: name, password: `of ${name}`, from: `of ${name}` }));
}

function nameOf({ headers }: RegistryRequest): string {
  return HEADERS.get(headers.authorization ?? '') ?? '-';
}

const CHALLENGE: Misbehaviour = {
  kind: 'status',
  status: 401,
  headers: { 'www-authenticate': 'Basic realm="rogue"' },
};

function status(code: number, headers: Record<string, string> = {}) {
  return { kind: 'status', status: code, headers } as const;
}

interface Setting {
  readonly names: readonly string[];
  /** How the registry misbehaves towards an account; undefined: it answers properly. */
  readonly answer: (name: string, request: RegistryRequest) => Misbehaviour | undefined;
}

async function start({ names, answer }: Setting) {
  const started = await startRogueRegistry({
    corpus,
    misbehave: (request) => (nameOf(request) === '-' ? CHALLENGE : answer(nameOf(request), request)),
  });
  registry = started;
  const clock = new TestClock();
  const client = await registryAt(started.host, { accounts: accountsOf(...names), clock });
  return {
    clock,
    app: new RegistrySource(client, 'team/app'),
    other: new RegistrySource(client, 'team/other'),
    /** The accounts that sent requests since the last call; anonymous requests are left out. */
    asked: () =>
      started.requests
        .splice(0)
        .map(nameOf)
        .filter((name) => name !== '-'),
  };
}

test('the first account serves every repository while it can', async () => {
  const { app: from, other, asked } = await start({ names: ['a', 'b'], answer: () => undefined });
  await from.resolve(one);
  await other.resolve(one);
  await from.resolve(one);
  expect(asked()).toEqual(['a', 'a', 'a']);
});

test('the next account takes over at once for every repository, without waiting, when a quota is used up', async () => {
  const setting = await start({
    names: ['a', 'b'],
    answer: (name) => (name === 'a' ? status(429) : undefined),
  });
  expect(await setting.app.resolve(one)).toEqual({ digest: image.digest });
  await setting.other.resolve(one);
  await setting.app.resolve(one);
  expect(setting.asked()).toEqual(['a', 'b', 'b', 'b']);
  expect(setting.clock.sleeps).toEqual([]);
});

test('when all quotas are used up, the client waits as long as the last 429 says, and begins with the first account', async () => {
  let busy = 2;
  const setting = await start({
    names: ['a', 'b'],
    answer: () => {
      busy -= 1;
      return busy >= 0 ? status(429, { 'retry-after': '7' }) : undefined;
    },
  });
  expect(await setting.app.resolve(one)).toEqual({ digest: image.digest });
  expect(setting.asked()).toEqual(['a', 'b', 'a']);
  expect(setting.clock.sleeps).toEqual([7000]);
});

test.each([401, 403])('after a %i, the next account serves that repository, and only that', async (code) => {
  const setting = await start({
    names: ['a', 'b'],
    answer: (name, { repository }) => (name === 'a' && repository === 'team/app' ? status(code) : undefined),
  });
  expect(await setting.app.resolve(one)).toEqual({ digest: image.digest });
  await setting.other.resolve(one);
  await setting.app.resolve(one);
  expect(setting.asked()).toEqual(['a', 'b', 'a', 'b']);
});

test.each([401, 403])('a %i to every HEAD takes no account from the GET that follows', async (code) => {
  const setting = await start({
    names: ['a', 'b'],
    answer: (name, { method }) => (method === 'HEAD' || name === 'a' ? status(code) : undefined),
  });
  expect(await setting.app.resolve(one)).toMatchObject({ digest: image.digest });
  // Both accounts send a HEAD, and then a GET.
  expect(setting.asked()).toEqual(['a', 'b', 'a', 'b']);
  // The client knows now that the second account reads it.
  expect(await setting.app.resolve(one)).toMatchObject({ digest: image.digest });
  expect(setting.asked()).toEqual(['b', 'b']);
});

test('after HEADs that every account is refused, a quota that is used up still makes it the next account’s turn', async () => {
  const setting = await start({
    names: ['a', 'b'],
    answer: (name, { method }) => (method === 'HEAD' ? status(403) : name === 'a' ? status(429) : undefined),
  });
  expect(await setting.app.resolve(one)).toMatchObject({ digest: image.digest });
  expect(setting.asked()).toEqual(['a', 'b', 'a', 'b']);
  expect(setting.clock.sleeps).toEqual([]);
});

test('a request that every account is refused is sent once per account, and the error is about the last answer', async () => {
  const setting = await start({ names: ['a', 'b', 'c'], answer: () => status(403) });
  await expect(setting.app.manifest(one)).rejects.toThrow(
    /the registry answered 403 to GET manifests\/one: .* None of this upstream's accounts may read it\.$/,
  );
  expect(setting.asked()).toEqual(['a', 'b', 'c']);
  await expect(setting.app.manifest(one)).rejects.toThrow('answered 403');
  expect(setting.asked()).toEqual(['a']);
});

test('an account that reads a repository keeps it when one of its resources is refused', async () => {
  const setting = await start({
    names: ['a', 'b'],
    answer: (name, { kind }) => (name === 'a' || kind === 'tags' ? status(403) : undefined),
  });
  await setting.app.resolve(one);
  await expect(setting.app.tags()).rejects.toThrow('answered 403 to GET tags/list');
  await setting.app.resolve(one);
  expect(setting.asked()).toEqual(['a', 'b', 'b', 'b']);
});

test('when only the account without quota may read a repository, the error is its 429 and not the refusal of the other account', async () => {
  const setting = await start({
    names: ['a', 'b'],
    answer: (name) => (name === 'a' ? status(429, { 'retry-after': '9' }) : status(403)),
  });
  await expect(setting.app.manifest(one)).rejects.toThrow('answered 429 to GET manifests/one');
  expect(setting.asked()).toEqual(['a', 'b', 'a', 'a']);
  expect(setting.clock.sleeps).toEqual([9000]);
});

test('the error is that 429 at whichever place in the list the account is', async () => {
  const setting = await start({
    names: ['a', 'b', 'c'],
    answer: (name) => status(name === 'b' ? 429 : 403),
  });
  await expect(setting.app.manifest(one)).rejects.toThrow('answered 429 to GET manifests/one');
  expect(setting.asked()).toEqual(['a', 'b', 'c', 'b', 'b']);
});

test('when the token server refuses a password, the next account is used and one warning is logged', async () => {
  const credentials = { username: 'b', password: 'of b' };
  const started = await startRogueRegistry({ corpus, auth: { kind: 'bearer', credentials, expiresIn: 300 } });
  registry = started;
  const warned: string[] = [];
  const client = await registryAt(started.host, {
    accounts: accountsOf('a', 'b'),
    log: { info: () => {}, warn: (message) => warned.push(message) },
  });
  for (const path of ['team/app', 'team/other']) {
    expect(await new RegistrySource(client, path).resolve(one)).toEqual({ digest: image.digest });
  }
  expect(warned).toEqual([
    `${started.host} asks for a token from ${started.host}, which answered 401 to the credentials of a. Another account of this upstream is used instead.`,
  ]);
});

test('an error does not show a secret that the registry repeats', async () => {
  const header = basicHeader({ username: 'a', password: 'of a' }).slice('Basic '.length);
  const started = await startRogueRegistry({
    corpus,
    misbehave: (request) =>
      nameOf(request) === '-'
        ? CHALLENGE
        : { ...status(403), body: JSON.stringify({ errors: [{ message: `no, ${header}: of a` }] }) },
  });
  registry = started;
  const client = await registryAt(started.host, { accounts: accountsOf('a') });
  await expect(new RegistrySource(client, 'team/app').manifest(one)).rejects.toThrow(
    '403 to GET manifests/one: "no, ***: ***".',
  );
});

test('a tag that an account without quota could read is left for later when another account gets a 404', async () => {
  let isSpent = false;
  const { app: from, asked } = await start({
    names: ['a', 'b'],
    answer: (name) => (name === 'b' ? status(404) : isSpent ? status(429) : undefined),
  });
  expect(await from.resolve(one)).toEqual({ digest: image.digest });
  isSpent = true;
  await expect(from.resolve(one)).rejects.toThrow(
    `${registry?.host}/team/app: the account that may read this repository has used up its quota, and the registry answers 404 to another account.`,
  );
  expect(asked()).toEqual(['a', 'a', 'b']);
});

test('a refusal by the storage to which a registry redirects says nothing about an account', async () => {
  const { app: from, asked } = await start({
    names: ['a', 'b'],
    answer: (_name, { kind }) =>
      kind === 'blob' ? { kind: 'redirect', location: `http://localhost:${port()}/v2/` } : undefined,
  });
  const blob = parseDigest(`sha256:${'0'.repeat(64)}`);
  await expect(from.blob(blob, 1, 0)).rejects.toThrow(
    `${registry?.host}/team/app: localhost:${port()}, to which the registry redirects, answered 401 to GET blobs/${blob}`,
  );
  expect(asked()).toEqual(['a']);
});

/** The port of the registry. By another host name, the same server counts as another host. */
function port(): string {
  return registry?.host.split(':')[1] ?? '';
}

test('each of two accounts reads its own repositories, however many of the other’s are refused to it', async () => {
  const started = await startRogueRegistry({
    corpus,
    misbehave: (request) => {
      if (nameOf(request) === '-') return CHALLENGE;
      const owner = request.repository.startsWith('x/') ? 'a' : 'b';
      if (nameOf(request) !== owner)
        return request.path === '/v2/' ? undefined : status(401, CHALLENGE.headers);
      return { kind: 'headers', set: { 'docker-content-digest': image.digest } };
    },
  });
  registry = started;
  const client = await registryAt(started.host, { accounts: accountsOf('a', 'b') });
  const resolve = (path: string) => new RegistrySource(client, path).resolve(one).catch(String);
  for (const path of ['y/1', 'y/2', 'y/3', 'y/4', 'x/1']) await resolve(path);
  const who = (path: string) =>
    started.requests
      .filter(({ repository }) => repository === path)
      .map(nameOf)
      .filter((name) => name !== '-');
  // The second account gets 404 for y/4, by HEAD and by the GET that decides. That GET begins with the first account
  // again.
  expect([who('y/4'), who('x/1')]).toEqual([
    ['a', 'b', 'a', 'b'],
    ['a', 'a'],
  ]);
});
