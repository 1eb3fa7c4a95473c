/** Finds out what refers to an image: a signature, an SBOM or an attestation, by the types that tools write. Pure. */
import type { Descriptor } from '../../../core/descriptor.ts';
import type { Manifest } from '../../../core/manifest.ts';
import { chooseChildren } from '../selection/platform-choice.ts';
import type { Platforms } from '../selection/platform.ts';

export interface ReferrerCounts {
  readonly signatures: number;
  readonly sboms: number;
  readonly attestations: number;
}

/** cosign's own types, and notation's. */
const SIGNATURES: ReadonlySet<string> = new Set([
  'application/vnd.dev.cosign.artifact.sig.v1+json',
  'application/vnd.dev.cosign.simplesigning.v1+json',
  'application/vnd.cncf.notary.signature',
]);
const ATTESTATIONS: ReadonlySet<string> = new Set([
  'application/vnd.in-toto+json',
  'application/vnd.dsse.envelope.v1+json',
  'application/vnd.dev.cosign.artifact.att.v1+json',
]);
/** Of SPDX, CycloneDX, syft, and cosign's own type of an SBOM. */
const SBOM = /spdx|cyclonedx|syft|\.sbom\./;
/** Sigstore's bundle holds a signature or an attestation, and its annotations say which. */
const BUNDLE = /^application\/vnd\.dev\.sigstore\.bundle/;
const PREDICATE = 'dev.sigstore.bundle.predicateType';
/** cosign signs with an attestation of this kind. */
const COSIGN_SIGNATURE = 'https://sigstore.dev/cosign/sign/v1';

type Kind = keyof ReferrerCounts;

/** @returns undefined for something else, such as a report of a scanner */
export function kindOfReferrer({ artifactType = '', annotations }: Descriptor): Kind | undefined {
  if (SIGNATURES.has(artifactType)) return 'signatures';
  if (BUNDLE.test(artifactType)) {
    const predicate = annotations?.[PREDICATE];
    if (predicate === undefined || predicate === COSIGN_SIGNATURE) return 'signatures';
    return SBOM.test(predicate) ? 'sboms' : 'attestations';
  }
  if (ATTESTATIONS.has(artifactType)) return 'attestations';
  return SBOM.test(artifactType) ? 'sboms' : undefined;
}

export function countReferrers(referrers: readonly Descriptor[]): ReferrerCounts {
  const counts = { signatures: 0, sboms: 0, attestations: 0 };
  for (const referrer of referrers) {
    const kind = kindOfReferrer(referrer);
    if (kind !== undefined) counts[kind] += 1;
  }
  return counts;
}

/** Whether a child of an index is what BuildKit attests about another child, and no platform. */
export function isAttestation({ annotations }: Descriptor): boolean {
  return annotations?.['vnd.docker.reference.type'] === 'attestation-manifest';
}

/** @param platforms the stored ones; undefined for all */
export function countAttestations({ manifests }: Manifest, platforms: Platforms): number {
  return chooseChildren(manifests, platforms).children.filter((child) => isAttestation(child)).length;
}
