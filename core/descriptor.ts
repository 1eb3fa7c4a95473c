/**
 * Descriptors: a digest with its size and type.
 * https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md
 */
import { isDigest, type Digest } from './digest.ts';
import { isObject, isStringMap } from './json.ts';

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly 'os.version'?: string;
}

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: Platform;
  readonly urls?: readonly string[];
  /** The content itself, base64. */
  readonly data?: string;
}

/** A value is not a descriptor. The message says where the value is and what is wrong with it. */
export class DescriptorInvalidError extends Error {
  override readonly name = 'DescriptorInvalidError';

  constructor(where: string, reason: string) {
    super(`${where} is not a descriptor: ${reason}`);
  }
}

/**
 * Reads the fields of a descriptor that Lifeboat uses.
 * @param where the name of the value in the error message, such as `layers[3]`
 * @throws {DescriptorInvalidError}
 */
export function parseDescriptor(value: unknown, where: string): Descriptor {
  if (!isObject(value)) throw new DescriptorInvalidError(where, 'it is not an object.');
  const { mediaType, digest, size, artifactType, annotations, platform, urls, data } = value;
  if (typeof mediaType !== 'string' || mediaType === '') {
    throw new DescriptorInvalidError(where, 'it has no mediaType.');
  }
  if (typeof digest !== 'string' || !isDigest(digest)) {
    throw new DescriptorInvalidError(where, 'its digest is not a sha256 or sha512 digest.');
  }
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw new DescriptorInvalidError(where, 'its size is not a number of bytes.');
  }
  return {
    mediaType,
    digest,
    size,
    ...(typeof artifactType === 'string' && artifactType !== '' && { artifactType }),
    ...(isStringMap(annotations) && { annotations }),
    ...(isPlatform(platform) && { platform }),
    ...(isUrls(urls) && { urls }),
    ...(typeof data === 'string' && { data }),
  };
}

function isPlatform(value: unknown): value is Platform {
  if (!isObject(value)) return false;
  return (
    typeof value['os'] === 'string' &&
    typeof value['architecture'] === 'string' &&
    isOptionalText(value['variant']) &&
    isOptionalText(value['os.version'])
  );
}

function isOptionalText(value: unknown): boolean {
  return value === undefined || typeof value === 'string';
}

function isUrls(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((url) => typeof url === 'string');
}

/** Writes a platform as people do: `linux/arm64`, `linux/arm/v7`, `windows(10.0.20348)/amd64`. */
export function formatPlatform({ os, 'os.version': version, architecture, variant }: Platform): string {
  const system = version === undefined || version === '' ? os : `${os}(${version})`;
  return [system, architecture, variant].filter(Boolean).join('/');
}
