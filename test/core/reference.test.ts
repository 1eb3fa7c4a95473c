import { expect, test } from 'vitest';
import { formatReference, parseReference, parseTag } from '../../core/reference.ts';
import { thrown } from './thrown.ts';

const SHA256 = `sha256:${'a'.repeat(64)}`;
const SHA512 = `sha512:${'b'.repeat(128)}`;
const COMPONENT_RULE =
  'is not a path component (lower-case letters and digits, with single ".", "_", "__" or hyphens between them).';
const HOST_RULE = 'a registry is a host name, with ":" or "_" and a port if it has one.';
const IPV6_RULE = 'IPv6 literals cannot be part of an image name; use a host name.';
const EMPTY = 'a part of the path is empty.';

const BARE_RULE = 'an image is a host and a path, as in docker.io/library/alpine.';
const TAG_RULE = 'a tag is 1 to 128 letters, digits, "_", "." and "-", and does not start with "." or "-".';

test.for(['latest', 'v1.27.0', '1', '_', '_tags', 'A-b_c.D', 'a..b', '3.20-alpine', 'x'.repeat(128)])(
  '%s is a tag',
  (tag) => {
    expect(parseTag(tag)).toBe(tag);
  },
);

test.for(['', '.', '..', '-', '.a', '-a', 'a/b', 'a:b', 'a b', 'a\n', 'é', 'a+b', 'a%2F', 'x'.repeat(129)])(
  '%j is not a tag',
  (tag) => {
    expect(thrown(() => parseTag(tag))).toBe(`NameInvalidError: "${tag}" is not a valid name: ${TAG_RULE}`);
  },
);

test.for<readonly [string, string, string | undefined, string | undefined]>([
  ['nginx', 'docker.io/library/nginx', undefined, undefined],
  ['nginx:1.27', 'docker.io/library/nginx', '1.27', undefined],
  [`nginx@${SHA256}`, 'docker.io/library/nginx', undefined, SHA256],
  [`quay.io/coreos/etcd:v3.5@${SHA512}`, 'quay.io/coreos/etcd', 'v3.5', SHA512],
  ['localhost:5000/app', 'localhost_5000/app', undefined, undefined],
  ['localhost:5000/app:latest', 'localhost_5000/app', 'latest', undefined],
  // Without a slash there is no host, as for every client.
  ['localhost:5000', 'docker.io/library/localhost', '5000', undefined],
])('%s is read as the repository %s, the tag %s and the digest %s', ([text, repository, tag, digest]) => {
  expect(parseReference(text)).toEqual({ repository, tag, digest });
});

test.for<readonly [string, string, string]>([
  ['nginx:', '', TAG_RULE],
  ['nginx:a:b', 'docker.io/nginx:a', `"nginx:a" ${COMPONENT_RULE}`],
  ['nginx@', 'nginx@', '"" after "@" is not a sha256 or sha512 digest.'],
  ['nginx@latest', 'nginx@latest', '"latest" after "@" is not a sha256 or sha512 digest.'],
  [
    `nginx@${SHA256}@${SHA256}`,
    `nginx@${SHA256}@${SHA256}`,
    `"${SHA256}@${SHA256}" after "@" is not a sha256 or sha512 digest.`,
  ],
  [`@${SHA256}`, 'docker.io/', EMPTY],
  ['oci:./images/app', 'oci:.', HOST_RULE],
  ['[::1]:5000/x:1', '[::1]:5000', IPV6_RULE],
  ['docker://quay.io/a/b:1', 'docker://quay.io/a/b:1', `leave out "docker://": ${BARE_RULE}`],
  ['https://quay.io/a/b', 'https://quay.io/a/b', `leave out "https://": ${BARE_RULE}`],
  ['nginx@https://x', 'nginx@https://x', '"https://x" after "@" is not a sha256 or sha512 digest.'],
  [
    `nginx@${'x'.repeat(201)}`,
    `nginx@${'x'.repeat(201)}`,
    `"${'x'.repeat(200)}" after "@" is not a sha256 or sha512 digest.`,
  ],
])('the reference %s is refused', ([text, quoted, reason]) => {
  expect(thrown(() => parseReference(text))).toBe(
    `NameInvalidError: "${quoted}" is not a valid name: ${reason}`,
  );
});

test.for<readonly [string, string]>([
  ['nginx', 'docker.io/library/nginx'],
  ['localhost_5000/app:v1', 'localhost:5000/app:v1'],
  ['team/app_5000/x', 'docker.io/team/app_5000/x'],
  [`nginx:1.27@${SHA256}`, `docker.io/library/nginx:1.27@${SHA256}`],
])('%s is written as %s', ([text, written]) => {
  expect(formatReference(parseReference(text))).toBe(written);
});
