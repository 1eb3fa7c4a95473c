/** Each case agrees with BuildKit's own parser where that says anything about it. */
import { expect, test } from 'vitest';
import { imagesInDockerfile, type DockerfileOptions } from '../../../../cluster/images/files/dockerfile.ts';
import { shown } from './shown.ts';

function images(text: string, options?: DockerfileOptions): string[] {
  return shown(imagesInDockerfile(text, 'Dockerfile', options));
}

const HUB = 'docker.io/library';

test.for<[title: string, text: string, expected: string[]]>([
  ['one image', 'FROM alpine:3.20', [`${HUB}/alpine:3.20`]],
  ['an image without a tag', 'from alpine', [`${HUB}/alpine`]],
  ['a digest', `FROM ghcr.io/a/b:1@sha256:${'0'.repeat(64)}`, [`ghcr.io/a/b:1@sha256:${'0'.repeat(64)}`]],
  ['a registry with a port', 'FROM registry.example.com:5000/a/b:1', ['registry.example.com:5000/a/b:1']],
  ['a stage', 'FROM alpine:3 AS Base', [`${HUB}/alpine:3 (base)`]],
  ['a platform', 'FROM --platform=$BUILDPLATFORM golang:1.23 AS build', [`${HUB}/golang:1.23 (build)`]],
  ['an earlier stage', 'FROM alpine AS base\nFROM base\nFROM BASE AS b', [`${HUB}/alpine (base)`]],
  [
    'a later stage is an image for FROM',
    'FROM node\nFROM alpine AS node',
    [`${HUB}/node`, `${HUB}/alpine (node)`],
  ],
  ['scratch', 'FROM scratch\nCOPY --from=scratch a b', []],
  ['a BOM and Windows lines', '\uFEFFFROM alpine\r\nFROM busybox\r\n', [`${HUB}/alpine`, `${HUB}/busybox`]],
  ['quotes', `FROM "alpine:3"\nFROM 'busybox'`, [`${HUB}/alpine:3`, `${HUB}/busybox`]],
  [
    'COPY --from',
    'FROM alpine AS a\nCOPY --from=a x y\nCOPY --chown=1 --from=busybox:1 x y\nCOPY --from=0 x y\nCOPY --from=A x y',
    [`${HUB}/alpine (a)`, `${HUB}/busybox:1 (a)`],
  ],
  [
    'a later stage is none for COPY',
    'FROM alpine\nCOPY --from=tools x y\nFROM busybox AS tools',
    [`${HUB}/alpine`, `${HUB}/busybox (tools)`],
  ],
  ['no flag of COPY', 'FROM alpine\nCOPY x --from=busybox', [`${HUB}/alpine`]],
  [
    'RUN --mount',
    'FROM alpine AS a\nRUN --network=none --mount=type=bind,from=ghcr.io/t/t:1,target=/t --mount=target=/c,FROM=a,type=cache --mount=type=tmpfs,target=/x make --mount=from=no',
    [`${HUB}/alpine (a)`, 'ghcr.io/t/t:1 (a)'],
  ],
  ['a quoted mount', 'FROM alpine\nRUN --mount="type=bind,from=t:1" x', [`${HUB}/alpine`, `${HUB}/t:1`]],
  [
    'ONBUILD',
    'FROM alpine\nONBUILD COPY --from=busybox a b\nONBUILD RUN --mount=from=tool:1 x\nONBUILD ARG A=1\nONBUILD FROM no',
    [`${HUB}/alpine`, `${HUB}/busybox`, `${HUB}/tool:1`],
  ],
  [
    'syntax',
    '# syntax=docker/dockerfile:1.7-labs\nFROM alpine',
    ['docker.io/docker/dockerfile:1.7-labs', `${HUB}/alpine`],
  ],
  ['syntax with arguments', '#SYNTAX = a/b:1 c\nFROM alpine', ['docker.io/a/b:1', `${HUB}/alpine`]],
  ['syntax of a script', '#!/usr/bin/x\n# syntax=a/b\nFROM alpine', ['docker.io/a/b', `${HUB}/alpine`]],
  [
    'syntax after another directive',
    '# check=skip=all\n# syntax=a/b\nFROM alpine',
    ['docker.io/a/b', `${HUB}/alpine`],
  ],
  ['syntax after a comment', '# about\n# syntax=a/b\nFROM alpine', [`${HUB}/alpine`]],
  ['syntax after an instruction', 'FROM alpine\n# syntax=a/b', [`${HUB}/alpine`]],
  ['syntax that is indented', ' # syntax=a/b\nFROM alpine', [`${HUB}/alpine`]],
  ['a continued line', 'FROM \\\n  alpine:3 \\  \n  AS a', [`${HUB}/alpine:3 (a)`]],
  [
    'comments and empty lines in a continued line',
    'FROM \\\n# FROM no\n\n   # no\n  alpine\nRUN a \\\n  # b\n  FROM no',
    [`${HUB}/alpine`],
  ],
  [
    'an escaped backslash at the end',
    'FROM alpine\nRUN a \\\\\nFROM busybox',
    [`${HUB}/alpine`, `${HUB}/busybox`],
  ],
  [
    'another escape',
    '# escape=`\nFROM `\n  alpine\nRUN dir C:\\\nFROM busybox',
    [`${HUB}/alpine`, `${HUB}/busybox`],
  ],
  ['no other escape of a script', '#!/usr/bin/x\n# escape=`\nFROM \\\n  alpine', [`${HUB}/alpine`]],
  [
    'a heredoc',
    'FROM alpine\nRUN cat <<EOF >x\nFROM no\nEOF\nFROM busybox',
    [`${HUB}/alpine`, `${HUB}/busybox`],
  ],
  [
    'two heredocs',
    'FROM alpine\nCOPY <<A <<"B" /\nFROM no\nA\nFROM no\nB\nFROM busybox',
    [`${HUB}/alpine`, `${HUB}/busybox`],
  ],
  [
    'a heredoc with tabs',
    "FROM alpine\nRUN 3<<-'E F'\nFROM no\n\tE F\nFROM busybox",
    [`${HUB}/alpine`, `${HUB}/busybox`],
  ],
  [
    'a heredoc with a space',
    'FROM alpine\nRUN cat << EOF\nFROM no\nEOF\nFROM busybox',
    [`${HUB}/alpine`, `${HUB}/busybox`],
  ],
  ['a heredoc in ONBUILD', 'FROM alpine\nONBUILD RUN <<EOF\nFROM no\nEOF', [`${HUB}/alpine`]],
  [
    'no heredoc',
    'FROM alpine\nRUN echo $((1 << 2)) "<<EOF" a<<EOF <<<EOF\nRUN ["<<EOF"]\nENV A=<<EOF\nFROM busybox',
    [`${HUB}/alpine`, `${HUB}/busybox`],
  ],
])('%s', ([, text, expected]) => {
  expect(images(text)).toEqual(expected);
});

test.for<[name: string, expected: string]>([
  ['$V', 'docker.io/library/one'],
  ['${V}', 'docker.io/library/one'],
  ['a:${V}-$V', 'docker.io/library/a:one-one'],
  ['${V:-no}', 'docker.io/library/one'],
  ['${N:-yes}', 'docker.io/library/yes'],
  ['${N-yes}', 'docker.io/library/yes'],
  ['${EMPTY-no}a', 'docker.io/library/a'],
  ['${EMPTY:-yes}', 'docker.io/library/yes'],
  ['a${V:+-alt}', 'docker.io/library/a-alt'],
  ['a${N:+-alt}', 'docker.io/library/a'],
  ['a${EMPTY:+-alt}', 'docker.io/library/a'],
  ['a${EMPTY+-alt}', 'docker.io/library/a-alt'],
  ['${V:?no}', 'docker.io/library/one'],
  ['${N:-${V:+b${N:-c}}}', 'docker.io/library/bc'],
  ['${N:-"a:${V}"}', 'docker.io/library/a:one'],
  ['$LATER', 'docker.io/library/one-two'],
  ['$QUOTED', 'docker.io/library/q'],
  ['$SINGLE', '! Dockerfile:2: "docker.io/$V" is not a valid name'],
  ['a:\\$V', '! Dockerfile:2: "$V" is not a valid name'],
  ['${N}', '! Dockerfile:2: The image "${N}" was left out: ARG N in line 1 has no value. Give it a default'],
  ['${N:?why}', '! Dockerfile:2: The image "${N:?why}" was left out: ARG N in line 1 has no value.'],
  ['a:$NEEDS', '! Dockerfile:2: The image "a:$NEEDS" was left out: ARG N in line 1 has no value.'],
  [
    '$NONE',
    '! Dockerfile:2: The image "$NONE" was left out: no ARG before the first FROM declares NONE. Add "ARG NONE=…" there.',
  ],
  [
    'a-$TARGETARCH',
    '! Dockerfile:2: The image "a-$TARGETARCH" was left out: TARGETARCH has another value on each platform.',
  ],
  [
    '${TARGETARCH:-a}',
    '! Dockerfile:2: The image "${TARGETARCH:-a}" was left out: TARGETARCH has another value',
  ],
  [
    'a${TARGETVARIANT:+-v}',
    '! Dockerfile:2: The image "a${TARGETVARIANT:+-v}" was left out: TARGETVARIANT has another value',
  ],
  [
    '${TARGETPLATFORM#linux/}',
    '! Dockerfile:2: The image "${TARGETPLATFORM#linux/}" was left out: TARGETPLATFORM has another value',
  ],
  ['$EMPTY', '! Dockerfile:2: The image "$EMPTY" was left out: it is empty.'],
  ['${V', '! Dockerfile:2: The image "${V" was left out: "${V" is not understood.'],
  ['${V:-a', '! Dockerfile:2: The image "${V:-a" was left out: a "}" is missing. Add it.'],
  ['${}', '! Dockerfile:2: The image "${}" was left out: after "${" comes the name of a variable.'],
  [
    '${V%e}',
    '! Dockerfile:2: The image "${V%e}" was left out: "${V%…}" is not understood. Write the name without it.',
  ],
])('FROM %s is %s', ([name, expected]) => {
  const declared = 'ARG V=one N EMPTY= LATER=${V}-two QUOTED="q" SINGLE=\'$V\' NEEDS=${N}';
  const [found = '', ...others] = images(`${declared}\nFROM ${name}`);
  expect(others).toEqual([]);
  expect(found.startsWith('!') ? found.slice(0, expected.length) : found).toBe(expected);
});

test('an ARG after the first FROM is of no use for FROM', () => {
  expect(images('FROM alpine\nARG V=1\nFROM busybox:$V')).toEqual([
    `${HUB}/alpine`,
    '! Dockerfile:3: The image "busybox:$V" was left out: no ARG before the first FROM declares V. Add "ARG V=…" there.',
  ]);
});

test('build arguments replace defaults, also those of the platform, but declare nothing', () => {
  const buildArguments = new Map([
    ['V', '2'],
    ['OTHER', '3'],
    ['TARGETARCH', 'arm64'],
  ]);
  const text = 'ARG V=1\nARG W=w$V\nFROM a:$V\nFROM a:$W\nFROM a:$TARGETARCH\nFROM a:$OTHER';
  expect(images(text, { buildArguments })).toEqual([
    `${HUB}/a:2`,
    `${HUB}/a:w2`,
    `${HUB}/a:arm64`,
    '! Dockerfile:6: The image "a:$OTHER" was left out: no ARG before the first FROM declares OTHER. Add "ARG OTHER=…" there.',
  ]);
});

test('a name with an unknown part that fits earlier stages is one of these', () => {
  const stages = 'ARG KIND\nFROM alpine AS build-amd64\nFROM alpine AS build-arm64\n';
  const known = [`${HUB}/alpine (build-amd64)`, `${HUB}/alpine (build-arm64)`];
  expect(images(`${stages}FROM build-\${TARGETARCH} AS build`)).toEqual(known);
  expect(images(`${stages}FROM \${KIND}-amd64`)).toEqual(known);
  expect(images(`${stages}FROM \${TARGETARCH}`)).toEqual(known);
  expect(images(`${stages}FROM \${KIND}`)).toHaveLength(3);
  expect(images(`${stages}FROM test-\${TARGETARCH}`)).toHaveLength(3);
});

test('named contexts are no images', () => {
  const text = 'FROM base AS a\nCOPY --from=docs x y\nFROM alpine';
  expect(images(text, { contexts: new Set(['base', 'docs']) })).toEqual([`${HUB}/alpine`]);
});

test.for<[title: string, text: string, problem: string]>([
  [
    'no FROM',
    'ARG A=1\nRUN x',
    '! Dockerfile:1: There is no FROM, so this is no whole Dockerfile, and no image was read.',
  ],
  [
    'an empty text',
    '',
    '! Dockerfile:1: There is no FROM, so this is no whole Dockerfile, and no image was read.',
  ],
  ['an empty FROM', 'FROM', '! Dockerfile:1: The image "" was left out: it is empty.'],
  [
    'a heredoc without an end',
    '\nRUN <<EOF\nFROM no',
    '! Dockerfile:2: The heredoc "EOF" has no end, so the lines after it were not read. Add a line "EOF".',
  ],
  [
    'a variable in COPY --from',
    'FROM scratch\n\nCOPY --from=$A x y',
    '! Dockerfile:3: The image "$A" was left out: BuildKit puts no variables into it. Write "FROM … AS name" with the variable, and take the name here.',
  ],
  [
    'a name that is none',
    'FROM scratch\nFROM \\\n  Alpine',
    '! Dockerfile:2: "docker.io/Alpine" is not a valid name: "Alpine" is not a path component (lower-case letters and digits, with single ".", "_", "__" or hyphens between them). It was left out.',
  ],
])('%s is a problem', ([, text, problem]) => {
  expect(images(text)).toEqual([problem]);
});

test('values that double each other give a problem, and not a text without end', () => {
  const doubling = Array.from({ length: 100 }, (_, index) => `ARG A${index + 1}=$A${index}$A${index}`);
  expect(images(['ARG A0=xx', ...doubling, 'FROM $A100'].join('\n'))).toEqual([
    '! Dockerfile:102: The image "$A100" was left out: its variables make it too long. Write the name without them.',
  ]);
  expect(images(`FROM ${'${A:-'.repeat(10_000)}a${'}'.repeat(10_000)}`)).toHaveLength(1);
});

test('a mention says of which file and stage it is', () => {
  expect([...imagesInDockerfile('FROM alpine:3 AS a', 'app/Dockerfile')]).toEqual([
    {
      kind: 'mention',
      reference: { repository: `${HUB}/alpine`, tag: '3', digest: undefined },
      use: { kind: 'Dockerfile', name: 'app/Dockerfile', container: 'a', how: 'spec' },
    },
  ]);
});
