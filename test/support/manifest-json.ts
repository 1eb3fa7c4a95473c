/** Reads the references in a manifest, without the code under test. */
import type { Digest } from './content.ts';

export interface Reference {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
  /** The addresses of a layer that the registry may lack. */
  readonly urls: readonly string[];
  /** The platform, such as `linux/arm64/v8`. */
  readonly platform: string | undefined;
}

export interface References {
  /** The media type that the manifest itself names. */
  readonly mediaType: string | undefined;
  readonly artifactType: string | undefined;
  readonly manifests: readonly Reference[];
  readonly config: Reference | undefined;
  readonly layers: readonly Reference[];
  /** The config and the layers. */
  readonly blobs: readonly Reference[];
  readonly subject: Reference | undefined;
}

export type JsonObject = Readonly<Record<string, unknown>>;

/** @throws if the bytes are not a JSON object */
export function readJson(bytes: Uint8Array): JsonObject {
  const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
  if (!isObject(value)) throw new Error('Expected a JSON object.');
  return value;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function referencesOf(manifest: JsonObject): References {
  const config = isObject(manifest['config']) ? readReference(manifest['config']) : undefined;
  const layers = readAll(manifest['layers']);
  return {
    mediaType: textOf(manifest['mediaType']),
    artifactType: textOf(manifest['artifactType']),
    manifests: readAll(manifest['manifests']),
    config,
    layers,
    blobs: config === undefined ? layers : [config, ...layers],
    subject: isObject(manifest['subject']) ? readReference(manifest['subject']) : undefined,
  };
}

function readAll(list: unknown): Reference[] {
  return Array.isArray(list) ? list.filter(isObject).map(readReference) : [];
}

function readReference(value: JsonObject): Reference {
  const { size, urls, platform } = value;
  return {
    mediaType: textOf(value['mediaType']) ?? '',
    digest: textOf(value['digest']) ?? '',
    size: typeof size === 'number' ? size : Number.NaN,
    artifactType: textOf(value['artifactType']),
    annotations: textsOf(value['annotations']),
    urls: Array.isArray(urls) ? urls.filter((url) => typeof url === 'string') : [],
    platform: isObject(platform) ? platformOf(platform) : undefined,
  };
}

function platformOf({ os, architecture, variant }: JsonObject): string {
  return [os, architecture, variant].filter((part) => typeof part === 'string').join('/');
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function textsOf(value: unknown): Record<string, string> {
  if (!isObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, text]) => (typeof text === 'string' ? [[key, text]] : [])),
  );
}
