/** Tests which entry of the configuration a reference on the command line means. */
import { expect, test } from 'vitest';
import { parseConfiguration } from '../../../../mirror-job/configuration/parse.ts';
import { chooseImages } from '../../../../mirror-job/commands/arguments/image-selection.ts';

const DIGEST = `sha256:${'0'.repeat(64)}`;
const PINNED = `sha256:${'1'.repeat(64)}`;
const TEXT = `store: { region: r, bucket: b }
defaults: { referrers: false }
images:
  - { source: docker.io/library/nginx, tags: { semver: '>=1.27' }, referrers: { every: 1h } }
  - { source: quay.io/team/app, name: images.internal/app, tags: ['v*'], public: true }
  - { source: 'oci:./app', name: images.internal/folder, tags: ['*'] }
  - { source: a.test/x, name: images.internal/both, tags: ['1'] }
  - { source: b.test/x, name: images.internal/both, tags: ['2*'] }
  - { source: c.test/x, tags: ['3*'] }
  - { source: c.test/x, name: images.internal/x, tags: ['2*', '3*'] }
  - { source: 'd.test/x:1', name: images.internal/pins }
  - { source: 'e.test/x:2@${PINNED}', name: images.internal/pins }
`;

function choose(...texts: readonly string[]): string[] {
  const chosen = chooseImages(parseConfiguration('/etc/f.yaml', TEXT, {}), texts);
  return chosen.map(({ source, repository, tags, digests, referrersEveryMs, public: isPublic }) => {
    const from = source.kind === 'layout' ? source.folder : `${source.upstream}/${source.path}`;
    const what = [...tags.explicit, ...digests, ...(tags.rules === undefined ? [] : ['rules'])].join(' ');
    return `${from} → ${repository}: ${what}, ${referrersEveryMs}${isPublic ? ', public' : ''}`;
  });
}

test.each([
  [
    'a tag of an entry, with the entry’s settings',
    ['nginx:1.26'],
    ['docker.io/library/nginx → docker.io/library/nginx: 1.26, 3600000'],
  ],
  [
    'an entry by its source, or by the name under which it is served',
    ['quay.io/team/app:x', 'images.internal/app:x'],
    Array.from({ length: 2 }, () => 'quay.io/team/app → images.internal/app: x, false, public'),
  ],
  [
    'the entry as it is, if the reference has no tag',
    ['docker.io/library/nginx', 'images.internal/folder'],
    [
      'docker.io/library/nginx → docker.io/library/nginx: rules, 3600000',
      '/etc/app → images.internal/folder: rules, false',
    ],
  ],
  ['a tag of a layout', ['images.internal/folder:1'], ['/etc/app → images.internal/folder: 1, false']],
  [
    'a digest',
    [`nginx@${DIGEST}`],
    [`docker.io/library/nginx → docker.io/library/nginx: ${DIGEST}, 3600000`],
  ],
  [
    'the digest and not the tag, if the reference has both',
    [`nginx:1.27@${DIGEST}`, `alpine:3.20@${DIGEST}`],
    [
      `docker.io/library/nginx → docker.io/library/nginx: ${DIGEST}, 3600000`,
      `docker.io/library/alpine → docker.io/library/alpine: ${DIGEST}, false`,
    ],
  ],
  [
    'the one of two entries that pins the digest, whatever the tag beside it',
    [`images.internal/pins@${PINNED}`, `images.internal/pins:1@${PINNED}`],
    Array.from({ length: 2 }, () => `e.test/x → images.internal/pins: ${PINNED}, false`),
  ],
  [
    'the entry that selects the tag, if none pins the digest',
    [`images.internal/pins:1@${DIGEST}`],
    [`d.test/x → images.internal/pins: ${DIGEST}, false`],
  ],
  [
    'an image that is not listed, with the defaults',
    ['alpine:3.20'],
    ['docker.io/library/alpine → docker.io/library/alpine: 3.20, false'],
  ],
  [
    'the one of two entries that selects the tag',
    ['images.internal/both:2.1'],
    ['b.test/x → images.internal/both: 2.1, false'],
  ],
  [
    'both names of one image',
    ['c.test/x:3.1', `c.test/x:2`],
    [
      'c.test/x → c.test/x: 3.1, false',
      'c.test/x → images.internal/x: 3.1, false',
      'c.test/x → images.internal/x: 2, false',
    ],
  ],
  [
    'all entries of a name',
    ['images.internal/both'],
    ['a.test/x → images.internal/both: 1, false', 'b.test/x → images.internal/both: rules, false'],
  ],
])('a reference chooses %s', (_, texts, expected) => {
  expect(choose(...texts)).toEqual(expected);
});

test('without a reference, all listed images are chosen', () => {
  expect(choose()).toHaveLength(9);
});

test.each([
  [
    'alpine',
    '"alpine": the configuration does not list this image, so the reference has to name a tag or a digest, as in docker.io/library/alpine:TAG.',
  ],
  [
    `images.internal/both@${DIGEST}`,
    `"images.internal/both@${DIGEST}": lines 7 and 8 of the configuration give this image different sources or names, and none of them selects this tag or digest. List it in one of them.`,
  ],
  [
    'images.internal/both:3',
    '"images.internal/both:3": lines 7 and 8 of the configuration give this image different sources or names, and none of them selects this tag or digest. List it in one of them.',
  ],
  [
    'oci:./app',
    '"oci:./app": name an image layout by the name under which it is served, as in images.internal/app. The configuration has to list it.',
  ],
  [
    'nginx:a*',
    '"a*" is not a valid name: a tag is 1 to 128 letters, digits, "_", "." and "-", and does not start with "." or "-".',
  ],
])('%s is refused', (text, message) => {
  expect(() => choose(text)).toThrow(expect.objectContaining({ name: 'UsageError', message }));
});

test('a configuration need not list images if the command line names them', () => {
  const text = 'store: { region: r, bucket: b }\n';
  const configuration = parseConfiguration('f.yaml', text, {}, { needsImages: false });
  expect(configuration.images).toEqual([]);
  expect(chooseImages(configuration, ['alpine:3.20'])).toMatchObject([
    { repository: 'docker.io/library/alpine', referrersEveryMs: 86_400_000, public: false },
  ]);
  expect(() => parseConfiguration('f.yaml', text, {})).toThrow('f.yaml:1: images: it is missing.');
  expect(() => parseConfiguration('f.yaml', `${text}imags: [a:1]\n`, {}, { needsImages: false })).toThrow(
    'f.yaml:2: imags: there is no such key. Is images meant?',
  );
});

test('an image that is not listed has the default platforms', () => {
  const text = TEXT.replace('referrers: false', 'platforms: [linux/arm64]');
  const [unlisted] = chooseImages(parseConfiguration('/etc/f.yaml', text, {}), ['alpine:3.20']);
  expect(unlisted?.platforms).toEqual(['linux/arm64']);
});
