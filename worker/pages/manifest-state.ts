/** The state of one manifest, as its page shows it: the manifest, its config, and what refers to it. */
import type { Descriptor } from '../../core/descriptor.ts';
import { RegistryError } from '../../core/error.ts';
import type { JsonObject } from '../../core/json.ts';
import { blobKey, blobLinkKey, manifestKey, referrersKey } from '../../core/layout.ts';
import { parseManifest, type Manifest } from '../../core/manifest.ts';
import type { Repository } from '../../core/reference.ts';
import type { EdgeObjects } from '../cache/edge-objects.ts';
import type { RequestContext } from '../isolate/request-context.ts';
import type { ManifestRequest } from '../request/page-request.ts';
import { findOptional } from './readable-mirror.ts';

/** A config of this size is read and shown. Larger ones are no image's. */
const MAX_CONFIG_BYTES = 1024 * 1024;

export interface ManifestState {
  readonly manifest: Manifest;
  /** Bytes of the manifest itself. */
  readonly size: number;
  /** Undefined if there is none, if it is too large, or if it cannot be read. */
  readonly config: JsonObject | undefined;
  readonly referrers: readonly Descriptor[];
  /** When it was mirrored. ISO 8601, UTC. */
  readonly mirrored: string | undefined;
}

/** @throws {RegistryError} MANIFEST_UNKNOWN */
export async function readManifest(
  context: RequestContext,
  objects: EdgeObjects,
  { name: { repository }, digest }: ManifestRequest,
): Promise<ManifestState> {
  const [found, referrers] = await Promise.all([
    objects.manifests.find(context, manifestKey(repository, digest)),
    findOptional(context, objects.referrers, referrersKey(repository, digest)),
  ]);
  if (found === undefined) {
    throw new RegistryError('MANIFEST_UNKNOWN', `There is no manifest ${digest} in ${repository} here.`);
  }
  const { bytes, mediaType } = found.value;
  const manifest = parseManifest(bytes, mediaType);
  const config = manifest.kind === 'image' ? manifest.blobs[0] : undefined;
  return {
    manifest,
    size: bytes.length,
    config: config === undefined ? undefined : await readConfig(context, objects, repository, config),
    referrers: referrers?.value.referrers ?? [],
    mirrored: found.modified === undefined ? undefined : isoTime(found.modified),
  };
}

/** Only through the repository's link, as blobs are served: a manifest can name the blob of another repository. */
async function readConfig(
  context: RequestContext,
  { links, configs }: EdgeObjects,
  repository: Repository,
  { digest, size, mediaType }: Descriptor,
): Promise<JsonObject | undefined> {
  if (size > MAX_CONFIG_BYTES || !mediaType.endsWith('json')) return undefined;
  const link = await findOptional(context, links, blobLinkKey(repository, digest));
  if (link === undefined || link.value.size > MAX_CONFIG_BYTES) return undefined;
  return (await findOptional(context, configs, blobKey(digest)))?.value.content;
}

function isoTime(text: string): string | undefined {
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}
