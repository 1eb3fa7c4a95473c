/** An image that is made up: an index of four platforms, with a config, attestations, a signature and an SBOM. */
import type { Platform } from '../../core/descriptor.ts';
import { OCI, sha256, type BucketObjects, type Descriptor } from '../support/pages/bucket-objects.ts';

const PLATFORMS: readonly Platform[] = [
  { os: 'linux', architecture: 'amd64' },
  { os: 'linux', architecture: 'arm64', variant: 'v8' },
  { os: 'linux', architecture: 'arm', variant: 'v7' },
  { os: 'linux', architecture: 's390x' },
];

interface ImageDescriptor extends Descriptor {
  readonly platform: Platform;
}

export interface DemoImage {
  readonly index: Descriptor;
  /** One for each platform. */
  readonly images: readonly ImageDescriptor[];
  readonly referrers: readonly Descriptor[];
}

export async function putDemoImage(bucket: BucketObjects, repository: string): Promise<DemoImage> {
  const config = await bucket.putBlob(
    repository,
    OCI.config,
    JSON.stringify({
      created: '2026-11-18T01:12:44.812345678Z',
      os: 'linux',
      architecture: 'amd64',
      config: {
        Env: [
          'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
          'NGINX_VERSION=1.29.2',
          'PKG_RELEASE=1~trixie',
          'DYNPKG_RELEASE=1~trixie',
        ],
        Entrypoint: ['/docker-entrypoint.sh'],
        Cmd: ['nginx', '-g', 'daemon off;'],
        ExposedPorts: { '80/tcp': {} },
        StopSignal: 'SIGQUIT',
        Labels: {
          maintainer: 'NGINX Docker Maintainers <docker-maint@nginx.example>',
          'org.opencontainers.image.version': '1.29.2',
        },
      },
      history: [
        { created_by: "# debian.sh --arch 'amd64' out/ 'trixie' '@1763337600'" },
        { created_by: 'LABEL maintainer=NGINX Docker Maintainers', empty_layer: true },
        {
          created_by:
            'RUN /bin/sh -c set -x && groupadd --system --gid 101 nginx && apt-get update && apt-get install --no-install-recommends -y nginx # buildkit',
        },
        { created_by: 'COPY docker-entrypoint.sh / # buildkit' },
        { created_by: 'EXPOSE map[80/tcp:{}]', empty_layer: true },
        { created_by: 'CMD ["nginx" "-g" "daemon off;"]', empty_layer: true },
      ],
    }),
  );
  const layers = [29_776_000, 33_650_000, 629, 956, 403, 1_210, 1_399].map((size, position) => ({
    mediaType: OCI.layer,
    digest: sha256(`layer ${position}`),
    size,
  }));
  const images: ImageDescriptor[] = [];
  for (const platform of PLATFORMS) {
    const manifest = await bucket.putManifest(repository, {
      schemaVersion: 2,
      mediaType: OCI.manifest,
      config,
      layers,
      annotations: {
        'org.opencontainers.image.version': '1.29.2',
        'com.docker.official-images.bashbrew.arch': platform.architecture,
      },
    });
    images.push({ ...manifest, platform });
  }
  const attestations = images.map(({ digest }) => ({
    mediaType: OCI.manifest,
    digest: sha256(`attestation of ${digest}`),
    size: 841,
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: {
      'vnd.docker.reference.type': 'attestation-manifest',
      'vnd.docker.reference.digest': digest,
    },
  }));
  const index = await bucket.putManifest(repository, {
    schemaVersion: 2,
    mediaType: OCI.index,
    manifests: [...images, ...attestations],
  });
  const referrers: Descriptor[] = [
    {
      mediaType: OCI.manifest,
      digest: sha256('signature'),
      size: 1_204,
      artifactType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      annotations: { 'dev.sigstore.bundle.predicateType': 'https://sigstore.dev/cosign/sign/v1' },
    },
    { mediaType: OCI.manifest, digest: sha256('sbom'), size: 788, artifactType: 'application/spdx+json' },
  ];
  await bucket.putReferrers(repository, index.digest, referrers);
  return { index, images, referrers };
}
