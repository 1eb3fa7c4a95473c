import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  formatReference,
  hostOf,
  parseReference,
  parseRepository,
  parseTag,
  parseUpstream,
  pathOf,
  repositoryOf,
  upstreamOf,
} from '../../core/reference.ts';
import { digests, repositories, tags } from './arbitraries.ts';
import { nameOfThrown } from './thrown.ts';

const references = fc.record({
  repository: repositories,
  tag: fc.option(tags, { nil: undefined }),
  digest: fc.option(digests, { nil: undefined }),
});

test('property: a reference is read as it was written', () => {
  fc.assert(
    fc.property(references, (reference) => {
      expect(parseReference(formatReference(reference))).toEqual(reference);
    }),
  );
});

test('property: a repository parses as itself, and is the join of its upstream and its path', () => {
  fc.assert(
    fc.property(repositories, (repository) => {
      expect(parseRepository(repository)).toBe(repository);
      expect(repositoryOf(upstreamOf(repository), pathOf(repository))).toBe(repository);
      expect(parseUpstream(hostOf(upstreamOf(repository)))).toBe(upstreamOf(repository));
    }),
  );
});

const NEAR_CHARACTERS = 'ab1Z._-/:@[]%\\ \u0000\n\u212Aé'.split('');

/** Names that are nearly right: they have characters of the grammar, and characters that break it. */
const nearNames = fc.oneof(
  fc.string({ unit: fc.constantFrom(...NEAR_CHARACTERS) }),
  fc.tuple(repositories, fc.nat(), fc.string()).map(([name, at, text]) => {
    const start = at % name.length;
    return name.slice(0, start) + text + name.slice(start + 1);
  }),
);
const GRAMMAR =
  /^(?:localhost|(?=[^/]*\.)[a-z0-9.-]+|[a-z0-9.-]+_\d{1,5})(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)+$/;

test('property: every name that parses matches the grammar, and every other name is a NameInvalidError', () => {
  fc.assert(
    fc.property(nearNames, (text) => {
      const parsed: string[] = [];
      const name = nameOfThrown(() => parsed.push(parseRepository(text)));
      expect(name).toBe(parsed.length === 1 ? undefined : 'NameInvalidError');
      for (const repository of parsed) {
        expect(repository).toMatch(GRAMMAR);
        expect(repository.length).toBeLessThanOrEqual(255);
        expect(parseRepository(repository)).toBe(repository);
        // Only the case of the host, the spelling of a port and Docker Hub's own names change.
        expect(repository.endsWith(text.slice(text.indexOf('/') + 1))).toBe(true);
      }
    }),
    { numRuns: 1000 },
  );
});

test('property: a reference either parses or is a NameInvalidError', () => {
  fc.assert(
    fc.property(fc.oneof(nearNames, fc.string()), (text) => {
      expect([undefined, 'NameInvalidError']).toContain(nameOfThrown(() => parseReference(text)));
    }),
    { numRuns: 1000 },
  );
});

test('property: a tag is valid if and only if the specification’s pattern matches it', () => {
  fc.assert(
    fc.property(fc.oneof(tags, fc.string(), nearNames), (text) => {
      const isTag = text.length <= 128 && /^[a-zA-Z0-9_][a-zA-Z0-9._-]*$/.test(text);
      expect(nameOfThrown(() => parseTag(text))).toBe(isTag ? undefined : 'NameInvalidError');
    }),
    { numRuns: 1000 },
  );
});
