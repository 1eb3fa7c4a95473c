/** Tests which repository of the bucket a name means. */
import { expect, test } from 'vitest';
import { parseReference } from '../../../../core/reference.ts';
import { parseConfiguration } from '../../../../mirror-job/configuration/parse.ts';
import { findRepository } from '../../../../mirror-job/commands/arguments/named-repository.ts';

const PINNED = `sha256:${'1'.repeat(64)}`;

const configuration = parseConfiguration(
  'lifeboat.yaml',
  `
store: { region: r, bucket: b }
images:
  - { source: docker.io/library/nginx, name: images.internal/nginx, tags: ['*'] }
  - { source: quay.io/org/nginx, name: docker.io/library/nginx, tags: ['*'] }
  - { source: quay.io/org/app, name: images.internal/one, tags: ['1'] }
  - { source: quay.io/org/app, name: images.internal/two, tags: ['2', '3'] }
  - { source: quay.io/org/app, name: images.internal/three, tags: ['3'] }
  - { source: 'quay.io/org/app:4@${PINNED}', name: images.internal/four }
`,
  {},
);

test.each([
  ['images.internal/nginx', 'images.internal/nginx'],
  // The name under which an image is served comes before the name of another image's source.
  ['nginx:1.27', 'docker.io/library/nginx'],
  ['quay.io/org/nginx', 'docker.io/library/nginx'],
  ['quay.io/org/app:1', 'images.internal/one'],
  ['quay.io/org/app:2', 'images.internal/two'],
  // The digest decides. The tag beside it counts only if no entry pins the digest.
  [`quay.io/org/app@${PINNED}`, 'images.internal/four'],
  [`quay.io/org/app:2@${PINNED}`, 'images.internal/four'],
  [`quay.io/org/app:2@sha256:${'2'.repeat(64)}`, 'images.internal/two'],
  // The configuration does not list this image, or no longer lists it. A mirrored image stays in the bucket.
  ['ghcr.io/org/old:1', 'ghcr.io/org/old'],
])('%s means the repository %s', (text, repository) => {
  expect(findRepository(configuration, parseReference(text))).toBe(repository);
});

test.each([
  [
    'quay.io/org/app',
    'images.internal/one and images.internal/two and images.internal/three and images.internal/four',
  ],
  ['quay.io/org/app:3', 'images.internal/two and images.internal/three'],
])('%s is refused, because it could be several repositories', (text, names) => {
  expect(() => findRepository(configuration, parseReference(text))).toThrow(
    `"${text}" has several names in the configuration: ${names}. Name one of them.`,
  );
});
