/** The inventory of images, and the lists that are written from it. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { parseDigest } from '../../../core/digest.ts';
import { decodeInUse, encodeInUse, mergeInUse, MAX_USES, type ImageUse } from '../../../core/in-use-list.ts';
import { parseReference } from '../../../core/reference.ts';
import { Inventory } from '../../../cluster/images/inventory.ts';
import { csvText, writeList } from '../../../cluster/images/lists.ts';
import type { Mention } from '../../../cluster/images/mention.ts';

const DIGEST = parseDigest(`sha256:${'a'.repeat(64)}`);
const OTHER = parseDigest(`sha256:${'b'.repeat(64)}`);
const WEB: ImageUse = { namespace: 'shop', kind: 'Deployment', name: 'web', container: 'app', how: 'spec' };
const POD: ImageUse = { namespace: 'shop', kind: 'Pod', name: 'web-1', container: 'app', how: 'running' };

function mention(text: string, use: ImageUse = WEB, more: Partial<Mention> = {}): Mention {
  return { kind: 'mention', reference: parseReference(text), use, ...more };
}

function inventoryOf(...mentions: readonly Mention[]) {
  const inventory = new Inventory();
  for (const one of mentions) inventory.add(one);
  return inventory.images;
}

test('what asks for a tag is a use of what runs under it', () => {
  expect(
    inventoryOf(
      mention('nginx:1.27'),
      mention('docker.io/library/nginx:1.27', POD, { digest: DIGEST, platform: 'linux/arm64' }),
      mention('nginx:1.27', { ...POD, name: 'web-2' }, { digest: DIGEST, platform: 'linux/amd64' }),
    ),
  ).toEqual([
    {
      reference: 'docker.io/library/nginx:1.27',
      digest: DIGEST,
      platforms: ['linux/amd64', 'linux/arm64'],
      uses: [WEB, POD, { ...POD, name: 'web-2' }],
      useCount: 3,
    },
  ]);
});

test('two digests of a tag are two images, and a name without a tag is latest', () => {
  const images = inventoryOf(
    mention('nginx', POD, { digest: OTHER }),
    mention('nginx:latest', POD, { digest: DIGEST }),
    mention('nginx'),
    mention(`nginx@${DIGEST}`),
    mention(`nginx:1@${DIGEST}`),
  );
  expect(images.map(({ reference, digest, useCount }) => [reference, digest, useCount])).toEqual([
    [`docker.io/library/nginx:1@${DIGEST}`, DIGEST, 1],
    ['docker.io/library/nginx:latest', DIGEST, 2],
    ['docker.io/library/nginx:latest', OTHER, 1],
    [`docker.io/library/nginx@${DIGEST}`, DIGEST, 1],
  ]);
});

test('the same use counts once, and twenty are listed, with one that is no text among them', () => {
  const texts = Array.from({ length: 30 }, (_, index): ImageUse => ({
    kind: 'A',
    name: `a${index}`,
    how: 'text',
  }));
  const [image] = inventoryOf(...[...texts, ...texts, WEB].map((use) => mention('a.test/b:1', use)));
  expect(image?.useCount).toBe(31);
  expect(image?.uses).toHaveLength(MAX_USES);
  expect(image?.uses.at(-1)).toEqual(WEB);
});

test('property: the order of mentions does not matter, and the list can be written and read', () => {
  const names = fc.constantFrom('nginx:1', 'nginx', `quay.io/a/b@${DIGEST}`, 'a.test:5000/x:2');
  const uses = fc.record({
    kind: fc.string(),
    name: fc.string(),
    how: fc.constantFrom('spec' as const, 'running' as const, 'text' as const),
  });
  const mentions = fc.array(
    fc.record({
      name: names,
      use: uses,
      digest: fc.option(fc.constantFrom(DIGEST, OTHER), { nil: undefined }),
    }),
  );
  fc.assert(
    fc.property(mentions, fc.infiniteStream(fc.nat()), (found, seeds) => {
      const all = found.map(({ name, use, digest }) =>
        mention(name, use, digest === undefined ? {} : { digest }),
      );
      const images = inventoryOf(...all);
      const order = new Map(all.map((one) => [one, seeds.next().value]));
      const shuffled = all.toSorted((one, other) => (order.get(one) ?? 0) - (order.get(other) ?? 0));
      expect(inventoryOf(...shuffled)).toEqual(images);
      const list = mergeInUse(undefined, { cluster: 'a', seen: images, at: new Date(0) }, 1000);
      expect(decodeInUse('state/_clusters/a.json', encodeInUse(list))).toEqual(list);
    }),
  );
});

const IMAGES = inventoryOf(
  mention('nginx:1.27', POD, { digest: DIGEST }),
  mention('nginx:1.28'),
  mention(`quay.io/a/b@${OTHER}`),
  mention('registry.internal:5000/x/y:2', { ...WEB, name: '=cmd("a,b")' }),
);

test('the list of lifeboat has an entry for each repository, with tags, and the digests that are named or run', () => {
  expect(parse(writeList('lifeboat', IMAGES))).toEqual({
    images: [
      { source: 'docker.io/library/nginx', tags: ['1.27', '1.28'], digests: [DIGEST] },
      { source: 'quay.io/a/b', digests: [OTHER] },
      { source: 'registry.internal:5000/x/y', tags: ['2'] },
    ],
  });
});

test('beside a digest a tag is only a name: lists have the digest', () => {
  const pinned = inventoryOf(mention(`nginx:1.27@${DIGEST}`));
  expect(parse(writeList('lifeboat', pinned))).toEqual({
    images: [{ source: 'docker.io/library/nginx', digests: [DIGEST] }],
  });
  expect(parse(writeList('skopeo', pinned))).toEqual({
    'docker.io': { images: { 'library/nginx': [DIGEST] } },
  });
  expect(writeList('hauler', pinned)).toContain(`docker.io/library/nginx:1.27@${DIGEST}`);
});

test('the lists of regsync, skopeo and hauler have their tools’ form', () => {
  expect(parse(writeList('skopeo', IMAGES))).toEqual({
    'docker.io': { images: { 'library/nginx': ['1.27', '1.28'] } },
    'quay.io': { images: { 'a/b': [OTHER] } },
    'registry.internal:5000': { images: { 'x/y': ['2'] } },
  });
  const regsync: { readonly sync: readonly object[] } = parse(writeList('regsync', IMAGES));
  expect(regsync).toMatchObject({ version: 1 });
  expect(regsync.sync[0]).toEqual({
    source: 'docker.io/library/nginx:1.27',
    target: '{{env "MIRROR"}}/docker.io/library/nginx:1.27',
    type: 'image',
  });
  const [hauler] = parseAllDocuments(writeList('hauler', IMAGES));
  expect(hauler?.toJS()).toMatchObject({
    apiVersion: 'content.hauler.cattle.io/v1',
    kind: 'Images',
    spec: { images: [{ name: 'docker.io/library/nginx:1.27' }, {}, {}, {}] },
  });
});

test('a table for spreadsheets quotes its fields, and has no formula', () => {
  const [heading, ...rows] = csvText(IMAGES).trimEnd().split('\r\n');
  expect(heading).toBe('image,digest,platforms,useCount,uses');
  expect(rows).toHaveLength(4);
  expect(rows[0]).toBe(`docker.io/library/nginx:1.27,${DIGEST},,1,running Pod shop/web-1 app`);
  expect(rows.at(-1)).toBe('registry.internal:5000/x/y:2,,,1,"spec Deployment shop/=cmd(""a,b"") app"');
});
