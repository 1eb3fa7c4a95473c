/** The configuration of a job in a Worker: which one is used, and what is refused. */
import { beforeEach, expect, test } from 'vitest';
import { CONFIGURATION_KEY, LAST_GOOD_CONFIGURATION_KEY } from '../../../core/layout.ts';
import { readJobConfiguration } from '../../../mirror-job/workflow/job-configuration.ts';
import { MemoryStore } from '../support/memory-store.ts';

let store: MemoryStore;

beforeEach(() => {
  store = new MemoryStore('The bucket');
});

const YAML = { contentType: 'application/yaml' };
const STORE =
  'store: { endpoint: "${S3_ENDPOINT}", bucket: b, accessKeyId: "${S3_ACCESS_KEY_ID}", secretAccessKey: "${S3_SECRET_ACCESS_KEY}" }';

async function save(text: string, key = CONFIGURATION_KEY): Promise<void> {
  await store.put(key, new TextEncoder().encode(text), YAML);
}

const images = (image: string): string => `${STORE}\nimages: [${image}]\n`;

test('a configuration is used without the variables of its store, and is kept as the last good one', async () => {
  await save(images('docker.io/library/alpine:3.20'));
  const { configuration, warning, keep } = await readJobConfiguration(store, {});
  expect(await store.get(LAST_GOOD_CONFIGURATION_KEY)).toBeUndefined();
  await keep();
  expect(configuration.images.map(({ repository }) => repository)).toEqual(['docker.io/library/alpine']);
  expect(warning).toBeUndefined();
  expect((await store.get(LAST_GOOD_CONFIGURATION_KEY))?.bytes).toEqual(
    (await store.get(CONFIGURATION_KEY))?.bytes,
  );
  const { length } = store.calls.filter((call) => call.startsWith('put'));
  await (await readJobConfiguration(store, {})).keep();
  expect(store.calls.filter((call) => call.startsWith('put'))).toHaveLength(length);
});

test('the Worker’s secrets are the variables, and its other bindings are not', async () => {
  await save(
    `${images('docker.io/library/alpine:3.20')}upstreams: { docker.io: { credentials: [{ username: a, password: "\${HUB}" }] } }\n`,
  );
  await expect(readJobConfiguration(store, { HUB: { get: () => 'x' } })).rejects.toThrow(
    /^state\/_config\/lifeboat\.yaml:3: .* the environment variable HUB is not set/,
  );
  const { configuration } = await readJobConfiguration(store, { HUB: 'secret' });
  expect([...configuration.upstreams.values()]).toMatchObject([{ credentials: [{ password: 'secret' }] }]);
});

test.for([
  ["{ source: 'oci:./images', name: a.test/b, tags: ['*'] }", '', 'images[0].source: a Worker has no disk'],
  [
    'docker.io/library/alpine:3.20',
    'upstreams: { a.test: { ca: root.pem } }',
    'upstreams["a.test"].ca: a Worker trusts',
  ],
] as const)('what needs a machine is refused by its key: %s %s', async ([image, more, sentence]) => {
  await save(`${images(image)}${more}\n`);
  await expect(readJobConfiguration(store, {})).rejects.toThrow(`state/_config/lifeboat.yaml:`);
  await expect(readJobConfiguration(store, {})).rejects.toThrow(sentence);
  expect(await store.get(LAST_GOOD_CONFIGURATION_KEY)).toBeUndefined();
});

function withStore(more: string): string {
  return images('docker.io/library/alpine:3.20').replace('bucket: b,', `bucket: b, ${more},`);
}

test('a prefix has to be that of the Worker, and a store without conditional writes is refused', async () => {
  await save(withStore('prefix: mirror'));
  await expect(readJobConfiguration(store, {})).rejects.toThrow(
    'store.prefix: it is "mirror/", and the Worker\'s variable S3_PREFIX is "". Give both the same value.',
  );
  await expect(readJobConfiguration(store, { S3_PREFIX: '/mirror' })).resolves.toMatchObject({
    warning: undefined,
  });
  await save(withStore('singleWriter: true'));
  await expect(readJobConfiguration(store, {})).rejects.toThrow(
    'store.singleWriter: a job in a Worker needs',
  );
});

test('bytes that are not UTF-8 are refused', async () => {
  await store.put(CONFIGURATION_KEY, Uint8Array.of(0xff, 0xfe), YAML);
  await expect(readJobConfiguration(store, {})).rejects.toThrow('it is not UTF-8 text');
});

test('several stores are refused at the second one', async () => {
  await save(
    'stores: [{ region: r, bucket: a }, { region: r, bucket: b }]\nimages: [docker.io/library/alpine:3.20]\n',
  );
  await expect(readJobConfiguration(store, {})).rejects.toThrow(
    'state/_config/lifeboat.yaml:1: stores[1]: a job in a Worker fills one store.',
  );
});

test('the Worker’s own configuration is used, and the bucket’s is not even read', async () => {
  await save(images('docker.io/library/nginx:1.29'));
  const { length } = store.calls;
  const { configuration } = await readJobConfiguration(store, {
    CONFIGURATION: images('docker.io/library/alpine:3.20'),
  });
  expect(configuration.images.map(({ repository }) => repository)).toEqual(['docker.io/library/alpine']);
  expect(store.calls).toHaveLength(length);
  await expect(readJobConfiguration(store, { CONFIGURATION: 'images: [' })).rejects.toThrow(
    /^CONFIGURATION:/,
  );
});

test('a missing configuration is a sentence with the command that puts one there', async () => {
  await expect(readJobConfiguration(store, {})).rejects.toThrow(
    'state/_config/lifeboat.yaml: The bucket has no such object. Put your lifeboat.yaml there. For a bucket of R2: npx wrangler r2 object put --remote BUCKET/state/_config/lifeboat.yaml --file lifeboat.yaml',
  );
});

test.for([
  ['is broken', 'images: ['],
  ['was deleted', undefined],
] as const)('a configuration that %s leaves the last good one in use, with a warning', async ([, text]) => {
  await save(images('docker.io/library/alpine:3.20'), LAST_GOOD_CONFIGURATION_KEY);
  if (text !== undefined) await save(text);
  const { configuration, warning } = await readJobConfiguration(store, {});
  expect(configuration.images).toHaveLength(1);
  expect(warning).toMatch(
    /^state\/_config\/lifeboat\.yaml.*\n.*the last configuration that could be used, state\/_config\/last-good\.yaml\.$/s,
  );
});

test('if neither can be used, the newer one is what has to be mended', async () => {
  await save('images: [', LAST_GOOD_CONFIGURATION_KEY);
  await save('nothing: here');
  await expect(readJobConfiguration(store, {})).rejects.toThrow(/^state\/_config\/lifeboat\.yaml:/);
});
