/** Any file gives a configuration, or a ConfigurationError in which each problem is a sentence. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { ConfigurationError } from '../../../mirror-job/configuration/configuration-error.ts';
import { parseConfiguration } from '../../../mirror-job/configuration/parse.ts';

const KEYS = [
  'store',
  'upstreams',
  'images',
  'defaults',
  'name',
  'endpoint',
  'bucket',
  'region',
  'prefix',
  'credentials',
  'username',
  'password',
  'source',
  'tags',
  'include',
  'exclude',
  'digests',
  'referrers',
  'every',
  'timeout',
  'docker.io',
  '__proto__',
  'constructor',
  'toString',
  '<<',
  '${A}',
];
const TEXTS = [
  'docker.io/library/a:1',
  'a',
  'a:1',
  'oci:x',
  '*',
  '/a/',
  '/(/',
  '[',
  '!a',
  '${A}',
  '${B}',
  '${',
  '24h',
  '-1',
  'https://s3.example.com',
  'public',
  '1.27',
  '.',
  '',
  '@',
  'sha256:',
  `sha256:${'0'.repeat(64)}`,
];

/** Values that fit some keys, so that every check is reached, and values that fit none. */
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: 'medium' },
    fc.constantFrom(...TEXTS),
    fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(null)),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...KEYS) }, { weight: 1, arbitrary: fc.string() }),
      tie('value'),
      { maxKeys: 6 },
    ),
  ),
}));

/** An image that is mostly right, so that the checks after the shape are reached. */
const image = fc.record(
  {
    source: fc.constantFrom(...TEXTS),
    name: fc.constantFrom('a.b/c', 'x', 'A.b/c'),
    tags: fc.array(fc.oneof(fc.constantFrom(...TEXTS), fc.string({ minLength: 1 })), { maxLength: 3 }),
    digests: fc.array(fc.constantFrom(...TEXTS), { maxLength: 2 }),
    referrers: fc.record({ every: fc.constantFrom(...TEXTS) }),
  },
  { requiredKeys: ['source'] },
);

/** @throws any other error than ConfigurationError, and for a problem that is not a sentence */
function check(text: string): void {
  try {
    parseConfiguration('f.yaml', text, { A: 'a', B: 'b/"c' });
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    const isClear = error.problems.every(({ message }) => /^\S[^]*[.!?]$/.test(message));
    if (!isClear || error.problems.length === 0)
      throw new TypeError(`Unclear: ${error.message}`, { cause: error });
  }
}

const images = fc.array(fc.oneof(image, fc.constantFrom(...TEXTS)), { minLength: 1, maxLength: 4 });
const marks = [
  ...': |  |- |[|]|{|}|&a |*a|"|>|#|? |!!str |!x |,|%'.split('|'),
  "'",
  '|',
  '---\n',
  '\t',
  '\n',
];
const pieces = fc.array(fc.constantFrom(...TEXTS, ...KEYS, ...marks), { maxLength: 40 });

test.each<[string, fc.Arbitrary<string>]>([
  ['any value as YAML', value.map((any) => stringify(any))],
  ['any value as JSON', value.map((any) => JSON.stringify(any))],
  ['any images', images.map((any) => stringify({ store: { region: 'r', bucket: 'b' }, images: any }))],
  ['any text', fc.string({ unit: 'binary' })],
  ['any text made of what YAML is made of', pieces.map((all) => all.join(''))],
])('%s gives a configuration, or an error in which each problem is a sentence', (_, texts) => {
  expect(() => fc.assert(fc.property(texts, check), { numRuns: 1500 })).not.toThrow();
});
