/** Whether a source may be asked itself: the conflicts that OpenShift refuses, and the effects that surprise. */
import type { MirrorSourcePolicy, OwnedRule } from './mirror-set.ts';
import { CONTENT_SOURCE_POLICY } from './object-kind.ts';

/** @returns a sentence for each conflict between the rules of one source. It names all sets that take part */
export function policyConflicts(source: string, rules: readonly OwnedRule[]): string[] {
  const never = ownersOf(rules, 'NeverContactSource');
  const allow = ownersOf(rules, 'AllowContactingSource');
  const conflicts: string[] = [];
  if (never.length > 0 && allow.length > 0) {
    const isLegacy = rules.some(({ kind }) => kind === CONTENT_SOURCE_POLICY.name);
    conflicts.push(
      `${source}: ${listed(never)} ${never.length === 1 ? 'says' : 'say'} NeverContactSource, and ${listed(allow)} ` +
        `${allow.length === 1 ? 'says' : 'say'} AllowContactingSource, which is also the default. ` +
        'OpenShift applies no mirror rule at all while they differ. Give every rule of this source the same mirrorSourcePolicy.' +
        (isLegacy
          ? ' An ImageContentSourcePolicy has none: write it as an ImageDigestMirrorSet instead.'
          : ''),
    );
  }
  for (const { owner, policy, mirrors } of rules) {
    if (policy === 'NeverContactSource' && mirrors.includes(source)) {
      conflicts.push(
        `${source}: ${owner} says NeverContactSource, and has the source itself among its mirrors, which OpenShift refuses. ` +
          'Take the source out of the mirrors, or say AllowContactingSource.',
      );
    }
  }
  return conflicts;
}

/** @returns a sentence for each effect of NeverContactSource that its author may not expect */
export function policyWarnings(source: string, rules: readonly OwnedRule[]): string[] {
  const never = rules.filter(({ policy }) => policy === 'NeverContactSource');
  if (never.length === 0) return [];
  const mirrored = new Set(rules.filter(({ mirrors }) => mirrors.length > 0).map(({ pulls }) => pulls));
  if (mirrored.size === 0) {
    return [
      `${source}: ${listed(ownersOf(never))} ${never.length === 1 ? 'says' : 'say'} NeverContactSource without any mirror, which has no effect. ` +
        'List a mirror, or block the source by registrySources.blockedRegistries of the cluster’s Image configuration.',
    ];
  }
  if (mirrored.size > 1) return [];
  const [only, other, kind] = mirrored.has('digests')
    ? ['digest', 'tag', 'ImageTagMirrorSet']
    : ['tag', 'digest', 'ImageDigestMirrorSet'];
  return [
    `${source}: NeverContactSource blocks the source for every pull, but the mirrors of ${listed(ownersOf(never))} are for pulls by ${only} only, so each pull by ${other} fails. ` +
      `Add an ${kind} for this source if its images are pulled by ${other}.`,
  ];
}

function ownersOf(rules: readonly OwnedRule[], policy?: MirrorSourcePolicy): string[] {
  const chosen = rules.filter((rule) => policy === undefined || rule.policy === policy);
  return [...new Set(chosen.map(({ owner }) => owner))];
}

function listed(owners: readonly string[]): string {
  return owners.length < 2 ? owners.join('') : `${owners.slice(0, -1).join(', ')} and ${owners.at(-1) ?? ''}`;
}
