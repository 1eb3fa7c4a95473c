/** Values for properties: names that the grammar allows, and bytes that are nearly right. */
import * as fc from 'fast-check';
import { parseDigest } from '../../core/digest.ts';
import { parseRepository, parseTag } from '../../core/reference.ts';

export const digests = fc
  .oneof(fc.stringMatching(/^sha256:[0-9a-f]{64}$/), fc.stringMatching(/^sha512:[0-9a-f]{128}$/))
  .map(parseDigest);

export const tags = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/).map(parseTag);

/** One part of a path, by the grammar of the distribution specification. */
export const components = fc.stringMatching(/^[a-z0-9]{1,9}(?:(?:\.|_|__|-{1,3})[a-z0-9]{1,9}){0,2}$/);

/** Hosts in the form of a repository's first segment. */
export const upstreams = fc
  .tuple(
    fc.array(fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,8}[a-z0-9])?$/), { minLength: 2, maxLength: 4 }),
    fc.option(fc.integer({ min: 1, max: 65_535 })),
  )
  .map(([labels, port]) => labels.join('.') + (port === null ? '' : `_${port}`));

/** Paths of two or more parts, so that Docker Hub adds no `library/`. */
export const paths = fc
  .array(components, { minLength: 2, maxLength: 5 })
  .map((parts) => parts.join('/'))
  .filter((path) => path.length <= 150);

export const repositories = fc
  .tuple(upstreams, paths)
  .map(([upstream, path]) => parseRepository(`${upstream}/${path}`));

export const times = fc
  .date({
    min: new Date('2020-01-01T00:00:00Z'),
    max: new Date('2099-12-31T23:59:59.999Z'),
    noInvalidDate: true,
  })
  .map((date) => date.toISOString());

export const sizes = fc.maxSafeNat();

/** Any map of strings, also with keys that objects treat specially. */
export const annotations = fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true });

/** A marker for JSON that is too deep for recursive code. The JSON itself would be too long to print when a property fails. */
const DEEP = '"<deep>"';

const replacements = fc.oneof(
  fc.json(),
  fc.constantFrom('null', 'true', '0', '-1', '0.5', '1e400', '9007199254740992', '""', '"x"', '[]', '{}'),
  fc.constantFrom('[null]', '[{}]', '{"":0}', '[[]]', DEEP),
);

/** Input for `bytesOf`: noise, any JSON, and `valid` with one value removed or replaced by any other. */
export function hostile(valid: object): fc.Arbitrary<string | Uint8Array> {
  const spoilt = fc.constantFrom(...pathsOf(valid)).map((path) => JSON.stringify(replaced(valid, path)));
  const replacing = fc
    .tuple(spoilt, replacements)
    .map(([text, value]) => text.replace(MARK_TEXT, () => value));
  const leaving = spoilt.map((text) =>
    text.replace(new RegExp(`"[^"]*":${MARK_TEXT},?`), '').replace(/,(?=[}\]])/, ''),
  );
  return fc.oneof(fc.uint8Array({ maxLength: 64 }), fc.json(), replacing, replacing, leaving);
}

export function bytesOf(input: string | Uint8Array): Uint8Array {
  if (typeof input !== 'string') return input;
  return new TextEncoder().encode(input.replace(DEEP, () => '['.repeat(50_000) + ']'.repeat(50_000)));
}

const MARK = '<here>';
const MARK_TEXT = `"${MARK}"`;

function pathsOf(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, [...path, key]))];
}

function replaced(value: unknown, [first, ...rest]: readonly string[]): unknown {
  if (first === undefined) return MARK;
  if (Array.isArray(value)) {
    return value.map((inner: unknown, index) => (String(index) === first ? replaced(inner, rest) : inner));
  }
  if (typeof value !== 'object' || value === null) return MARK;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]: [string, unknown]) => [
      key,
      key === first ? replaced(inner, rest) : inner,
    ]),
  );
}
