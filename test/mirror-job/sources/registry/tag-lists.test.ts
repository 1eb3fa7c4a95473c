/** A list of tags that is not understood fails. It never counts as a shorter list. */
import { setTimeout } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import type { Log } from '../../../../mirror-job/engine/runtime.ts';
import { RegistrySource } from '../../../../mirror-job/sources/registry/registry-source.ts';
import { addImage, addLayer, tagAs } from '../../../support/builder.ts';
import { emptyRepository } from '../../../support/content.ts';
import type { Misbehaviour } from '../../../support/misbehaviour.ts';
import { startRogueRegistry, type RogueRegistry } from '../../../support/rogue-registry.ts';
import { registryAt, sourceAt } from '../../support/harness.ts';

const registries: RogueRegistry[] = [];
afterEach(async () => {
  await Promise.all(registries.splice(0).map((registry) => registry.stop()));
});

const TAGS = ['a', 'b', 'c', 'd', 'e', 'f'];

/** Serves six tags, two per page. @param misbehave each page's answer, by the tag that the page begins after */
async function start(misbehave: (last: string) => Misbehaviour | undefined): Promise<RogueRegistry> {
  const app = emptyRepository();
  tagAs(app, addImage(app, { layers: [await addLayer(app, 'one')] }), ...TAGS);
  const registry = await startRogueRegistry({
    corpus: { repositories: new Map([['team/app', app]]) },
    pageSize: 2,
    misbehave: ({ kind, query }) => (kind === 'tags' ? misbehave(query.get('last') ?? '') : undefined),
  });
  registries.push(registry);
  return registry;
}

/** Gives every page a Link of this form. @param format makes the header from the next page's address */
function linkedAs(format: (next: string) => string): (last: string) => Misbehaviour | undefined {
  const next: Record<string, string> = { '': 'b', b: 'd' };
  return (last) => {
    const end = next[last];
    if (end === undefined) return undefined;
    return { kind: 'headers', set: { link: format(`/v2/team/app/tags/list?last=${end}&n=2`) } };
  };
}

const NAME_THEM = ' Name the tags that you want instead of patterns: that needs no list.';
const NO_LIST = 'the answer is not a list of tags';

test.each<[string, (next: string) => string]>([
  ['without rel', (next) => `<${next}>`],
  ['with a comma in quotes', (next) => `<${next}>; title="tags, more of them"; rel="next"`],
  ['after another one', (next) => `</v2/team/app/tags/list?n=2>; rel="first", <${next}>; rel=next`],
  ['with a host of its own', (next) => `<https://elsewhere.test${next}>; rel="next"`],
])('a Link %s is followed', async (_name, format) => {
  const registry = await start(linkedAs(format));
  expect(await (await sourceAt(registry.host, 'team/app')).tags()).toEqual(TAGS);
});

test.each<[string, (next: string) => string, string]>([
  ['without <>', (next) => `${next}; rel="next"`, '/v2/team/app/tags/list?last=b&n=2; rel="next"'],
  ['without its end', (next) => `<${next}`, '</v2/team/app/tags/list?last=b&n=2'],
  ['that is a word', () => 'more', 'more'],
])('a Link %s fails the list', async (_name, format, rest) => {
  const registry = await start(linkedAs(format));
  await expect((await sourceAt(registry.host, 'team/app')).tags()).rejects.toThrow(
    `${registry.host}/team/app: tags/list: the answer has a Link header that Lifeboat does not understand, so the next page cannot be asked for: "${rest}".${NAME_THEM}`,
  );
});

test.each<[string, unknown, string]>([
  [
    'an error',
    { errors: [{ code: 'UNAUTHORIZED', message: 'no' }] },
    `${NO_LIST}, but an error (UNAUTHORIZED).`,
  ],
  ['an error without a code', { errors: [] }, `${NO_LIST}, but an error.`],
  [
    'an error beside tags',
    { errors: [{ code: 'UNKNOWN' }], tags: ['a'] },
    `${NO_LIST}, but an error (UNKNOWN).`,
  ],
  ['an empty object', {}, `${NO_LIST}.`],
  ['a name alone', { name: 'team/app' }, `${NO_LIST}.`],
  ['tags that are a text', { tags: 'a' }, `${NO_LIST}.`],
  ['tags that are objects', { tags: ['a', { name: 'b' }] }, `${NO_LIST}.`],
  ['a list of tags alone', ['a'], `${NO_LIST}.`],
  ['null', null, `${NO_LIST}.`],
])('%s is no list, on the first page or on a later one', async (_name, body, sentence) => {
  const answer: Misbehaviour = { kind: 'status', status: 200, body: JSON.stringify(body) };
  for (const page of ['', 'b']) {
    const registry = await start((last) => (last === page ? answer : undefined));
    await expect((await sourceAt(registry.host, 'team/app')).tags()).rejects.toThrow(
      `${registry.host}/team/app: ${sentence}${NAME_THEM}`,
    );
  }
});

test.each([401, 403, 405, 501])(
  'the error about a list that is refused with %s says that named tags need no list',
  async (status) => {
    const registry = await start(() => ({ kind: 'status', status }));
    const error = await (await sourceAt(registry.host, 'team/app')).tags().catch(String);
    const credentials = `If the list needs a login, configure upstreams["${registry.host}"].credentials.`;
    expect(error).toBe(
      `SourceError: ${registry.host}/team/app: the registry answered ${status} to GET tags/list: "told to answer ${status}".${status > 403 ? '' : ` ${credentials}`}${NAME_THEM}`,
    );
  },
);

test.each([null, []])('%j is an empty list', async (tags) => {
  const body = JSON.stringify({ name: 'team/app', tags });
  const registry = await start(() => ({ kind: 'status', status: 200, body }));
  expect(await (await sourceAt(registry.host, 'team/app')).tags()).toEqual([]);
});

test('names that no client can pull are left out, and a warning says so', async () => {
  const said: string[] = [];
  const log: Log = { info: () => {}, warn: (message) => said.push(message) };
  const registry = await start(() => ({
    kind: 'tags',
    tags: ['a', 'not a tag!', 'b', '', '-c', 'x'.repeat(129)],
  }));
  const source = await sourceAt(registry.host, 'team/app', { log });
  expect(await source.tags()).toEqual(['a', 'b']);
  await source.tags();
  expect(said).toEqual([
    `${registry.host}/team/app lists 4 names that are not valid tags, which no client can pull. They are left out: "not a tag!", "", "-c", and 1 more.`,
  ]);
});

const ADVICE = ' Name the tags that you want instead of patterns: that needs no list.';

function tooMany(host: string): string {
  return `${host}/team/app lists more than 200000 tags, which is the most that Lifeboat reads of one repository.${ADVICE}`;
}

test('a list of more tags than any real repository has fails, whether in one page or in many', async () => {
  const body = `{"tags":[${'"a",'.repeat(900_000)}"a"]}`;
  const whole = await start(() => ({ kind: 'status', status: 200, body }));
  const source = await sourceAt(whole.host, 'team/app', { timeoutMs: 30_000 });
  await expect(source.tags()).rejects.toThrow(tooMany(whole.host));

  const tags = Array.from({ length: 50_000 }, () => 'a');
  const paged = await start((last) => ({ kind: 'tags', tags, next: `/v2/team/app/tags/list?last=${last}a` }));
  const other = await sourceAt(paged.host, 'team/app', { timeoutMs: 30_000 });
  await expect(other.tags()).rejects.toThrow(tooMany(paged.host));
  expect(paged.requests).toHaveLength(5);
});

test('a page of more than 16 MiB fails the list', async () => {
  const registry = await start(() => ({ kind: 'tags', tags: ['x'.repeat(17 * 1024 * 1024)] }));
  const source = await sourceAt(registry.host, 'team/app', { timeoutMs: 30_000 });
  await expect(source.tags()).rejects.toThrow(
    `${registry.host}/team/app: tags/list sent more than 16777216 bytes, which is the most that Lifeboat reads.${ADVICE}`,
  );
});

test('pages of more than 64 MiB in all fail the list', async () => {
  const body = `{"tags":[],"padding":"${'x'.repeat(16_000_000)}"}`;
  const registry = await start((last) => ({
    kind: 'status',
    status: 200,
    body,
    headers: { link: `</v2/team/app/tags/list?last=${last}a>; rel="next"` },
  }));
  const source = await sourceAt(registry.host, 'team/app', { timeoutMs: 30_000 });
  await expect(source.tags()).rejects.toThrow(
    `${registry.host}/team/app: the pages of tags/list have more than 67108864 bytes in all, which is the most that Lifeboat reads of a list.${ADVICE}`,
  );
  expect(registry.requests).toHaveLength(5);
});

test('two long lists of one registry are read at once, and the others wait before their first page is whole', async () => {
  const app = emptyRepository();
  const body = `{"tags":[],"padding":"${'x'.repeat(400_000)}"}`;
  const registry = await startRogueRegistry({
    corpus: { repositories: new Map(['a', 'b', 'c', 'd'].map((name) => [name, app])) },
    misbehave: ({ query, path }) =>
      query.has('last')
        ? { kind: 'hang' }
        : { kind: 'status', status: 200, body, headers: { link: `<${path}?last=x>; rel="next"` } },
  });
  registries.push(registry);
  const stop = new AbortController();
  const upstream = await registryAt(registry.host, { timeoutMs: 30_000, signal: stop.signal });
  const lists = ['a', 'b', 'c', 'd'].map((name) => new RegistrySource(upstream, name).tags());
  const ended = Promise.allSettled(lists);
  const second = () => registry.requests.filter(({ query }) => query.has('last'));
  await vi.waitFor(() => expect(second()).toHaveLength(2));
  await setTimeout(200);
  expect([registry.requests.length, second().length]).toEqual([6, 2]);
  stop.abort(new Error('enough'));
  await registry.stop();
  await ended;
});

test('a page of more than a million values fails the list, and commas in strings are none', async () => {
  const junk = await start(() => ({
    kind: 'status',
    status: 200,
    body: `{"tags":[],"x":[${'{},'.repeat(500_000)}{}]}`,
  }));
  const source = await sourceAt(junk.host, 'team/app', { timeoutMs: 30_000 });
  await expect(source.tags()).rejects.toThrow(
    `${junk.host}/team/app: tags/list: a page has more than 1000000 values, which is the most that Lifeboat reads.${ADVICE}`,
  );
  const text = await start(() => ({
    kind: 'status',
    status: 200,
    body: `{"tags":["a"],"x":"${'\\",{'.repeat(600_000)}"}`,
  }));
  expect(await (await sourceAt(text.host, 'team/app', { timeoutMs: 30_000 })).tags()).toEqual(['a']);
});
