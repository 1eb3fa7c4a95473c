/** Builds the content that the suites mirror. It has the shapes of real content, and is generated without a network. */
import {
  AMD64,
  ARM64,
  addArtifact,
  addBytes,
  addImage,
  addIndex,
  addJson,
  addLayer,
  addStreamedLayer,
  fallbackTag,
  shareLayer,
  tagAs,
  type Descriptor,
} from './builder.ts';
import { emptyRepository, type Corpus, type Repository } from './content.ts';
import { COSIGN_SIGNATURE, IN_TOTO, SIGSTORE_BUNDLE, SPDX } from './media-types.ts';

export interface CorpusOptions {
  /** Adds `library/large` with a layer of this many bytes, which are hashed once at the start and streamed later. */
  readonly large?: number;
}

export const LARGE = 200_000_000;

/**
 * | repository | tags | what |
 * |---|---|---|
 * | `library/app` | `1.0.0` = `1.0`, `1.1.0` = `latest` | indexes for two platforms, two tags on one digest |
 * | `library/nested` | `latest` | an index in an index, beside an image |
 * | `library/docker` | `image`, `list` | Docker media types |
 * | `library/artifact` | `v1` | an artifact with the empty config |
 * | `library/attested` | `latest` | an index with buildkit's attestations |
 * | `library/signed` | `latest` | an SBOM and a signature of that SBOM as untagged referrers |
 * | `library/fallback` | `latest`, `sha256-…` ×2, `sha256-….sig` | the same under fallback tags, and cosign's old tag |
 * | `library/sha512` | `layer`, `manifest` | a layer, and a manifest, under sha512: docker-registry refuses the latter |
 * | `team/one`, `team/two` | `latest` | two repositories that share a layer |
 * | `library/large` | `latest` | on demand: a layer of `large` bytes |
 */
export async function buildCorpus(options: CorpusOptions = {}): Promise<Corpus> {
  const one = await fillShared('one', undefined);
  const two = await fillShared('two', one);
  const repositories = new Map<string, Repository>([
    ['library/app', await fill(fillApp)],
    ['library/nested', await fill(fillNested)],
    ['library/docker', await fill(fillDocker)],
    ['library/artifact', await fill(fillArtifact)],
    ['library/attested', await fill(fillAttested)],
    ['library/signed', await fill(fillSigned)],
    ['library/fallback', await fill(fillFallback)],
    ['library/sha512', await fill(fillSha512)],
    ['team/one', one],
    ['team/two', two],
  ]);
  const { large } = options;
  if (large !== undefined) {
    repositories.set('library/large', await fill(async (repository) => fillLarge(repository, large)));
  }
  return { repositories };
}

async function fill(add: (repository: Repository) => Promise<void>): Promise<Repository> {
  const repository = emptyRepository();
  await add(repository);
  return repository;
}

/** Adds an index for two platforms that share a base layer. */
export async function addMultiPlatform(repository: Repository, seed: string): Promise<Descriptor> {
  const base = await addLayer(repository, 'base', { size: 20_000 });
  const images: Descriptor[] = [];
  for (const platform of [AMD64, ARM64]) {
    const layer = await addLayer(repository, `${seed}-${platform.architecture}`, { size: 50_000 });
    images.push(addImage(repository, { platform, layers: [base, layer] }));
  }
  return addIndex(repository, images);
}

async function fillApp(repository: Repository): Promise<void> {
  tagAs(repository, await addMultiPlatform(repository, 'app-1.0.0'), '1.0.0', '1.0');
  tagAs(repository, await addMultiPlatform(repository, 'app-1.1.0'), '1.1.0', 'latest');
}

async function fillNested(repository: Repository): Promise<void> {
  const inner = await addMultiPlatform(repository, 'nested');
  const image = addImage(repository, { layers: [await addLayer(repository, 'nested-image')] });
  const middle = addIndex(repository, [inner], { annotations: { level: 'middle' } });
  tagAs(repository, addIndex(repository, [middle, image]), 'latest');
}

async function fillDocker(repository: Repository): Promise<void> {
  const images: Descriptor[] = [];
  for (const platform of [AMD64, ARM64]) {
    const layer = await addLayer(repository, `docker-${platform.architecture}`, { docker: true });
    images.push(addImage(repository, { platform, layers: [layer], docker: true }));
  }
  tagAs(repository, addIndex(repository, images, { docker: true }), 'list');
  const [image] = images;
  if (image !== undefined) tagAs(repository, image, 'image');
}

async function fillArtifact(repository: Repository): Promise<void> {
  const chart = addBytes(repository, 'application/vnd.cncf.helm.chart.content.v1.tar+gzip', Buffer.from('h'));
  const artifact = addArtifact(repository, {
    artifactType: 'application/vnd.example.artifact',
    layers: [chart],
  });
  tagAs(repository, artifact, 'v1');
}

/**
 * Adds attestations as buildkit does.
 * https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md
 */
async function fillAttested(repository: Repository): Promise<void> {
  const children: Descriptor[] = [];
  for (const platform of [AMD64, ARM64]) {
    const layer = await addLayer(repository, `attested-${platform.architecture}`);
    const image = addImage(repository, { platform, layers: [layer] });
    const statement = addJson(repository, IN_TOTO, { _type: 'https://in-toto.io/Statement/v1', image });
    const attestation = addImage(repository, {
      platform: { os: 'unknown', architecture: 'unknown' },
      layers: [{ ...statement, diffId: statement.digest }],
    });
    children.push(image, {
      ...attestation,
      annotations: {
        'vnd.docker.reference.digest': image.digest,
        'vnd.docker.reference.type': 'attestation-manifest',
      },
    });
  }
  tagAs(repository, addIndex(repository, children), 'latest');
}

interface Signed {
  readonly image: Descriptor;
  readonly sbom: Descriptor;
  readonly signature: Descriptor;
}

async function addSigned(repository: Repository, seed: string): Promise<Signed> {
  const image = await addMultiPlatform(repository, seed);
  const sbom = addArtifact(repository, {
    artifactType: SPDX,
    subject: image,
    layers: [addJson(repository, SPDX, { spdxVersion: 'SPDX-2.3', name: seed })],
    annotations: { 'org.opencontainers.image.created': '2020-01-02T00:00:00Z' },
  });
  const signature = addArtifact(repository, {
    artifactType: SIGSTORE_BUNDLE,
    subject: sbom,
    layers: [addJson(repository, SIGSTORE_BUNDLE, { signs: sbom.digest })],
  });
  return { image, sbom, signature };
}

async function fillSigned(repository: Repository): Promise<void> {
  const { image } = await addSigned(repository, 'signed');
  tagAs(repository, image, 'latest');
}

async function fillFallback(repository: Repository): Promise<void> {
  const { image, sbom, signature } = await addSigned(repository, 'fallback');
  tagAs(repository, image, 'latest');
  tagAs(repository, addIndex(repository, [sbom]), fallbackTag(image.digest));
  tagAs(repository, addIndex(repository, [signature]), fallbackTag(sbom.digest));
  const payload = addJson(repository, COSIGN_SIGNATURE, {
    critical: { image: { 'docker-manifest-digest': image.digest } },
  });
  const cosign = addImage(repository, {
    layers: [{ ...payload, diffId: payload.digest }],
  });
  tagAs(repository, cosign, `${fallbackTag(image.digest)}.sig`);
}

async function fillSha512(repository: Repository): Promise<void> {
  const layer = await addLayer(repository, 'sha512', { algorithm: 'sha512' });
  tagAs(repository, addImage(repository, { layers: [layer] }), 'layer');
  tagAs(
    repository,
    addImage(repository, { layers: [layer], algorithm: 'sha512', platform: ARM64 }),
    'manifest',
  );
}

async function fillShared(seed: string, owner: Repository | undefined): Promise<Repository> {
  const repository = emptyRepository();
  const common = await addLayer(repository, 'common', { size: 30_000 });
  if (owner !== undefined) shareLayer(owner, repository, common);
  const own = await addLayer(repository, seed);
  tagAs(repository, addImage(repository, { layers: [common, own] }), 'latest');
  return repository;
}

async function fillLarge(repository: Repository, size: number): Promise<void> {
  const layer = await addStreamedLayer(repository, 'large', size);
  tagAs(repository, addImage(repository, { layers: [layer] }), 'latest');
}
