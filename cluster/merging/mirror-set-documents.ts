/** Mirrors as objects of OpenShift. */
import type { SourceMirrors } from './mirror-set.ts';
import { DIGEST_MIRROR_SET, TAG_MIRROR_SET, type ObjectKind } from './object-kind.ts';

/**
 * Makes an ImageDigestMirrorSet and an ImageTagMirrorSet, each only if it has rules. Legacy policies become the former.
 * Reading the objects and merging them again gives the same mirrors.
 * @param name of both objects
 */
export function mirrorSetObjects(sources: readonly SourceMirrors[], name: string): object[] {
  return [DIGEST_MIRROR_SET, TAG_MIRROR_SET].flatMap((kind) => mirrorSetObject(kind, sources, name) ?? []);
}

/** Makes one object of a kind; undefined if no source has mirrors for its pulls. */
export function mirrorSetObject(
  kind: ObjectKind,
  sources: readonly SourceMirrors[],
  name: string,
): object | undefined {
  const rules = sources
    .filter((source) => source[kind.pulls].length > 0)
    .map((source) => ruleOf(kind, source));
  if (rules.length === 0) return undefined;
  return {
    apiVersion: kind.apiVersion,
    kind: kind.name,
    metadata: { name },
    spec: { [kind.list]: rules },
  };
}

/** The policy is written also if it is the default, because it decides what happens when a mirror lacks an image. */
function ruleOf(kind: ObjectKind, source: SourceMirrors): object {
  return {
    source: source.source,
    mirrors: source[kind.pulls],
    ...(kind.keys.includes('mirrorSourcePolicy') && { mirrorSourcePolicy: source.policy }),
  };
}
