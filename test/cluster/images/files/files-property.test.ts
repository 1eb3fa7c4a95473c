/** For any file, its reader comes to an end with valid images and problems, and says the same each time. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { imagesInCompose } from '../../../../cluster/images/files/compose.ts';
import { imagesInDockerfile } from '../../../../cluster/images/files/dockerfile.ts';
import { formatOf } from '../../../../cluster/images/files/format.ts';
import { imagesInGitHubActions } from '../../../../cluster/images/files/github-actions.ts';
import { imagesInGitLabCi } from '../../../../cluster/images/files/gitlab-ci.ts';
import { imagesInPlainList } from '../../../../cluster/images/files/plain-list.ts';
import type { Found } from '../../../../cluster/images/mention.ts';
import { formatReference, parseReference } from '../../../../core/reference.ts';

type Reader = (text: string, path: string) => Iterable<Found>;

const DOCKERFILE = `# syntax=docker/dockerfile:1
ARG V=1 W=\${V:-2}
FROM --platform=$BUILDPLATFORM golang:\${W} AS build
RUN --mount=type=bind,from=tool:1,target=/x <<EOF
FROM no
EOF
FROM alpine:\${V:+3} \\
  # comment
  AS \\
  last
COPY --from=build /a /b
ONBUILD COPY --from=busybox /a /b
`;
const COMPOSE = `x: &x { image: "base:\${V:-1}" }
services:
  a: { <<: *x, volumes: [{ type: image, source: "b:\${W}" }] }
  c:
    build:
      args: [V=1]
      additional_contexts: { d: "docker-image://e:1" }
      dockerfile_inline: |
        ARG V
        FROM f:$$V
`;
const WORKFLOW = `on: push
jobs:
  a:
    strategy: { matrix: { v: [1, 2], c: [{ i: x }], include: [{ v: 3 }], exclude: [{ v: 1 }] } }
    container: { image: "node:\${{ matrix.v }}" }
    services: { db: { image: "\${{ matrix.c.i }}" } }
    steps: [{ uses: "docker://alpine:3" }]
`;
const PIPELINE = `default: { image: "ruby:$V", services: [redis] }
include: [{ local: a.yml }]
variables: { V: "1", W: { value: "$V" } }
.a: &a { variables: { V: "2" } }
b: { extends: [.a], parallel: { matrix: [{ X: [1, 2] }] }, image: { name: "go:$X$W" } }
c: { <<: *a, services: [!reference [b, image], "\${CI_X}"] }
`;
const LIST = `# list\nalpine:3\nghcr.io/a/b@sha256:${'0'.repeat(64)}\n`;

const READERS: readonly [name: string, read: Reader, valid: string][] = [
  ['Dockerfile', imagesInDockerfile, DOCKERFILE],
  ['compose', imagesInCompose, COMPOSE],
  ['github-actions', imagesInGitHubActions, WORKFLOW],
  ['gitlab-ci', imagesInGitLabCi, PIPELINE],
  ['list', imagesInPlainList, LIST],
];

/** Pieces that mean something in one of the formats, with tildes between them. */
const MARKS =
  '${~}~$~${{ matrix.v }}~$$~<<EOF~\nEOF\n~\\\n~\n~"~\'~&x ~*x~<<: *x\n~!reference [b, image]~{~[~]~: ~- ~\t~#~\nFROM ~ AS ~' +
  'ARG V~--from=~\0~\uD800~services~image~extends~jobs~matrix~variables~__proto__~constructor~---\n~\uFEFF~\r\n';
const PIECE = fc.oneof(fc.constantFrom(...MARKS.split('~')), fc.string());

function textsLike(valid: string): fc.Arbitrary<string> {
  const spoilt = fc
    .array(fc.tuple(fc.nat(valid.length), fc.nat(12), PIECE), { maxLength: 4 })
    .map((changes) => {
      let text = valid;
      for (const [at, length, piece] of changes) text = text.slice(0, at) + piece + text.slice(at + length);
      return text;
    });
  return fc.oneof(
    spoilt,
    fc.string({ unit: 'binary' }),
    fc.array(PIECE, { maxLength: 40 }).map((all) => all.join('')),
  );
}

/** The findings that break a promise. */
function brokenIn(found: readonly Found[], path: string): Found[] {
  return found.filter((one) => {
    if (one.kind === 'problem') return !one.where.startsWith(`${path}:`) || !/^\S[^]*\.$/.test(one.message);
    const again = parseReference(formatReference(one.reference));
    return one.use.name !== path || formatReference(again) !== formatReference(one.reference);
  });
}

test.for(READERS)('property: any text is read as %s, twice the same', ([, read, valid]) => {
  expect([...read(valid, 'f')].filter(({ kind }) => kind === 'mention').length).toBeGreaterThan(1);
  fc.assert(
    fc.property(textsLike(valid), (text) => {
      const found = [...read(text, 'f')];
      expect(brokenIn(found, 'f')).toEqual([]);
      expect([...read(text, 'f')]).toEqual(found);
    }),
    { numRuns: 1500 },
  );
});

test.for(READERS)('property: lines of Windows change nothing for %s', ([, read, valid]) => {
  const images = (text: string): Found[] => [...read(text, 'f')].filter(({ kind }) => kind === 'mention');
  fc.assert(
    fc.property(textsLike(valid), (text) => {
      fc.pre(!text.includes('\r'));
      expect(images(text.replaceAll('\n', '\r\n'))).toEqual(images(text));
    }),
  );
});

test('property: any text has a format, whatever the file is called', () => {
  const paths = fc.constantFrom('Dockerfile', 'compose.yaml', 'a.yml', 'b.json', 'c.txt', 'images', '-', 'd');
  const texts = fc.oneof(...READERS.map(([, , valid]) => textsLike(valid)));
  fc.assert(
    fc.property(paths, texts, (path, text) => {
      expect(formatOf(path, text)).toBe(formatOf(path, text));
    }),
  );
});

test.for(READERS)('deep nesting is no error for %s', ([, read]) => {
  const deep = ['[', '{a: ', '${a:-', '- ', '"', '<<EOF '].map((open) => `services: ${open.repeat(20_000)}`);
  for (const text of deep) expect(brokenIn([...read(text, 'f')], 'f')).toEqual([]);
});
