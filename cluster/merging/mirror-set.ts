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
  /** The place of the rule, such as `mirrors.yaml:7`; undefined if it comes from no file. */
  readonly position?: string | undefined;
}

/** The mirrors of one source, as a client is told. */
export interface SourceMirrors {
  readonly source: string;
  readonly policy: MirrorSourcePolicy;
  /** The mirrors that are asked for a digest, in this order. They have the source itself only if it does not come last. */
  readonly digests: readonly string[];
  /** The same for tags. One of the two lists may be empty. */
  readonly tags: readonly string[];
}

/** The rules of one object or of one team, whose order is to be kept. */
export interface MirrorSet {
  /** `ImageDigestMirrorSet`, or another kind of object; `mirror set` for one that is no object. */
  readonly kind: string;
  /** Sets are merged in the order of their names, so that the order of files and arguments does not matter. */
  readonly name: string;
  readonly rules: readonly MirrorRule[];
  /** Whether its mirrors come before those of all other sets, whatever the names of these are. */
  readonly isPreferred?: boolean;
}

/** A rule, with the set that it belongs to. */
export interface OwnedRule extends MirrorRule {
  readonly kind: string;
  /** The set as sentences name it: `ImageDigestMirrorSet "release" (mirrors.yaml:7)`. */
  readonly owner: string;
  readonly isPreferred: boolean;
}

/** All rules, those of preferred sets first, and else in the order of the names of their sets. Equal sets in any order give equal rules. */
export function rulesOf(sets: readonly MirrorSet[]): OwnedRule[] {
  const sorted = sets.toSorted((a, b) => (sortKeyOf(a) < sortKeyOf(b) ? -1 : 1));
  return sorted.flatMap((set) =>
    set.rules.map((rule) => ({
      ...rule,
      kind: set.kind,
      owner: ownerOf(set, rule),
      isPreferred: set.isPreferred ?? false,
    })),
  );
}

/**
 * The name alone would not do, because a cluster can have objects of several kinds with one name, and several clusters
 * can have one object. Keys are compared by code units: an order by language differs between machines.
 */
function sortKeyOf({ name, kind, rules, isPreferred = false }: MirrorSet): string {
  // No name has a character that sorts before this one, so that "a" comes before "a-b" whatever follows.
  return `${isPreferred ? 0 : 1}${name}\u0000${JSON.stringify([kind, rules])}`;
}

function ownerOf({ kind, name }: MirrorSet, { position }: MirrorRule): string {
  return `${kind} "${name}"${position === undefined ? '' : ` (${position})`}`;
}
