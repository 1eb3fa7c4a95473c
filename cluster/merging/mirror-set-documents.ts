/** Merged mirrors as objects of OpenShift. */
import { Document } from 'yaml';
import type { MergedMirrors, MergedSource } from './merged-mirrors.ts';
import { DIGEST_MIRROR_SET, TAG_MIRROR_SET, type ObjectKind } from './object-kind.ts';

/**
 * Writes an ImageDigestMirrorSet and an ImageTagMirrorSet, each only if it has rules. Legacy policies become the former.
 * What is read from the text and merged again is the same.
 * @param name of both objects
 * @returns YAML; empty if there is no mirror
 */
export function renderMirrorSets(merged: MergedMirrors, name: string): string {
  const documents = [DIGEST_MIRROR_SET, TAG_MIRROR_SET].flatMap(
    (kind) => documentOf(kind, merged, name) ?? [],
  );
  return documents.join('---\n');
}

function documentOf(kind: ObjectKind, { sources }: MergedMirrors, name: string): string | undefined {
  const rules = sources
    .filter((source) => source[kind.pulls].length > 0)
    .map((source) => ruleOf(kind, source));
  if (rules.length === 0) return undefined;
  const object = {
    apiVersion: kind.apiVersion,
    kind: kind.name,
    metadata: { name },
    spec: { [kind.list]: rules },
  };
  return new Document(object, { aliasDuplicateObjects: false }).toString({ lineWidth: 0, singleQuote: true });
}

function ruleOf(kind: ObjectKind, source: MergedSource): object {
  return {
    source: source.source,
    mirrors: source[kind.pulls],
    ...(source.policy === 'NeverContactSource' ? { mirrorSourcePolicy: source.policy } : {}),
  };
}
