/**
 * Platforms as people write them, and as indexes name them. Pure. Spelt and compared as containerd does it, so that
 * what is mirrored for a platform is what a node of that platform picks.
 * https://github.com/containerd/platforms/blob/main/database.go
 */
import { formatPlatform, type Platform } from '../../../core/descriptor.ts';

interface Architecture {
  readonly architecture: string;
  readonly variant?: string;
}

/**
 * Each alike name of an architecture, with the variant that it stands for where none is said. A map, because indexes
 * name architectures, and an object has more names than its own: `constructor`.
 */
const ARCHITECTURES: ReadonlyMap<string, Architecture> = new Map<string, Architecture>([
  ['i386', { architecture: '386' }],
  ['x86_64', { architecture: 'amd64' }],
  ['x86-64', { architecture: 'amd64' }],
  ['aarch64', { architecture: 'arm64' }],
  ['armhf', { architecture: 'arm', variant: 'v7' }],
  ['armel', { architecture: 'arm', variant: 'v6' }],
  ['arm', { architecture: 'arm', variant: 'v7' }],
]);

/** Variants that are the architecture itself. */
const PLAIN: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['amd64', new Set(['v1'])],
  ['arm64', new Set(['v8', 'v8.0'])],
]);

/** A text that cannot stand in a list of platforms, which commas part, is none. */
const PLATFORM =
  /^(?<os>[a-z0-9_-]+)(?:\((?<version>[a-z0-9_.-]+)\))?\/(?<architecture>[a-z0-9_-]+)(?:\/(?<variant>[a-z0-9_.-]+))?$/i;

/** @returns undefined for what is not `os/architecture`, `os/architecture/variant` or `os(version)/…` */
export function parsePlatform(text: string): Platform | undefined {
  const { os, version, architecture, variant } = PLATFORM.exec(text)?.groups ?? {};
  if (os === undefined || architecture === undefined) return undefined;
  return normalizePlatform({
    os,
    architecture,
    ...(variant !== undefined && { variant }),
    ...(version !== undefined && { 'os.version': version }),
  });
}

/** One spelling of each platform: `linux/aarch64` and `linux/arm64/v8` are `linux/arm64`, `linux/arm` is `linux/arm/v7`. */
export function normalizePlatform(platform: Platform): Platform {
  const os = platform.os.toLowerCase();
  const named = platform.architecture.toLowerCase();
  const { architecture, variant: implied } = ARCHITECTURES.get(named) ?? { architecture: named };
  const variant = normalizeVariant(architecture, platform.variant ?? '') || implied;
  const version = platform['os.version'];
  return {
    os: os === 'macos' ? 'darwin' : os,
    architecture,
    ...(variant !== undefined && variant !== '' && { variant }),
    ...(version !== undefined && version !== '' && { 'os.version': version }),
  };
}

function normalizeVariant(architecture: string, variant: string): string {
  const lower = variant.toLowerCase();
  const named = /^\d/.test(lower) ? `v${lower}` : lower;
  return PLAIN.get(architecture)?.has(named) === true ? '' : named;
}

/**
 * Whether a manifest for one platform is wanted by another. Without a version every version is; with one, it and
 * what is more exact: `10.0.20348` takes 10.0.20348.2582.
 * @param platform as an index spells it
 * @param wanted normalized
 */
export function isWanted(platform: Platform, wanted: Platform): boolean {
  const { os, architecture, variant, 'os.version': version = '' } = normalizePlatform(platform);
  const { 'os.version': asked } = wanted;
  return (
    os === wanted.os &&
    architecture === wanted.architecture &&
    variant === wanted.variant &&
    (asked === undefined || `${version}.`.startsWith(`${asked}.`))
  );
}

/** Whether a descriptor's platform says nothing: buildkit writes unknown/unknown at what is no image. */
export function isUnknown({ os, architecture }: Platform): boolean {
  return [os, architecture].every((name) => name === '' || name === 'unknown');
}

export function spellPlatform(platform: Platform): string {
  return formatPlatform(normalizePlatform(platform));
}

/**
 * Platforms that are stored, or wanted, in normalized spelling and sorted; undefined for all.
 */
export type Platforms = readonly string[] | undefined;

/** Whether what is stored has all that is wanted. */
export function covers(stored: Platforms, wanted: Platforms): boolean {
  return stored === undefined || (wanted !== undefined && wanted.every((one) => stored.includes(one)));
}

/** What is stored once one was added to the other. */
export function joinPlatforms(one: Platforms, other: Platforms): Platforms {
  if (one === undefined || other === undefined) return undefined;
  return [...new Set([...one, ...other])].toSorted();
}
