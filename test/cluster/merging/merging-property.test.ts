/** The properties of merging that hold for any sets, also for those that contradict each other. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { MirrorConflictError } from '../../../cluster/merging/conflict-error.ts';
import { MirrorSetInvalidError } from '../../../cluster/merging/invalid-error.ts';
import { yamlText } from '../../../cluster/clients/yaml-text.ts';
import { mergeMirrorSets, type MergedMirrors } from '../../../cluster/merging/merged-mirrors.ts';
import { mirrorSetObjects } from '../../../cluster/merging/mirror-set-documents.ts';
import { parseMirrorSets } from '../../../cluster/merging/mirror-set-file.ts';
import type {
  MirrorRule,
  MirrorSet,
  MirrorSourcePolicy,
  Pulls,
  SourceMirrors,
} from '../../../cluster/merging/mirror-set.ts';
import { registriesConf } from '../../../cluster/merging/registries-conf.ts';

const SOURCES = ['docker.io', 'quay.io/libpod', '*.example.org'];
const MIRRORS = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `${name}.example.com`);
const PULLS = ['digests', 'tags'] as const satisfies readonly Pulls[];
const POLICIES: readonly MirrorSourcePolicy[] = ['AllowContactingSource', 'NeverContactSource'];

const names = fc.constantFrom('release', 'operators', 'edge', 'team-a', 'team-b');
const kinds = fc.constantFrom('ImageDigestMirrorSet', 'mirror set');

/** Sets whose rules come from `rules`. Several may have one name. */
function setsOf(rules: fc.Arbitrary<MirrorRule>): fc.Arbitrary<MirrorSet[]> {
  const set = fc.record({ kind: kinds, name: names, rules: fc.array(rules, { maxLength: 4 }) });
  return fc.array(set, { maxLength: 6 });
}

function rulesWith(mirrors: fc.Arbitrary<string[]>): fc.Arbitrary<MirrorRule> {
  return fc.record({
    source: fc.constantFrom(...SOURCES),
    mirrors,
    pulls: fc.constantFrom(...PULLS),
    policy: fc.constant<MirrorSourcePolicy>('AllowContactingSource'),
  });
}

/** Mirrors in any order. The sources may be among them, and one mirror may stand twice. */
const anySets = setsOf(
  rulesWith(fc.array(fc.constantFrom(...MIRRORS, ...SOURCES.slice(0, 2)), { maxLength: 5 })),
);

/** Mirrors in orders that do not contradict each other: parts of one order, which the names do not tell. */
const agreeingSets = fc
  .shuffledSubarray(MIRRORS, { minLength: MIRRORS.length })
  .chain((order) => setsOf(rulesWith(fc.subarray(order))));

const setsWithPolicies = setsOf(
  fc.record({
    source: fc.constantFrom(...SOURCES),
    mirrors: fc.subarray([...MIRRORS.slice(0, 2), ...SOURCES.slice(0, 2)]),
    pulls: fc.constantFrom(...PULLS),
    policy: fc.constantFrom(...POLICIES),
  }),
);

const shuffled = <Value>(values: Value[]): fc.Arbitrary<Value[]> =>
  fc.shuffledSubarray(values, { minLength: values.length });

function sourceOf({ sources }: MergedMirrors, source: string): SourceMirrors {
  const found = sources.find((merged) => merged.source === source);
  return found ?? { source, policy: 'AllowContactingSource', digests: [], tags: [] };
}

/** The rules that have a mirror, with what they were merged into. */
function rulesIn(sets: readonly MirrorSet[], merged: MergedMirrors) {
  return sets
    .flatMap(({ rules }) => rules)
    .filter(({ source, mirrors }) => mirrors.some((mirror) => mirror !== source))
    .map((rule) => ({ rule, result: sourceOf(merged, rule.source)[rule.pulls] }));
}

test('property: every set keeps its own order if no two sets contradict each other', () => {
  fc.assert(
    fc.property(agreeingSets, (sets) => {
      const merged = mergeMirrorSets(sets);
      for (const { rule, result } of rulesIn(sets, merged)) {
        expect(result.filter((mirror) => rule.mirrors.includes(mirror))).toEqual(rule.mirrors);
      }
      expect(merged.warnings).toEqual([]);
    }),
  );
});

test('property: without a contradiction, the result is OpenShift’s own', () => {
  fc.assert(
    fc.property(agreeingSets, (sets) => {
      const merged = mergeMirrorSets(sets);
      for (const source of SOURCES) {
        for (const pulls of PULLS) {
          const lists = sets
            .flatMap(({ rules }) => rules)
            .filter((rule) => rule.source === source && rule.pulls === pulls && rule.mirrors.length > 0)
            .map(({ mirrors }) => mirrors);
          expect(sourceOf(merged, source)[pulls]).toEqual(sortedInWaves(lists));
        }
      }
    }),
  );
});

/** The sort of OpenShift's runtime-utils, told anew: neighbours are edges, and what is free joins the queue by its name. */
function sortedInWaves(lists: readonly (readonly string[])[]): string[] {
  const edges = lists.flatMap((list) => list.slice(1).map((mirror, index) => [list[index], mirror] as const));
  const all = [...new Set(lists.flat())].toSorted();
  const queue = all.filter((mirror) => !edges.some(([, to]) => to === mirror));
  for (let at = 0; at < queue.length; at += 1) {
    const done = new Set(queue.slice(0, at + 1));
    const next = all.filter(
      (mirror) =>
        !queue.includes(mirror) &&
        edges.some(([from, to]) => to === mirror && from === queue[at]) &&
        edges.every(([from = '', to]) => to !== mirror || done.has(from)),
    );
    queue.push(...next);
  }
  return queue;
}

test('property: no mirror is lost, added or doubled, also where sets contradict each other', () => {
  fc.assert(
    fc.property(anySets, (sets) => {
      const merged = mergeMirrorSets(sets);
      for (const source of SOURCES) {
        for (const pulls of PULLS) {
          const given = rulesIn(sets, merged).filter(
            ({ rule }) => rule.source === source && rule.pulls === pulls,
          );
          const wanted = new Set(given.flatMap(({ rule }) => rule.mirrors));
          const result = sourceOf(merged, source)[pulls];
          // Only the source itself may be missing, if it comes last anyway.
          const isSourceLast = wanted.has(source) && !result.includes(source);
          expect([...result, ...(isSourceLast ? [source] : [])].toSorted()).toEqual([...wanted].toSorted());
          expect(result.at(-1)).not.toBe(source);
        }
      }
    }),
  );
});

test('property: the order in which sets are given changes nothing, also where they contradict each other', () => {
  const permuted = anySets.chain((sets) => fc.tuple(fc.constant(sets), shuffled(sets)));
  fc.assert(
    fc.property(permuted, ([sets, others]) => {
      expect(mergeMirrorSets(others)).toEqual(mergeMirrorSets(sets));
    }),
  );
});

test('property: the order of rules for different sources changes nothing', () => {
  fc.assert(
    fc.property(anySets, (sets) => {
      const sorted = sets.map((set) => ({
        ...set,
        rules: set.rules.toSorted((a, b) => a.source.localeCompare(b.source)),
      }));
      // Sets of one name are ordered by what they say, so only sets whose names differ are compared.
      fc.pre(new Set(sets.map(({ name }) => name)).size === sets.length);
      expect(mergeMirrorSets(sorted)).toEqual(mergeMirrorSets(sets));
    }),
  );
});

test('property: a warning names each rule whose order is not kept, and no other', () => {
  fc.assert(
    fc.property(anySets, (sets) => {
      const named = sets.map((set, index) => ({ ...set, name: `${set.name}-${index}` }));
      const merged = mergeMirrorSets(named);
      const broken = named.flatMap(({ kind, name, rules }) =>
        rules
          .filter((rule) => rulesIn([{ kind, name, rules: [rule] }], merged).some(isBroken))
          .map(({ source }) => `${source}: ${kind} "${name}"`),
      );
      expect(merged.warnings.map((warning) => warning.replace(/ has .*/, '')).toSorted()).toEqual(
        broken.toSorted(),
      );
    }),
  );
});

function isBroken({ rule, result }: { rule: MirrorRule; result: readonly string[] }): boolean {
  // If the result leaves the source out, it comes last.
  const whole = result.includes(rule.source) ? result : [...result, rule.source];
  const places = [...new Set(rule.mirrors)].map((mirror) => whole.indexOf(mirror));
  return places.some((place, index) => index > 0 && place < (places[index - 1] ?? 0));
}

test('property: of sets that contradict each other, the one whose name sorts first keeps its whole order', () => {
  const rule = rulesWith(fc.shuffledSubarray(MIRRORS, { minLength: 1 }));
  fc.assert(
    fc.property(rule, anySets, (first, others) => {
      const merged = mergeMirrorSets([...others, { kind: 'mirror set', name: '0-first', rules: [first] }]);
      const result = sourceOf(merged, first.source)[first.pulls];
      expect(result.filter((mirror) => first.mirrors.includes(mirror))).toEqual(first.mirrors);
    }),
  );
});

test('property: the mirrors of a preferred set come first, in its order, whatever its name', () => {
  const rule = rulesWith(fc.shuffledSubarray(MIRRORS, { minLength: 1 }));
  fc.assert(
    fc.property(rule, anySets, (first, others) => {
      const preferred = { kind: 'mirror set', name: 'z-last', rules: [first], isPreferred: true };
      const result = sourceOf(mergeMirrorSets([...others, preferred]), first.source)[first.pulls];
      expect(result.slice(0, first.mirrors.length)).toEqual(first.mirrors);
      // The source may be left out where it comes last now.
      const all = new Set([
        ...first.mirrors,
        ...sourceOf(mergeMirrorSets(others), first.source)[first.pulls],
      ]);
      expect(new Set([...result, first.source])).toEqual(all.add(first.source));
    }),
  );
});

test('property: what was merged and written as mirror sets is merged into the same again', () => {
  fc.assert(
    fc.property(setsWithPolicies, (sets) => {
      const { merged } = outcomeOf(sets);
      fc.pre(merged !== undefined && merged.sources.length > 0);
      const text = yamlText(...mirrorSetObjects(merged.sources, 'merged'));
      const again = mergeMirrorSets(parseMirrorSets('merged.yaml', text));
      expect(again.sources).toEqual(merged.sources);
      expect(yamlText(...mirrorSetObjects(again.sources, 'merged'))).toBe(text);
    }),
  );
});

/** The merged mirrors, or the conflicts for which the sets are refused. */
function outcomeOf(sets: readonly MirrorSet[]): { merged?: MergedMirrors; conflicts: readonly string[] } {
  try {
    return { merged: mergeMirrorSets(sets), conflicts: [] };
  } catch (error) {
    if (error instanceof MirrorConflictError) return { conflicts: error.conflicts };
    throw error;
  }
}

test('property: sets are refused if and only if policies conflict, and both sides are named', () => {
  fc.assert(
    fc.property(setsWithPolicies, (sets) => {
      const { merged, conflicts } = outcomeOf(sets);
      const wanted = SOURCES.flatMap((source) =>
        ownersInConflict(sets, source).map((owner) => [source, owner] as const),
      );
      expect(merged === undefined).toBe(wanted.length > 0);
      const unnamed = wanted.filter(
        ([source, owner]) =>
          !conflicts.some((line) => line.startsWith(`${source}: `) && line.includes(owner)),
      );
      expect(unnamed).toEqual([]);
      const sources = new Set(wanted.map(([source]) => source));
      expect(new Set(conflicts.map((line) => line.replace(/: .*/, '')))).toEqual(sources);
    }),
  );
});

/** The sets of all rules for a source whose policies differ, and of the rules that block a source that is its own mirror. */
function ownersInConflict(sets: readonly MirrorSet[], source: string): string[] {
  const owned = sets.flatMap(({ kind, name, rules }) =>
    rules.filter((rule) => rule.source === source).map((rule) => ({ rule, owner: `${kind} "${name}"` })),
  );
  const never = owned.filter(({ rule }) => rule.policy === 'NeverContactSource');
  const taking = never.length > 0 && never.length < owned.length ? owned : [];
  const itself = never.filter(({ rule }) => rule.mirrors.includes(source));
  return [...taking, ...itself].map(({ owner }) => owner);
}

test('property: registries.conf gives each pull the mirrors of its kind, in their order', () => {
  fc.assert(
    fc.property(anySets, (sets) => {
      const merged = mergeMirrorSets(sets);
      const wanted = merged.sources.map(({ source, digests, tags }) => ({ source, digests, tags }));
      expect(asClientsRead(registriesConf(merged.sources, new Set()))).toEqual(wanted);
    }),
  );
});

const tables = z.strictObject({
  registry: z.array(
    z.strictObject({
      prefix: z.string(),
      location: z.optional(z.string()),
      mirror: z.array(
        z.strictObject({
          location: z.string(),
          'pull-from-mirror': z.optional(z.enum(['digest-only', 'tag-only'])),
        }),
      ),
    }),
  ),
});

/** The mirrors that a client asks by digest and by tag: it skips the tables that are not for the pull. */
function asClientsRead(conf: object) {
  return tables.parse(conf).registry.map(({ prefix, mirror }) => {
    const askedFor = (pulls: string): string[] =>
      mirror
        .filter((table) => [undefined, pulls].includes(table['pull-from-mirror']))
        .map(({ location }) => location);
    return { source: prefix, digests: askedFor('digest-only'), tags: askedFor('tag-only') };
  });
}

test('property: any text is either mirror sets or a MirrorSetInvalidError', () => {
  const valid = `apiVersion: config.openshift.io/v1
kind: ImageDigestMirrorSet
metadata: { name: a }
spec:
  imageDigestMirrors:
    - source: "*.quay.io"
      mirrors: [m.example.com/quay.io]
      mirrorSourcePolicy: NeverContactSource
`;
  const spoilt = fc
    .tuple(
      fc.nat(valid.length),
      fc.nat(8),
      fc.oneof(fc.string(), fc.constantFrom('*a', '&a', '---\n', '- ', '{', '!x ', '\t', '<<: ')),
    )
    .map(([at, length, text]) => valid.slice(0, at) + text + valid.slice(at + length));
  fc.assert(
    fc.property(fc.oneof(spoilt, fc.string(), fc.json()), (text) => {
      const wrong = problemsOf(text).filter((problem) => !/^m\.yaml(:\d+)?: .+[.]$/.test(problem));
      expect(wrong).toEqual([]);
    }),
    { numRuns: 2000 },
  );
});

function problemsOf(text: string): string[] {
  try {
    parseMirrorSets('m.yaml', text);
  } catch (error) {
    if (error instanceof MirrorSetInvalidError) return error.message.split('\n');
    throw error;
  }
  return [];
}
