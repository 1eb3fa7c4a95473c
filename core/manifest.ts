/**
 * Reads manifests: which objects they need, and which one they refer to. Their bytes are never rewritten.
 * https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md
 * https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md
 */
import { DescriptorInvalidError, parseDescriptor, type Descriptor } from './descriptor.ts';
import { TooManyValuesError, isObject, isStringMap, parseJson, type JsonObject } from './json.ts';
import {
  MANIFEST_KINDS,
  OCI_INDEX,
  OCI_MANIFEST,
  SCHEMA_1,
  bareMediaType,
  isManifestMediaType,
  type ManifestMediaType,
} from './media-type.ts';

/** Bytes. containerd refuses more than 4 MiB, and the specification requires registries to accept at least that. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

/** An index of 4 MiB with nothing but descriptors has 120,000 values (docs/decisions/0109-bounded-values.md). */
export const MAX_MANIFEST_VALUES = 250_000;

export interface Manifest {
  readonly kind: 'image' | 'index' | 'artifact';
  readonly mediaType: ManifestMediaType;
  /** The descriptors of its blobs: the config and the layers. Empty for an index. */
  readonly blobs: readonly Descriptor[];
  /** The descriptors of an index's children. Empty for all others. */
  readonly manifests: readonly Descriptor[];
  readonly subject: Descriptor | undefined;
  /** The artifact type in a list of referrers: its artifactType, else an image's config media type, else undefined. */
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;
}

/** Bytes are not a manifest that can be mirrored. The message says why, and does not quote them. */
export class ManifestInvalidError extends Error {
  override readonly name = 'ManifestInvalidError';
}

/** Content-Types that do not tell the kind, because they mean any JSON, a storage's default, or an unknown type. */
const VAGUE: ReadonlySet<string> = new Set([
  '',
  'application/json',
  'application/octet-stream',
  'binary/octet-stream',
  'text/plain',
]);

/**
 * @param contentType the type that the source states. If it is missing, or not a manifest's type, the type is read from
 *   the bytes
 * @param listedAs the media type that an index states for the bytes, by which clients read them. It counts if neither the
 *   source nor the bytes state a type
 * @throws {ManifestInvalidError} for Docker schema 1, an unknown media type, two types that disagree, more than 4 MiB, and
 *   fields that do not have the form of the type
 */
export function parseManifest(bytes: Uint8Array, contentType?: string, listedAs?: string): Manifest {
  if (bytes.length > MAX_MANIFEST_BYTES) {
    throw new ManifestInvalidError(
      `The manifest has ${bytes.length} bytes; clients refuse more than 4 MiB (${MAX_MANIFEST_BYTES}).`,
    );
  }
  const json = parseObject(bytes, contentType);
  const mediaType = mediaTypeOf(json, contentType, listedAs);
  const kind = MANIFEST_KINDS[mediaType];
  // Clients can read a document that is both as either, so a signature could be for one image, and a pull run another.
  // https://github.com/opencontainers/image-spec/security/advisories/GHSA-77vh-xpmg-72qh
  if (json['manifests'] !== undefined && (json['layers'] !== undefined || json['config'] !== undefined)) {
    throw new ManifestInvalidError('It claims to be an index and an image at once, which is ambiguous.');
  }
  // An index may omit its list. So an image that is sent as an index would count as an empty index, without its layers.
  if (kind === 'index' && (json['layers'] !== undefined || json['config'] !== undefined)) {
    throw new ManifestInvalidError('It was sent as an index, but has the config or the layers of an image.');
  }
  try {
    return {
      kind,
      mediaType,
      blobs: blobsOf(json, kind),
      manifests: kind === 'index' ? parseList(json, 'manifests') : [],
      subject: subjectOf(json),
      artifactType: artifactTypeOf(json, kind),
      annotations: isStringMap(json['annotations']) ? json['annotations'] : undefined,
    };
  } catch (error) {
    if (error instanceof DescriptorInvalidError) {
      throw new ManifestInvalidError(`The manifest's ${error.message}`, { cause: error });
    }
    throw error;
  }
}

function parseObject(bytes: Uint8Array, contentType: string | undefined): JsonObject {
  let json: unknown;
  try {
    json = parseJson(bytes, MAX_MANIFEST_VALUES);
  } catch (error) {
    if (error instanceof TooManyValuesError) {
      throw new ManifestInvalidError(
        `The manifest has more than ${MAX_MANIFEST_VALUES} values, which is the most that Lifeboat reads.`,
      );
    }
    // Such as a login page that is sent with status 200.
    const sentType = bareMediaType(contentType ?? '');
    const note =
      sentType === '' || isManifestMediaType(sentType) ? '' : ` It was sent as "${sentType.slice(0, 200)}".`;
    throw new ManifestInvalidError(`The manifest is not JSON.${note}`, { cause: error });
  }
  if (!isObject(json)) throw new ManifestInvalidError('The manifest is not a JSON object.');
  return json;
}

function mediaTypeOf(
  json: JsonObject,
  contentType: string | undefined,
  listedAs: string | undefined,
): ManifestMediaType {
  const sentType = contentType === undefined ? '' : bareMediaType(contentType);
  const own = typeof json['mediaType'] === 'string' ? json['mediaType'] : '';
  if (SCHEMA_1.has(sentType) || SCHEMA_1.has(own) || json['schemaVersion'] === 1) {
    throw new ManifestInvalidError(
      'It is a Docker image manifest, schema version 1, which current clients no longer pull. Rebuild or re-push the image with a current tool.',
    );
  }
  if (isManifestMediaType(sentType)) {
    if (own !== '' && own !== sentType) {
      throw new ManifestInvalidError(`It was sent as ${sentType} but calls itself "${own.slice(0, 200)}".`);
    }
    return sentType;
  }
  if (isManifestMediaType(own)) return own;
  if (own !== '')
    throw new ManifestInvalidError(`Its media type "${own.slice(0, 200)}" is not a known manifest.`);
  if (listedAs !== undefined && isManifestMediaType(listedAs)) return listedAs;
  if (!VAGUE.has(sentType)) {
    throw new ManifestInvalidError(
      `It was sent as "${sentType.slice(0, 200)}", which is not a known manifest.`,
    );
  }
  if (json['schemaVersion'] === 2 && Array.isArray(json['manifests'])) return OCI_INDEX;
  if (json['schemaVersion'] === 2 && isObject(json['config'])) return OCI_MANIFEST;
  throw new ManifestInvalidError('It is neither an image manifest nor an index.');
}

function blobsOf(json: JsonObject, kind: Manifest['kind']): Descriptor[] {
  switch (kind) {
    case 'index':
      return [];
    case 'artifact':
      return json['blobs'] === undefined ? [] : parseList(json, 'blobs');
    case 'image':
      return [parseDescriptor(json['config'], 'config'), ...parseList(json, 'layers')];
  }
}

function parseList(json: JsonObject, field: string): Descriptor[] {
  const list = json[field];
  // Go programs write null for an empty list, or leave the list out, and read both as an empty list. A document that is
  // no manifest, such as an error, has no list either, so the schema version is checked.
  if (list === null || (list === undefined && json['schemaVersion'] === 2)) return [];
  if (!Array.isArray(list)) {
    throw new ManifestInvalidError(`The manifest's ${field} are not a list of descriptors.`);
  }
  return list.map((entry, index) => parseDescriptor(entry, `${field}[${index}]`));
}

function subjectOf(json: JsonObject): Descriptor | undefined {
  const { subject } = json;
  return subject === undefined || subject === null ? undefined : parseDescriptor(subject, 'subject');
}

function artifactTypeOf(json: JsonObject, kind: Manifest['kind']): string | undefined {
  const own = json['artifactType'];
  if (typeof own === 'string' && own !== '') return own;
  const config = json['config'];
  const configType = isObject(config) ? config['mediaType'] : undefined;
  return kind === 'image' && typeof configType === 'string' ? configType : undefined;
}

/** Whether a descriptor in an index names a manifest. The specification allows any blob there. */
export function namesManifest(descriptor: Descriptor): boolean {
  return isManifestMediaType(descriptor.mediaType) || SCHEMA_1.has(descriptor.mediaType);
}
