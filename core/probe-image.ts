/**
 * The image by which a node finds out whether its runtime asks the edge. The edge makes it from its name and no registry has it,
 * so a pull that succeeds came through the edge. docs/decisions/0141-an-image-that-proves-the-way.md
 */
import { digestOf, type Digest } from './digest.ts';
import { OCI_MANIFEST } from './media-type.ts';
import { pathOf, type Repository } from './reference.ts';

export interface ProbeImage {
  readonly digest: Digest;
  readonly mediaType: string;
  /** The manifest. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The config and the layer. */
  readonly blobs: ReadonlyMap<Digest, Uint8Array<ArrayBuffer>>;
}

const NAME = /^lifeboat-probe\/([a-z0-9]{16})$/;

/** An empty tar, compressed: the layer by which Docker has always stood for "nothing". */
const LAYER = Uint8Array.from([
  31, 139, 8, 0, 0, 9, 110, 136, 0, 255, 98, 24, 5, 163, 96, 20, 140, 88, 0, 8, 0, 0, 255, 255, 46, 175, 181,
  239, 0, 4, 0, 0,
]);
/** The digest of the empty tar itself. */
const DIFF_ID = 'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef';

/** @param nonce 16 lower-case letters and digits, new for each pull, because runtimes do not pull what they have */
export function probePath(nonce: string): string {
  return `lifeboat-probe/${nonce}`;
}

/** @returns undefined for a repository that is not that of a probe */
export function probeNonce(repository: Repository): string | undefined {
  return NAME.exec(pathOf(repository))?.[1];
}

/**
 * Makes the same bytes wherever it is called, so that a node knows the digest before it pulls.
 * https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md
 */
export async function makeProbeImage(nonce: string): Promise<ProbeImage> {
  const config = encode({
    architecture: 'amd64',
    os: 'linux',
    config: { Labels: { 'lifeboat.probe': nonce } },
    rootfs: { type: 'layers', diff_ids: [DIFF_ID] },
  });
  const [configDigest, layerDigest] = await Promise.all([digestOf(config), digestOf(LAYER)]);
  const bytes = encode({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: configDigest,
      size: config.length,
    },
    layers: [
      {
        mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
        digest: layerDigest,
        size: LAYER.length,
      },
    ],
  });
  return {
    digest: await digestOf(bytes),
    mediaType: OCI_MANIFEST,
    bytes,
    blobs: new Map([
      [configDigest, config],
      [layerDigest, LAYER],
    ]),
  };
}

function encode(value: unknown): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new TextEncoder().encode(JSON.stringify(value)));
}
