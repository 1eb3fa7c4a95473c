import { expect, test } from 'vitest';
import { parseDigest } from '../../../../core/digest.ts';
import { kindOfReferrer } from '../../../../mirror-job/engine/description/referrer-kinds.ts';

const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

test.for<[kind: string | undefined, artifactType: string | undefined, predicate?: string]>([
  ['signatures', 'application/vnd.dev.cosign.artifact.sig.v1+json'],
  ['signatures', 'application/vnd.cncf.notary.signature'],
  ['signatures', BUNDLE],
  ['signatures', BUNDLE, 'https://sigstore.dev/cosign/sign/v1'],
  ['attestations', BUNDLE, 'https://slsa.dev/provenance/v1'],
  ['sboms', BUNDLE, 'https://spdx.dev/Document'],
  ['sboms', BUNDLE, 'https://cyclonedx.org/bom'],
  ['attestations', 'application/vnd.in-toto+json'],
  ['sboms', 'application/spdx+json'],
  ['sboms', 'application/vnd.cyclonedx+json'],
  ['sboms', 'application/vnd.syft+json'],
  [undefined, 'application/sarif+json'],
  [undefined, undefined],
])('counts as %s: a referrer of the type %s that attests %s', ([kind, artifactType, predicate]) => {
  const descriptor = {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: parseDigest(`sha256:${'a'.repeat(64)}`),
    size: 1,
    ...(artifactType !== undefined && { artifactType }),
    ...(predicate !== undefined && { annotations: { 'dev.sigstore.bundle.predicateType': predicate } }),
  };
  expect(kindOfReferrer(descriptor)).toBe(kind);
});
