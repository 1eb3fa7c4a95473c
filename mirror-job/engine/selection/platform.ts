/**
 * Platforms as people write them, and as indexes name them. Pure. They are spelt and compared as containerd does it, so that
 * a node of a platform picks the manifests that are mirrored for it.
 * https://github.com/containerd/platforms/blob/main/database.go
 */
import { formatPlatform, type Platform } from '../../../core/descriptor.ts';

interface Architecture {
  readonly architecture: string;
  readonly variant?: string;
}

/**
 * Other names of architectures, with the variant that each implies. A map and no object, because an index may name any
 * architecture, and an object has inherited names such as `constructor`.
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

/** Variants that mean the architecture itself. */
const PLAIN: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['amd64', new Set(['v1'])],
  ['arm64', new Set(['v8', 'v8.0'])],
]);

/** Commas are refused, because a record of platforms separates them by commas. */
const PLATFORM =
  /^(?<os>[a-z0-9_-]+)(?:\((?<version>[a-z0-9_.-]+)\))?\/(?<architecture>[a-z0-9_-]+)(?:\/(?<variant>[a-z0-9_.-]+))?$/i;

/** @returns undefined for a text that is not `os/architecture`, `os/architecture/variant` or `os(version)/…` */
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

/** Gives each platform one spelling: `linux/aarch64` and `linux/arm64/v8` are `linux/arm64`, `linux/arm` is `linux/arm/v7`. */
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
 * Whether a manifest for one platform is wanted by another. A wanted platform without a version takes every version, and one
 * with a version takes it and more exact ones: `10.0.20348` takes 10.0.20348.2582.
 * @param platform as an index spells it
 * @param wanted normalized
 */
export function isWanted(platform: Platform, wanted: Platform): boolean {
  const { os, architecture, variant, 'os.version': version = '' } = normalizePlatform(platform);
  const { 'os.version': wantedVersion } = wanted;
  return (
    os === wanted.os &&
    architecture === wanted.architecture &&
    variant === wanted.variant &&
    (wantedVersion === undefined || `${version}.`.startsWith(`${wantedVersion}.`))
  );
}

/** Whether a descriptor's platform says nothing: BuildKit writes unknown/unknown at attestations. */
export function isUnknown({ os, architecture }: Platform): boolean {
  return [os, architecture].every((name) => name === '' || name === 'unknown');
}

export function spellPlatform(platform: Platform): string {
  return formatPlatform(normalizePlatform(platform));
}

/** Platforms that are stored, or wanted, normalized and sorted; undefined for all. */
export type Platforms = readonly string[] | undefined;

/** Whether the stored platforms include all wanted ones. */
export function covers(stored: Platforms, wanted: Platforms): boolean {
  return stored === undefined || (wanted !== undefined && wanted.every((one) => stored.includes(one)));
}

/** The union. */
export function joinPlatforms(one: Platforms, other: Platforms): Platforms {
  if (one === undefined || other === undefined) return undefined;
  return [...new Set([...one, ...other])].toSorted();
}
