/** Which sources and mirrors can be used, and what is said of the others. */
import { expect, test } from 'vitest';
import { MirrorSetInvalidError } from '../../../cluster/merging/invalid-error.ts';
import { mirrorProblem, sourceProblem } from '../../../cluster/merging/location.ts';
import { plainMirrorSet } from '../../../cluster/merging/plain-set.ts';

const EMPTY = 'it is empty. Write a host, or a host and a path, as in quay.io/libpod.';
const NO_HOST =
  'is not the name of a host. Write the host first, as in quay.io/libpod; IPv6 addresses cannot be part of an image name.';
const NO_PART =
  'cannot be part of a path. Write lower-case letters and digits, with single ".", "_", "__" or hyphens between them.';
const NO_DOMAIN = `has more than "*." and a domain. A source with "*" is a whole domain, as in '*.example.com'.`;

test.for<readonly [string, string]>([
  ['', EMPTY],
  ['https://quay.io', 'leave out "https://": write "quay.io".'],
  ['docker://quay.io/a', 'leave out "docker://": write "quay.io/a".'],
  ['quay.io /a', '"quay.io /a" has a space or a line end in it. Take it out.'],
  [
    'Quay.io/A',
    '"Quay.io/A" has upper-case letters, and names are matched letter by letter. Write "quay.io/a".',
  ],
  ['quay.io/a:1', '"quay.io/a:1" has a tag or a digest. Leave it out: a rule is for a whole repository.'],
  [
    'quay.io/a@sha256:0',
    '"quay.io/a@sha256:0" has a tag or a digest. Leave it out: a rule is for a whole repository.',
  ],
  ['quay.io//', '"quay.io//" ends with "/". Write "quay.io".'],
  ['/a', `"" ${NO_HOST}`],
  ['-a.example.com', `"-a.example.com" ${NO_HOST}`],
  ['[::1]:5000/a', `"[::1]:5000" ${NO_HOST}`],
  ['a_5000/b', `"a_5000" ${NO_HOST}`],
  ['quay.io:0/a', '"0" is not a port (1 to 65535).'],
  ['quay.io:65536', '"65536" is not a port (1 to 65535).'],
  ['quay.io:', '"" is not a port (1 to 65535).'],
  ['quay.io:http/a', '"http" is not a port (1 to 65535).'],
  ['quay.io//a', `"" ${NO_PART}`],
  ['quay.io/a/_b', `"_b" ${NO_PART}`],
  ['quay.io/a/b..c', `"b..c" ${NO_PART}`],
])('neither a source nor a mirror can be "%s"', ([text, problem]) => {
  expect([sourceProblem(text), mirrorProblem(text)]).toEqual([problem, problem]);
});

test.for<readonly [string, string | undefined]>([
  ['*.example.com', undefined],
  ['*.com', undefined],
  [
    '*',
    `"*" has a "*" in a place where it means nothing. Only a source may begin with "*.", as in '*.example.com'.`,
  ],
  [
    '*example.com',
    `"*example.com" has a "*" in a place where it means nothing. Only a source may begin with "*.", as in '*.example.com'.`,
  ],
  [
    'a.*.com',
    `"a.*.com" has a "*" in a place where it means nothing. Only a source may begin with "*.", as in '*.example.com'.`,
  ],
  ['*.', EMPTY],
  ['*.*.com', `"*.*.com" ${NO_DOMAIN}`],
  ['*.example.com/a', `"*.example.com/a" ${NO_DOMAIN}`],
  ['*.example.com:5000', `"*.example.com:5000" ${NO_DOMAIN}`],
])('a source can or cannot be "%s", and a mirror never', ([text, problem]) => {
  expect(sourceProblem(text)).toBe(problem);
  expect(mirrorProblem(text)).toBe(
    `"${text}" has a "*". A mirror is one place: write its host, and its path if it has one.`,
  );
});

test('a plain set has what it was given, and allows the source unless it says something else', () => {
  const rule = { source: 'quay.io', mirrors: ['m.example.com/quay.io'], pulls: 'tags' } as const;
  expect(plainMirrorSet('payments', [rule, { ...rule, policy: 'NeverContactSource' }])).toEqual({
    kind: 'mirror set',
    name: 'payments',
    rules: [
      { ...rule, policy: 'AllowContactingSource' },
      { ...rule, policy: 'NeverContactSource' },
    ],
  });
});

function setWithMistakes() {
  return plainMirrorSet('payments', [
    { source: 'quay.io', mirrors: ['m.example.com', 'http://m.example.com'], pulls: 'tags' },
    { source: '', mirrors: [], pulls: 'digests' },
  ]);
}

test('a plain set with mistakes is refused with all of them', () => {
  expect(setWithMistakes).toThrow(MirrorSetInvalidError);
  expect(setWithMistakes).toThrow(
    `mirror set "payments": rules[0].mirrors[1]: leave out "http://": write "m.example.com".\nmirror set "payments": rules[1].source: ${EMPTY}`,
  );
});
