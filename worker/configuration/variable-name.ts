/** Names of variables. A misspelt one would silently leave its default in force, so it is refused. */
import { countEdits } from '../../core/spelling.ts';
import { ConfigurationError } from './configuration-error.ts';
import type { Variables } from './variable.ts';

/** All but those of stores after the first, whose names are checked one by one in store-configuration.ts. */
const KNOWN = [
  'ANALYTICS',
  'AUDIENCE',
  'AUTH_CHALLENGE',
  'BLOBS',
  'BUCKET',
  'CATALOG',
  'DEFAULT_UPSTREAM',
  'HOSTS',
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

/** Near one of the edge's, and set in many environments for another purpose. */
const OTHERS: ReadonlySet<string> = new Set(['HOST']);

/** Names that begin so are store-configuration.ts's to judge. */
const OF_A_STORE = 'S3_';

/**
 * Names that resemble none are let be: people bind what is theirs, and platforms add to it.
 * @throws {ConfigurationError} for a text, in capitals, whose name is nearly one of the edge's
 */
export function refuseMisspelt(variables: Variables): void {
  for (const [name, value] of Object.entries(variables)) {
    const isText = ['string', 'number', 'boolean'].includes(typeof value);
    if (!isText || value === '' || KNOWN.some((known) => known === name)) continue;
    const isInCapitals = /^[A-Z0-9_]+$/.test(name);
    if (OTHERS.has(name) || (isInCapitals && name.startsWith(OF_A_STORE))) continue;
    const meant = isInCapitals ? nearest(name) : KNOWN.find((known) => known === name.toUpperCase());
    if (meant !== undefined) {
      throw new ConfigurationError(name, `there is no such variable. Is ${meant} meant?`);
    }
  }
}

function nearest(name: string): string | undefined {
  const near = KNOWN.map((known) => ({ known, distance: countEdits(name, known) }))
    // Short words are near each other by chance: LOGS is two letters from TAGS.
    .filter(({ known, distance }) => distance <= (known.length < 7 ? 1 : 2))
    .toSorted((one, other) => one.distance - other.distance);
  return near[0]?.known;
}
