/**
 * Mirror rules in OpenShift's words: a _source_ is the registry or repository that images name, and its mirrors are asked
 * before it, in their order.
 */

/** Which pulls a mirror serves: those by digest, or those by tag. */
export type Pulls = 'digests' | 'tags';

/** Whether the source itself is asked when no mirror has the image. A rule that does not say so allows it. */
export type MirrorSourcePolicy = 'AllowContactingSource' | 'NeverContactSource';

export interface MirrorRule {
  /** `host[:port][/path]`, or `*.host` for all hosts below a domain. */
  readonly source: string;
  /** `host[:port][/path]` each, the preferred one first. It replaces the part of a name that matches the source. */
  readonly mirrors: readonly string[];
  readonly pulls: Pulls;
  readonly policy: MirrorSourcePolicy;
  /** Where the rule is written, such as `mirrors.yaml:7`; undefined if it comes from no file. */
  readonly position?: string | undefined;
}

/** The rules of one object or of one team, whose order is to be kept. */
export interface MirrorSet {
  /** `ImageDigestMirrorSet`, or another kind of object; `mirror set` for one that is no object. */
  readonly kind: string;
  /** Sets are merged in the order of their names, so that the order of files and arguments does not matter. */
  readonly name: string;
  readonly rules: readonly MirrorRule[];
}

/** A rule, with the set that it belongs to. */
export interface OwnedRule extends MirrorRule {
  readonly kind: string;
  /** The set as sentences name it: `ImageDigestMirrorSet "release" (mirrors.yaml:7)`. */
  readonly owner: string;
}

/** All rules, in the order of the names of their sets. Equal sets in any order give equal rules. */
export function rulesOf(sets: readonly MirrorSet[]): OwnedRule[] {
  const keyed = sets.map((set) => ({ set, key: JSON.stringify([set.name, set.kind, set.rules]) }));
  // Names alone would not do: a cluster can have objects of several kinds with one name, and several clusters one object.
  const sorted = keyed.toSorted((a, b) => compare(a.set.name, b.set.name) || compare(a.key, b.key));
  return sorted.flatMap(({ set }) =>
    set.rules.map((rule) => ({ ...rule, kind: set.kind, owner: ownerOf(set, rule) })),
  );
}

function ownerOf({ kind, name }: MirrorSet, { position }: MirrorRule): string {
  return `${kind} "${name}"${position === undefined ? '' : ` (${position})`}`;
}

/** Compares by code units, as OpenShift does, because an order by language differs between machines. */
function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
