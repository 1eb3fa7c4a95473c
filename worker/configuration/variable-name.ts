/** Names of variables. A misspelt name is refused, because the variable's default would silently apply. */
import { countEdits } from '../../core/spelling.ts';
import { ConfigurationError } from './configuration-error.ts';
import type { Variables } from './variable.ts';

/** All variables except those of the second and later stores, which store-configuration.ts checks. */
const KNOWN = [
  'ANALYTICS',
  'AUDIENCE',
  'AUTH_CHALLENGE',
  'BLOBS',
  'BUCKET',
  'CATALOG',
  'DEFAULT_UPSTREAM',
  'HOSTS',
  'MISSES',
  'PAGES',
  'PUBLIC_URL',
  'STORE_FRESH',
  'STREAM_BELOW',
  'S3_ACCESS_KEY_ID',
  'S3_BUCKET',
  'S3_ENDPOINT',
  'S3_PATH_STYLE',
  'S3_PREFIX',
  'S3_REGION',
  'S3_SECRET_ACCESS_KEY',
  'TAGS',
  'TAG_STALE',
  'TAG_TTL',
  'TOKENS',
] as const;

/** Names that resemble one of the edge's, but are set in many environments for another purpose. */
const UNRELATED: ReadonlySet<string> = new Set(['HOST']);

/** store-configuration.ts checks the names that begin with this. */
const STORE_PREFIX = 'S3_';

/**
 * Names that resemble none of the edge's are ignored, because people and platforms set variables of their own.
 * @throws {ConfigurationError} for a text whose name is nearly one of the edge's
 */
export function refuseMisspelt(variables: Variables): void {
  for (const [name, value] of Object.entries(variables)) {
    const isText = ['string', 'number', 'boolean'].includes(typeof value);
    if (!isText || value === '' || KNOWN.some((known) => known === name)) continue;
    const isInCapitals = /^[A-Z0-9_]+$/.test(name);
    if (UNRELATED.has(name) || (isInCapitals && name.startsWith(STORE_PREFIX))) continue;
    const meant = isInCapitals ? nearest(name) : KNOWN.find((known) => known === name.toUpperCase());
    if (meant !== undefined) {
      throw new ConfigurationError(name, `there is no such variable. Is ${meant} meant?`);
    }
  }
}

function nearest(name: string): string | undefined {
  const near = KNOWN.map((known) => ({ known, distance: countEdits(name, known) }))
    // Short words resemble each other by chance: LOGS differs from TAGS by two letters.
    .filter(({ known, distance }) => distance <= (known.length < 7 ? 1 : 2))
    .toSorted((one, other) => one.distance - other.distance);
  return near[0]?.known;
}
