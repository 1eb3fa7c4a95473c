/** Reads the Worker's variables one by one. An empty text counts as an unset variable, as in `[vars] X = ""`. */
import { DurationInvalidError, parseDuration } from '../../core/duration.ts';
import { ConfigurationError } from './configuration-error.ts';

export type Variables = Readonly<Record<string, unknown>>;

/**
 * Trims the text, because `echo … | wrangler secret put` adds a line end.
 * @throws {ConfigurationError} when the variable is not a text
 */
export function readText(variables: Variables, name: string): string | undefined {
  const value = variables[name];
  if (value === undefined || value === null) return undefined;
  // wrangler.toml lets people write 60 and true without quotes.
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'string') throw new ConfigurationError(name, 'it is not a text.');
  const text = value.trim();
  return text === '' ? undefined : text;
}

/** @throws {ConfigurationError} when it is not set */
export function readRequired(variables: Variables, name: string): string {
  const text = readText(variables, name);
  if (text === undefined) throw new ConfigurationError(name, 'it is not set.');
  return text;
}

/** @throws {ConfigurationError} for anything but the choices */
export function readChoice<Choice extends string>(
  variables: Variables,
  name: string,
  choices: readonly Choice[],
  fallback: Choice,
): Choice {
  const text = readText(variables, name);
  if (text === undefined) return fallback;
  const choice = choices.find((one) => one === text);
  if (choice === undefined) throw new ConfigurationError(name, `it must be one of ${choices.join(', ')}.`);
  return choice;
}

/** @returns bytes @throws {ConfigurationError} when it is not a whole number */
export function readBytes(variables: Variables, name: string, fallback: number): number {
  const text = readText(variables, name);
  if (text === undefined) return fallback;
  const bytes = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(bytes)) {
    throw new ConfigurationError(name, 'it is not a number of bytes, such as 65536.');
  }
  return bytes;
}

/** Reads `60s`, `5m`, `24h` or `7d`. @returns milliseconds @throws {ConfigurationError} */
export function readDuration(variables: Variables, name: string, fallback: string): number {
  try {
    return parseDuration(readText(variables, name) ?? fallback);
  } catch (error) {
    if (!(error instanceof DurationInvalidError)) throw error;
    const before = error.isUnitless ? ' Earlier versions took a number without a unit for seconds.' : '';
    throw new ConfigurationError(name, `it ${error.message}${before}`);
  }
}

/** A URL that paths are added to: it has no slash at its end. @throws {ConfigurationError} */
export function readBaseUrl(variables: Variables, name: string): string | undefined {
  const text = readText(variables, name);
  if (text === undefined) return undefined;
  if (!URL.canParse(text)) throw new ConfigurationError(name, 'it is not a URL.');
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new ConfigurationError(name, 'it is neither an https:// nor an http:// URL.');
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new ConfigurationError(name, 'it has a user, a password, a query or a fragment.');
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}
