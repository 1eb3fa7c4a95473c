import { expect, test } from 'vitest';
import { namesOfStoredImage } from '../../../cluster/images/stored-image.ts';
import { formatReference } from '../../../core/reference.ts';

const [A, B] = ['a', 'b'].map((digit) => `sha256:${digit.repeat(64)}`);

function namesOf(...names: string[]): string[] {
  return namesOfStoredImage(names).map(
    ({ reference, digest }) => `${formatReference(reference)} ${digest ?? '-'}`,
  );
}

test('a tag has the only digest of its repository', () => {
  expect(namesOf(`ghcr.io/a/b@${A}`, 'ghcr.io/a/b:v1', 'ghcr.io/a/b:v1.2')).toEqual([
    `ghcr.io/a/b:v1 ${A}`,
    `ghcr.io/a/b:v1.2 ${A}`,
  ]);
});

test('a tag has no digest of another repository', () => {
  expect(namesOf(`ghcr.io/a/b@${A}`, 'quay.io/a/b:v1')).toEqual([
    `ghcr.io/a/b@${A} ${A}`,
    'quay.io/a/b:v1 -',
  ]);
});

test('a tag has none of several digests', () => {
  expect(namesOf('nginx:1', `nginx@${A}`, `nginx@${B}`)).toEqual([
    'docker.io/library/nginx:1 -',
    `docker.io/library/nginx@${A} ${A}`,
    `docker.io/library/nginx@${B} ${B}`,
  ]);
});

test('what no registry has is left out', () => {
  expect(
    namesOf(
      '<none>:<none>',
      '<none>@<none>',
      `${A}`,
      'a'.repeat(64),
      `docker.io/library/import-2024-07-01@${A}`,
      '',
      'nginx',
    ),
  ).toEqual([]);
});
