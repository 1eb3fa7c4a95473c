/** A glob of TOKENS is accepted if it matches the name of any repository, wherever its stars are. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { mayRead, parseTokens } from '../../../worker/configuration/token.ts';
import { components, repositories } from '../../core/arbitraries.ts';

const ports = fc.integer({ min: 1, max: 65_535 }).filter((port) => port !== 443);
const names = fc.oneof(
  repositories,
  fc
    .tuple(fc.constantFrom('localhost', 'registry', 'a.b'), ports, components)
    .map(([host, port, component]) => `${host}_${port}/${component}`),
);
/** The part of a name that stars replace: its beginning, modulo the name's length, and its length. */
const holes = fc.array(
  fc.record({
    start: fc.nat({ max: 40 }),
    length: fc.nat({ max: 12 }),
    stars: fc.constantFrom('*', '**'),
  }),
  { minLength: 1, maxLength: 2 },
);

it('property: a name in which stars replace some parts is a valid glob', () => {
  fc.assert(
    fc.property(names, holes, (name, replaced) => {
      let glob: string = name;
      for (const { start, length, stars } of replaced) {
        const index = start % glob.length;
        const hidden = glob.slice(index, index + length);
        // One star does not match beyond its component.
        if (stars === '*' && /[/*]/.test(hidden)) continue;
        glob = `${glob.slice(0, index)}${stars}${glob.slice(index + length)}`;
      }
      // A glob of one component needs two stars to match anything beyond that component.
      fc.pre(glob.includes('/') || glob.includes('**'));
      const [token] = parseTokens('TOKENS', `ci ${'a'.repeat(64)} ${glob}`);
      expect(token !== undefined && mayRead(token, name)).toBe(true);
    }),
    { numRuns: 1000 },
  );
});
