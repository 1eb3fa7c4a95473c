import { expect, test } from 'vitest';
import { imagesInGitHubActions } from '../../../../cluster/images/files/github-actions.ts';
import { shown } from './shown.ts';

function images(text: string): string[] {
  return shown(imagesInGitHubActions(text, 'ci.yml'));
}

const HUB = 'docker.io/library';
const LIST_THEM = 'List the images that it stands for in a file of their own.';

test.for<[title: string, job: string, expected: string[]]>([
  ['a container', 'container: node:22', [`${HUB}/node:22 (a)`]],
  ['a container that is a map', 'container: { image: node:22, options: --cpus 1 }', [`${HUB}/node:22 (a)`]],
  ['an empty container', 'container: ""', []],
  ['no container', 'runs-on: ubuntu-24.04', []],
  [
    'services',
    'services: { db: { image: "postgres:17" }, cache: { image: redis } }',
    [`${HUB}/postgres:17 (a)`, `${HUB}/redis (a)`],
  ],
  [
    'steps',
    'steps: [{ uses: actions/checkout@v4 }, { uses: "docker://ghcr.io/a/b:1" }, { run: x }, { uses: ./local }]',
    ['ghcr.io/a/b:1 (a)'],
  ],
  [
    'a name that is none',
    'container: A',
    [
      `! ci.yml:3: "docker.io/A" is not a valid name: "A" is not a path component (lower-case letters and digits, with single ".", "_", "__" or hyphens between them). It was left out.`,
    ],
  ],
  [
    'an expression',
    'container: node:${{ inputs.v }}',
    [
      `! ci.yml:3: The image "node:\${{ inputs.v }}" was left out: only a run knows the value of "inputs.v". ${LIST_THEM}`,
    ],
  ],
  [
    'an expression in a step',
    'steps: [{ uses: "docker://a:${{ matrix.v }}" }]',
    [
      '! ci.yml:3: The image "a:${{ matrix.v }}" was left out: GitHub puts no expressions into the name of an action. Write the name without them.',
    ],
  ],
  [
    'an expression without an end',
    'container: "a:${{ x"',
    ['! ci.yml:3: The image "a:${{ x" was left out: a "}}" is missing. Add it.'],
  ],
  [
    'a matrix that there is not',
    'container: a:${{ matrix.v }}',
    [
      `! ci.yml:3: The image "a:\${{ matrix.v }}" was left out: only a run knows the value of "matrix.v". ${LIST_THEM}`,
    ],
  ],
])('%s', ([, job, expected]) => {
  expect(images(`jobs:\n  a:\n    ${job}\n`)).toEqual(expected);
});

test.for<[title: string, matrix: string, container: string, expected: string[]]>([
  ['a list', '{ v: [20, 22.10] }', 'node:${{ matrix.v }}', ['node:20', 'node:22.10']],
  ['two lists', '{ v: [1, 2], os: [a, b] }', '${{matrix.os}}:${{ MATRIX.v }}', ['a:1', 'b:1', 'a:2', 'b:2']],
  ['a list that is not used', '{ v: [1], os: [a, b] }', 'x:${{ matrix.v }}', ['x:1']],
  ['maps', '{ c: [{ image: "a:1" }, { image: "b:1" }] }', '${{ matrix.c.image }}', ['a:1', 'b:1']],
  [
    'exclude',
    '{ v: [1, 2], os: [a, b], exclude: [{ v: 1, os: a }, { v: 2 }] }',
    '${{ matrix.os }}:${{ matrix.v }}',
    ['b:1'],
  ],
  ['include alone', '{ include: [{ i: "a:1" }, { i: "b:1" }] }', '${{ matrix.i }}', ['a:1', 'b:1']],
  ['include extends a job', '{ os: [a, b], include: [{ os: a, i: "x:1" }] }', '${{ matrix.i }}', ['x:1']],
  [
    'include extends every job',
    '{ os: [a, b], include: [{ v: 1 }] }',
    '${{ matrix.os }}:${{ matrix.v }}',
    ['a:1', 'b:1'],
  ],
  ['include adds a job', '{ os: [a], include: [{ os: c }] }', '${{ matrix.os }}', ['a', 'c']],
  ['an empty value', '{ i: ["a:1", ""] }', '${{ matrix.i }}', ['a:1']],
])('a matrix: %s', ([, matrix, container, expected]) => {
  const text = `jobs:\n  a:\n    strategy: { matrix: ${matrix} }\n    container: "${container}"\n`;
  expect(images(text)).toEqual(expected.map((image) => `${HUB}/${image} (a)`));
});

test.for<[title: string, matrix: string, known: string[]]>([
  ['of an expression', '"${{ fromJSON(needs.x.outputs.m) }}"', []],
  ['with a computed list', '{ v: "${{ fromJSON(x) }}" }', []],
  ['with a computed include', '{ include: "${{ fromJSON(x) }}" }', []],
  ['with a map where a text should be', '{ v: [{ a: 1 }] }', []],
  ['with one computed value', '{ v: [1, "${{ x }}"] }', [`${HUB}/a:1 (job)`]],
  ['of more jobs than GitHub allows', `{ v: [${'1,'.repeat(257)}] }`, []],
])('a matrix %s gives a problem', ([, matrix, known]) => {
  const text = `jobs:\n  job:\n    strategy: { matrix: ${matrix} }\n    container: a:\${{ matrix.v }}\n`;
  expect(images(text)).toEqual([
    ...known,
    `! ci.yml:4: The image "a:\${{ matrix.v }}" was left out: only a run knows the value of "matrix.v". ${LIST_THEM}`,
  ]);
});

test.for<[title: string, text: string, expected: string[]]>([
  ['an image', 'runs: { using: docker, image: "docker://ghcr.io/a/b:1" }', ['ghcr.io/a/b:1']],
  ['a Dockerfile', 'runs: { using: docker, image: Dockerfile }', []],
  ['steps', 'runs: { using: composite, steps: [{ uses: "docker://alpine:3" }] }', [`${HUB}/alpine:3`]],
])('an action with %s', ([, text, expected]) => {
  expect(images(text)).toEqual(expected);
});

test('a mention says of which file and job it is', () => {
  expect([...imagesInGitHubActions('jobs: { a: { container: b } }', '.github/workflows/x.yml')]).toEqual([
    {
      kind: 'mention',
      reference: { repository: `${HUB}/b`, tag: undefined, digest: undefined },
      use: { kind: 'github-actions', name: '.github/workflows/x.yml', container: 'a', how: 'spec' },
    },
  ]);
});
