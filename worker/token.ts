/**
 * Access tokens. `TOKENS` has one a line (or between semicolons): a name for the log, the token's SHA-256 in
 * hexadecimal, and the repositories that it may read, as globs: `*` is anything within a path component, `**`
 * anything at all.
 *
 *     ci   9f86d081…0a08  docker.io/library/*,ghcr.io/acme/**
 *     ops  60303ae2…f752  **
 *
 * `head -c 32 /dev/urandom | base64 | tee token | tr -d '\n' | sha256sum` makes one.
 */
import { ConfigurationError } from './configuration-error.ts';

export interface Token {
  readonly name: string;
  /** SHA-256 of the token. */
  readonly hash: Uint8Array<ArrayBuffer>;
  readonly repositories: readonly RegExp[];
}

/** @throws {ConfigurationError} that says which line, and never quotes a hash */
export function parseTokens(variable: string, text: string): readonly Token[] {
  const lines = text
    .split(/[\n;]/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const names = new Set<string>();
  return lines.map((line, index) => {
    const where = `entry ${index + 1}`;
    const [name = '', hash = '', globs = '', ...rest] = line.split(/\s+/);
    if (globs === '' || rest.length > 0) {
      throw new ConfigurationError(variable, `${where} is not "name sha256 glob,glob".`);
    }
    if (!/^[0-9a-f]{64}$/i.test(hash)) {
      throw new ConfigurationError(variable, `the second part of ${where} is not a SHA-256 in hexadecimal.`);
    }
    if (names.has(name))
      throw new ConfigurationError(variable, `${where} has the same name as an earlier entry.`);
    names.add(name);
    return {
      name,
      hash: Uint8Array.from(hash.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16)),
      repositories: globs.split(',').map((glob) => globPattern(variable, where, glob)),
    };
  });
}

function globPattern(variable: string, where: string, glob: string): RegExp {
  if (!/^[a-z0-9._/*-]+$/.test(glob)) {
    throw new ConfigurationError(
      variable,
      `a repository of ${where} is not a glob of lower-case letters, digits, ".", "_", "/", "-" and "*".`,
    );
  }
  const pattern = glob
    .replaceAll('.', String.raw`\.`)
    .replaceAll(/\*+/g, (stars) => (stars.length === 1 ? '[^/]*' : '.*'));
  return new RegExp(`^${pattern}$`);
}

export function mayRead(token: Token, repository: string): boolean {
  return token.repositories.some((pattern) => pattern.test(repository));
}
