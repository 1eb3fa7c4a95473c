import { expect, test } from 'vitest';
import { imagesInCompose, type ComposeOptions } from '../../../../cluster/images/files/compose.ts';
import { shown } from './shown.ts';

function images(text: string, options?: ComposeOptions): string[] {
  return shown(imagesInCompose(text, 'compose.yaml', options));
}

const HUB = 'docker.io/library';

test.for<[image: string, expected: string]>([
  ['nginx:1.27', `${HUB}/nginx:1.27 (web)`],
  ['nginx:${V}', `${HUB}/nginx:one (web)`],
  ['nginx:$V', `${HUB}/nginx:one (web)`],
  ['nginx:${N:-1}', `${HUB}/nginx:1 (web)`],
  ['nginx:${EMPTY:-1}', `${HUB}/nginx:1 (web)`],
  ['nginx${EMPTY-1}', `${HUB}/nginx (web)`],
  ['nginx:${N-${V:-2}}', `${HUB}/nginx:one (web)`],
  ['${V:+alpine}', `${HUB}/alpine (web)`],
  ['nginx:${V:?no}', `${HUB}/nginx:one (web)`],
  ['"${REGISTRY:-ghcr.io/a}/b:1"', 'ghcr.io/a/b:1 (web)'],
  [
    'nginx:${N}',
    '! compose.yaml:3: The image "nginx:${N}" was left out: the variable N has no value. Write a default, as in "${N:-value}".',
  ],
  [
    'nginx:${N:?give N}',
    '! compose.yaml:3: The image "nginx:${N:?give N}" was left out: the variable N has no value. Write a default, as in "${N:-value}".',
  ],
  [
    'nginx:a$$V',
    '! compose.yaml:3: "a$V" is not a valid name: a tag is 1 to 128 letters, digits, "_", "." and "-", and does not start with "." or "-". It was left out.',
  ],
  ['""', '! compose.yaml:3: The image "" was left out: it is empty.'],
])('image: %s is %s', ([image, expected]) => {
  const variables = new Map([
    ['V', 'one'],
    ['EMPTY', ''],
  ]);
  expect(images(`services:\n  web:\n    image: ${image}\n`, { variables })).toEqual([expected]);
});

test.for<[title: string, service: string, expected: string[]]>([
  ['a service that is only built names none', 'build: .', []],
  ['a null image', 'image: ~', []],
  ['an image that is the name of a build', 'image: a:1\n    build: .', [`${HUB}/a:1 (web) as text`]],
  ['an image that is only built', 'image: a:1\n    build: .\n    pull_policy: build', []],
  ['an image that is never pulled', 'image: a:1\n    pull_policy: never', []],
  ['a profile changes nothing', 'image: a:1\n    profiles: [debug]', [`${HUB}/a:1 (web)`]],
  ['extends is not followed', 'extends: { file: other.yaml, service: web }', []],
  [
    'a volume that is an image',
    'image: a:1\n    volumes:\n      - data:/data\n      - { type: image, source: "b:${V:-2}", target: /b }\n      - { type: bind, source: ./c, target: /c }',
    [`${HUB}/a:1 (web)`, `${HUB}/b:2 (web)`],
  ],
  [
    'a build context that is an image',
    'build:\n      additional_contexts: { base: "docker-image://alpine:3", docs: ./docs }',
    [`${HUB}/alpine:3 (web)`],
  ],
  [
    'build contexts in a list',
    'build:\n      additional_contexts: ["base=docker-image://alpine:3", "docs=./docs"]\n      dockerfile_inline: "FROM base"',
    [`${HUB}/alpine:3 (web)`],
  ],
])('%s', ([, service, expected]) => {
  expect(images(`services:\n  web:\n    ${service}\n`)).toEqual(expected);
});

test('a Dockerfile within the file is read, with the arguments of the build', () => {
  const text = `services:
  web:
    build:
      context: .
      args: [V=1.$MINOR, OTHER]
      dockerfile_inline: |
        ARG V=0 NODE=22
        FROM golang:$$V AS build
        FROM node:$$NODE
        RUN echo $PATH
        FROM alpine:\${ALPINE}
`;
  const options = { variables: new Map([['MINOR', '23']]), buildArguments: new Map([['NODE', '24']]) };
  expect(images(text, options)).toEqual([
    `${HUB}/golang:1.23 (web)`,
    `${HUB}/node:24 (web)`,
    '! compose.yaml:6 dockerfile_inline:5: The image "alpine:${ALPINE}" was left out: no ARG before the first FROM declares ALPINE. Add "ARG ALPINE=…" there.',
  ]);
});

test('build arguments replace those of the build', () => {
  const text = 'services: { a: { build: { args: { V: 1 }, dockerfile_inline: "ARG V\\nFROM a:$$V" } } }';
  expect(images(text)).toEqual([`${HUB}/a:1 (a)`]);
  expect(images(text, { buildArguments: new Map([['V', '2']]) })).toEqual([`${HUB}/a:2 (a)`]);
});

test('anchors, merged maps and several documents are read', () => {
  const text = `x-base: &base
  image: base:1
services:
  a: *base
  b: { <<: *base }
  c: { <<: [{ restart: always }, *base], image: own:1 }
---
services: { d: { image: d:1 } }
`;
  expect(images(text)).toEqual([
    `${HUB}/base:1 (a)`,
    `${HUB}/base:1 (b)`,
    `${HUB}/own:1 (c)`,
    `${HUB}/d:1 (d)`,
  ]);
});

test('a version keeps its zeros', () => {
  expect(images('services: { a: { image: 3.20 } }')).toEqual([`${HUB}/3.20 (a)`]);
});

test('included files are named as not read', () => {
  expect(images('services: {}\ninclude: [db.yaml]')).toEqual([
    '! compose.yaml:2: The files that "include" names were not read. Name them on the command line too.',
  ]);
});

test.for<[title: string, text: string, expected: string[]]>([
  [
    'no YAML',
    'services:\n  a: [\n',
    [
      '! compose.yaml:3: No image was read, because this is not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]. Mend it.',
    ],
  ],
  ['nothing', '', []],
  ['no services', 'services: [a]', []],
  ['a service that is a text', 'services: { a: b }', []],
  ['an alias without an anchor', 'services: { a: { image: *x } }', []],
  ['a map that merges itself', 'services: &s { <<: *s, a: { image: b } }', [`${HUB}/b (a)`]],
])('%s', ([, text, expected]) => {
  expect(images(text)).toEqual(expected);
});

test('maps that merge each other many times over come to an end', () => {
  const layers = Array.from(
    { length: 60 },
    (_, index) => `x${index + 1}: &x${index + 1} { <<: [*x${index}, *x${index}] }`,
  );
  const text = ['x0: &x0 { image: a }', ...layers, 'services: { a: *x60 }'].join('\n');
  expect(images(text)).toEqual([`${HUB}/a (a)`]);
});

test('a mention says of which file and service it is', () => {
  expect([...imagesInCompose('services: { a: { build: { dockerfile_inline: FROM b } } }', 'c.yaml')]).toEqual(
    [
      {
        kind: 'mention',
        reference: { repository: `${HUB}/b`, tag: undefined, digest: undefined },
        use: { kind: 'compose', name: 'c.yaml', container: 'a', how: 'spec' },
      },
    ],
  );
});
