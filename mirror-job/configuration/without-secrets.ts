/** Parses a configuration for a command that needs no store and no login, so that it works where their secrets are not set. */
import type { Configuration } from './configuration.ts';
import { findVariables, withPlaceholders } from './named-variables.ts';
import { parseConfiguration, type Reading } from './parse.ts';
import type { Environment } from './variable.ts';

/** Their values are not needed for the files of clients, and are secrets that only the team itself has. */
const SECRET_KEY = /^(?:stores?|stateKey|notify)\b|^upstreams\b.*\bcredentials\b/;

/**
 * A variable that also stands below another key has to be set, because its made-up value would get into what is made.
 * @throws {ConfigurationError} for every other problem, and for every other variable that is not set
 */
export function parseWithoutSecrets(
  file: string,
  text: string,
  environment: Environment,
  reading: Reading,
): Configuration {
  const secrets = findVariables(text).filter(({ keys }) => keys.every((key) => SECRET_KEY.test(key)));
  return parseConfiguration(file, text, withPlaceholders(secrets, environment), reading);
}
