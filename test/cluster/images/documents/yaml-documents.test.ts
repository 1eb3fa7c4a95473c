import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { documentsInYaml } from '../../../../cluster/images/documents/yaml-documents.ts';
import { summaryOf } from './chunks.ts';

function read(text: string): string[] {
  return summaryOf([...documentsInYaml(text, 'f')]);
}

test.for<readonly [string, readonly string[]]>([
  ['a: 1', ['f:1 {"a":1}']],
  ['---\na: 1\n---\nb: 2\n', ['f:2 {"a":1}', 'f:4 {"b":2}']],
  ['\uFEFF---\r\n# Source: x.yaml\r\na: 1\r\n---\r\nb: 2\r\n', ['f:3 {"a":1}', 'f:5 {"b":2}']],
  ['--- # Source: x.yaml\na: 1\n--- {b: 2}\n...\n', ['f:2 {"a":1}', 'f:3 {"b":2}']],
  ['%YAML 1.2\n---\na: 1\n', ['f:3 {"a":1}']],
  ['---\n---\n# nothing\n---\nnull\n---\n~\n---\n', []],
  ['', []],
  ['a: |\n  text\n  --- no marker\n----: 1\n', ['f:1 {"a":"text\\n--- no marker\\n","----":1}']],
  ['base: &b {x: 1}\nuse: {<<: *b, y: 2}\n', ['f:1 {"base":{"x":1},"use":{"x":1,"y":2}}']],
  ['a: 1\na: 2\n', ['f:1 {"a":2}']],
  ['{"json": [1]}', ['f:1 {"json":[1]}']],
])('%s is read', ([text, expected]) => {
  expect(read(text)).toEqual(expected);
});

const HINT = 'and was left out. If it is a template, give what helm template or kustomize build prints.';

test.for<readonly [string, readonly string[]]>([
  [
    'a: 1\n---\nb: "open\n---\nc: 3\n',
    ['f:1 {"a":1}', expect.stringMatching(/^PROBLEM f:3: this document is not valid YAML/), 'f:5 {"c":3}'],
  ],
  [
    'a: 1\n---\n\n# x\nb: 2\n\tc: 3\n---\nd: 4\n',
    [
      'f:1 {"a":1}',
      expect.stringMatching(/^PROBLEM f:6: this document is not valid YAML \(.*\), and was left out/),
      'f:8 {"d":4}',
    ],
  ],
  ['image: {{ .Values.image }}\n---\na: 1', [expect.stringContaining(HINT), 'f:3 {"a":1}']],
  [
    'a: *nothing\n---\nb: 1',
    [expect.stringContaining('PROBLEM f:1: this document is not valid YAML'), 'f:3 {"b":1}'],
  ],
])('%s has a problem with its line, and the others go on', ([text, expected]) => {
  expect(read(text)).toEqual(expected);
});

test('aliases that grow without bound are a problem', () => {
  const rows = Array.from(
    { length: 30 },
    (_, level) => `l${level + 1}: &l${level + 1} [*l${level}, *l${level}]`,
  );
  expect(read(`l0: &l0 [x]\n${rows.join('\n')}\n---\na: 1`)).toEqual([
    `PROBLEM f:1: this document is not valid YAML (an alias has no anchor, or aliases grow without bound), ${HINT}`,
    'f:33 {"a":1}',
  ]);
});

test('nesting without bound is a problem', () => {
  expect(read(`${'['.repeat(20_000)}\n---\na: 1`)).toEqual([
    expect.stringContaining('PROBLEM f:'),
    'f:3 {"a":1}',
  ]);
});

test('a text that is too large is refused, and so is a document', () => {
  const row = 'a: 1\n---\n';
  const advice = 'and was left out. Give it as JSON, which is read in pieces: kubectl get … -o json.';
  expect(read(row.repeat(8_000_000))).toEqual([`PROBLEM f: this is more YAML than 64 MiB, ${advice}`]);
  expect(read(`${row}# ${'x'.repeat(100)}\nb: ${'x'.repeat(17_000_000)}\n---\nc: 3\n`)).toEqual([
    'f:1 {"a":1}',
    `PROBLEM f:4: this is more YAML than 16 MiB, ${advice}`,
    'f:6 {"c":3}',
  ]);
});

function withoutPlaces(found: readonly string[]): string[] {
  return found.map((line) => line.replace(/^((?:PROBLEM )?f):\d+/, '$1'));
}

test('property: no text throws, and documents are read as if each stood alone', () => {
  const texts = fc.oneof(
    fc.string(),
    fc
      .array(
        fc.constantFrom(
          'a',
          ':',
          ' ',
          '\n',
          '-',
          '&a',
          '*a',
          '<<',
          '"',
          "'",
          '|',
          '{',
          '}',
          '!!map',
          '\t',
          '---',
          '#',
          '%',
          '?',
        ),
      )
      .map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(texts, texts, (one, two) => {
      const apart = [...read(one), ...read(two)];
      expect(withoutPlaces(read(`${one}\n---\n${two}`))).toEqual(withoutPlaces(apart));
    }),
  );
});
