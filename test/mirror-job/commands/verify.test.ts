/** Tests `lifeboat verify` over a real bucket: each kind of damage is made by hand, found, and repaired. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { digestOfTag, manifestOf } from '../../support/content.ts';
import { DamagedBucket } from './damaged-bucket.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let bucket: DamagedBucket;

beforeAll(async () => {
  bucket = await DamagedBucket.open(2);
});

afterAll(() => bucket.close());

/** The key of a layer of a.b/app. */
function layerKey(): string {
  const manifest = JSON.parse(manifestOf(bucket.images, digestOfTag(bucket.images, '1')).bytes.toString());
  return `blobs/${String(manifest.layers[0].digest).replace(':', '/')}`;
}

function manifestKey(): string {
  return `repositories/a.b/app/_manifests/${digestOfTag(bucket.images, '1').replace(':', '/')}`;
}

const APP = ['a.b/app:1', 'a.b/app:2'];

/** Whether an object is no tag, list or history. */
function isContent([key]: [string, string]): boolean {
  return /blobs\/|_manifests\/|_referrers\//.test(key);
}

interface Damage {
  readonly name: string;
  /** @returns the key that is damaged */
  readonly make: (prefix: string) => Promise<string>;
  readonly kind: string;
  readonly images: readonly string[];
  readonly isDeep?: boolean;
}

/** Damages an object that one pattern finds. */
const at =
  (pattern: RegExp | (() => string), how: 'remove' | 'flip' | 'truncate' | 'text') =>
  async (prefix: string): Promise<string> => {
    const [key = ''] = typeof pattern === 'function' ? [pattern()] : await bucket.keys(prefix, pattern);
    if (how === 'remove') await bucket.remove(prefix, key);
    else if (how === 'flip') await bucket.flip(prefix, key);
    else {
      const { bytes, contentType } = await bucket.read(prefix, key);
      const damaged = how === 'text' ? Buffer.from('no json') : bytes.subarray(0, bytes.length - 7);
      await bucket.put(prefix, key, damaged, contentType);
    }
    return key;
  };

const link = (): string => `repositories/a.b/app/_${layerKey()}`;

const DAMAGES: readonly Damage[] = [
  { name: 'blob-removed', make: at(layerKey, 'remove'), kind: 'blob-missing', images: APP },
  { name: 'blob-truncated', make: at(layerKey, 'truncate'), kind: 'blob-size', images: APP },
  { name: 'blob-flipped', make: at(layerKey, 'flip'), kind: 'blob-bytes', images: APP, isDeep: true },
  { name: 'link-removed', make: at(link, 'remove'), kind: 'link-missing', images: APP },
  { name: 'link-unreadable', make: at(link, 'text'), kind: 'link-wrong', images: APP },
  {
    name: 'link-wrong-size',
    make: async (prefix) => {
      const { bytes, contentType } = await bucket.read(prefix, link());
      const descriptor = JSON.parse(bytes.toString());
      await bucket.put(
        prefix,
        link(),
        Buffer.from(JSON.stringify({ ...descriptor, size: descriptor.size + 1 })),
        contentType,
      );
      return link();
    },
    kind: 'link-wrong',
    images: APP,
  },
  { name: 'manifest-removed', make: at(manifestKey, 'remove'), kind: 'manifest-missing', images: APP },
  { name: 'manifest-flipped', make: at(manifestKey, 'flip'), kind: 'manifest-bytes', images: APP },
  { name: 'tag-removed', make: at(/app\/_tags\/1$/, 'remove'), kind: 'tag-missing', images: ['a.b/app:1'] },
  {
    name: 'tag-truncated',
    make: at(/app\/_tags\/1$/, 'truncate'),
    kind: 'tag-unreadable',
    images: ['a.b/app:1'],
  },
  { name: 'list-removed', make: at(/app\/_tags\.json$/, 'remove'), kind: 'tag-list-stale', images: [] },
  { name: 'list-unreadable', make: at(/app\/_tags\.json$/, 'truncate'), kind: 'tag-list-stale', images: [] },
  {
    name: 'list-stale',
    make: async (prefix) => {
      const key = 'repositories/a.b/app/_tags.json';
      await bucket.put(
        prefix,
        key,
        Buffer.from('{"name":"a.b/app","tags":["1","other"]}'),
        'application/json',
      );
      return key;
    },
    kind: 'tag-list-stale',
    images: [],
  },
  { name: 'index-removed', make: at(/app\/_index\.json$/, 'remove'), kind: 'index-stale', images: [] },
  { name: 'index-unreadable', make: at(/app\/_index\.json$/, 'text'), kind: 'index-stale', images: [] },
  {
    name: 'referrers-removed',
    make: at(/signed\/_referrers\//, 'remove'),
    kind: 'referrers-stale',
    images: [],
  },
  {
    name: 'referrers-unreadable',
    make: at(/signed\/_referrers\//, 'text'),
    kind: 'referrers-stale',
    images: [],
  },
  {
    name: 'description-removed',
    make: at(/state\/.*app\.json$/, 'remove'),
    kind: 'description-stale',
    images: [],
  },
  { name: 'catalog-unreadable', make: at(/catalog\.json$/, 'text'), kind: 'catalog-stale', images: [] },
];

test.each(DAMAGES)(
  '$name: is found with the images that it breaks, repaired, and nothing else is written',
  async ({ name, make, kind, images, isDeep = false }) => {
    const file = await bucket.fill(name);
    const options = isDeep ? ['--deep'] : [];
    const whole = await bucket.verify(file, ...options);
    expect([whole.code, whole.problems, whole.stderr]).toEqual([0, [], '']);
    const before = await bucket.content(name);

    const key = await make(name);
    const found = await bucket.verify(file, ...options);
    expect(found.code).toBe(3);
    expect(found.problems.map((one) => [one.kind, one.key, one.images])).toContainEqual([kind, key, images]);

    const repaired = await bucket.verify(file, '--repair', ...options);
    expect([repaired.code, repaired.problems]).toEqual([0, []]);
    expect(repaired.repaired.find((one) => one.kind === kind)?.result).toBe('repaired');
    const after = await bucket.content(name);
    // A tag that was restored has another movement, and is in the history. Content is byte for byte as it was.
    expect([...after].filter(isContent)).toEqual([...before].filter(isContent));
    expect((await bucket.verify(file, ...options)).code).toBe(0);
  },
);

test('a key that the layout does not have is found, and a repair leaves it alone', async () => {
  const file = await bucket.fill('stray');
  await bucket.put('stray', 'repositories/a.b/app/_notes.txt', Buffer.from('x'));
  await bucket.put('stray', 'README.md', Buffer.from('x'));
  const found = await bucket.verify(file, '--repair');
  expect(found.code).toBe(3);
  expect(found.problems.map(({ kind, key }) => `${kind} ${key}`).toSorted()).toEqual([
    'stray README.md',
    'stray repositories/a.b/app/_notes.txt',
  ]);
  expect(found.repaired.map(({ result }) => result)).toEqual(['left', 'left']);
  const { stdout } = await bucket.lifeboat('verify', '-c', file, '--repair');
  expect(stdout).toMatch(/left README\.md: .*reads it\. Nothing of Lifeboat may change it\./);
  expect(stdout).toMatch(/left repositories\/a\.b\/app\/_notes\.txt: /);
  expect(await bucket.keys('stray', /README|_notes/)).toHaveLength(2);
});

test('the text says what is wrong, which tags cannot be pulled, and which command mends it; metrics say the same', async () => {
  const file = await bucket.fill('text');
  await bucket.remove('text', layerKey());
  const { code, stdout } = await bucket.lifeboat('verify', '-c', file, '--metrics', 'verify.prom');
  expect(code).toBe(3);
  expect(stdout).toContain('cannot be pulled whole:\n    a.b/app:1\n    a.b/app:2\n');
  expect(stdout).toContain('(30183 bytes) is missing. (a.b/app:1, a.b/app:2)');
  expect(stdout).toContain('not whole: 1 problem\n');
  expect(stdout).toMatch(/ {2}lifeboat verify -c text\.yaml --repair\n/);
  const metrics = await readFile(`${bucket.folder}/verify.prom`, 'utf8');
  expect(metrics).toMatch(/^lifeboat_verify_broken_images\{mirror="default",store=".*"\} 2$/m);
  expect(metrics).toMatch(/^lifeboat_verify_success\{mirror="default"\} 0$/m);
});

test('a store that cannot be reached, and a bucket that is not Lifeboat’s, are not known, and never whole', async () => {
  const away = await bucket.configure('away', [0], 'http://127.0.0.1:9');
  const result = await bucket.verify(away);
  expect(result.code).toBe(1);
  expect(result.report.stores[0]?.unknown).toHaveLength(1);
  const text = await bucket.lifeboat('verify', '-c', away);
  expect(text.stdout).toContain('not known: a part could not be read');
  expect(text.stdout).not.toContain('whole, as far');
  const empty = await bucket.configure('empty');
  const refused = await bucket.lifeboat('verify', '-c', empty, '--repair');
  expect([refused.code, refused.stdout]).toEqual([1, expect.stringContaining('has no lifeboat.json')]);
  expect(await bucket.keys('empty', /./)).toEqual([]);
});

test('a pin whose index is lost is named in full, and is pinned again from the bucket itself', async () => {
  const file = await bucket.fill('pinned');
  const image = `a.b/extra@${digestOfTag(bucket.images, '1')}`;
  const pin = ['rescue', image, '-c', file, '--from'];
  expect((await bucket.lifeboat(...pin, './app')).code).toBe(0);
  await bucket.put('pinned', 'repositories/a.b/extra/_index.json', Buffer.from('no json'));
  const { code, stdout } = await bucket.lifeboat('verify', '-c', file, '--repair');
  expect(code).toBe(3);
  expect(stdout).toContain("failed a.b/extra: the repository's index cannot be read");
  expect(stdout).toContain(`pruning may take them:\n    ${image}\n`);
  expect(stdout).toContain(
    'OTHER.yaml is a configuration of a bucket that has the image. It may be this one',
  );
  expect(stdout).toContain('lifeboat rescue -c pinned.yaml NAME@DIGEST --from bucket:OTHER.yaml\n');
  expect((await bucket.lifeboat(...pin, `bucket:${file}`)).code).toBe(0);
  // There may have been other pins, so the mark goes only when a repair has said of which digests nothing is known.
  expect((await bucket.verify(file)).problems).toMatchObject([{ kind: 'index-stale' }]);
  const repaired = await bucket.verify(file, '--repair');
  expect([repaired.code, repaired.repaired]).toMatchObject([0, [{ result: 'repaired' }]]);
  expect(repaired.repaired[0]).not.toHaveProperty('unprotected');
});
