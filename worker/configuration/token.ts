/**
 * Access tokens. `TOKENS` has one per line (or between semicolons): a name for the log, the token's SHA-256 in
 * hexadecimal, and the repositories that it may read, as globs. `*` matches anything within a path component, and `**`
 * anything at all.
 *
 *     ci   9f86d081…0a08  docker.io/library/*,ghcr.io/acme/**
 *     ops  60303ae2…f752  **
 *
 * `head -c 32 /dev/urandom | base64 | tee token | tr -d '\n' | sha256sum` makes a token and prints its SHA-256.
 */
import { DOCKER_HUB, NameInvalidError, parseRepository, upstreamOf } from '../../core/reference.ts';
import { ConfigurationError } from './configuration-error.ts';

export interface Token {
  readonly name: string;
  /** SHA-256 of the token. */
  readonly hash: Uint8Array<ArrayBuffer>;
  readonly repositories: readonly RegExp[];
}

/** @throws {ConfigurationError} that says which entry is wrong, and never quotes a hash */
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
      repositories: globs.split(',').map((glob, position) => {
        const pattern = globPattern(variable, where, glob);
        const reason = whyUnmatched(glob, pattern);
        if (reason === undefined) return pattern;
        const which = `glob ${position + 1} of ${where}`;
        throw new ConfigurationError(variable, `${which} matches no repository: ${reason}`);
      }),
    };
  });
}

function globPattern(variable: string, where: string, glob: string): RegExp {
  // A port's colon passes here, because a later message says what to write instead.
  if (!/^[a-z0-9._:*-]*(?:\/[a-z0-9._*-]*)*$/.test(glob)) {
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

/**
 * A glob that can match nothing locks its holder out, and nobody would know why. So each glob is tried on a name that it
 * would match if it could match any.
 * @returns undefined if the glob can match; otherwise a sentence, which does not quote the glob, because someone may have
 *   written a token in its place
 */
function whyUnmatched(glob: string, pattern: RegExp): string | undefined {
  const [first = ''] = glob.split('/', 1);
  const noRegistry = 'it has to begin with a registry, as in docker.io/library/*.';
  if (first === glob && !first.includes('**')) return noRegistry;
  if (first.includes('*')) return whyNoRegistry(glob, first, pattern);
  try {
    const name = parseRepository(glob.replaceAll(/\*+/g, (stars) => (stars.length === 1 ? 'a' : 'a/a')));
    if (pattern.test(name)) return undefined;
    const upstream = upstreamOf(name);
    if (upstream === first) {
      return 'names of Docker Hub have two parts after docker.io, as in docker.io/library/nginx.';
    }
    const isRepeated = name.startsWith(`${DOCKER_HUB}/${first}/`);
    return isRepeated ? noRegistry : `its registry is written ${upstream} here.`;
  } catch (error) {
    if (!(error instanceof NameInvalidError)) throw error;
    return first === '' ? noRegistry : 'nothing can have such a name.';
  }
}

/** The texts that are tried for a star in a registry's name: a part of a host name, a part of a port, or nothing. */
const IN_REGISTRY = ['a.a', 'a', '.a', 'a.', ''];
const IN_PORT = ['5', ''];

/** The same as `whyUnmatched` for a glob whose registry has a star in it. */
function whyNoRegistry(glob: string, first: string, pattern: RegExp): string | undefined {
  if (first.includes(':')) return 'the port of a registry is written with "_", as in *_5000/**.';
  // The registry can end within the first two stars, because a path may have every character of a registry's name.
  const narrowed = glob.replace(/^([^/]*?)\*\*+/, '$1*/a');
  const [, hosts = '', ports = '', path = ''] = /^([^/_]*)([^/]*)(.*)$/.exec(narrowed) ?? [];
  const end = path.replaceAll(/\*+/g, (stars) => (stars.length === 1 ? 'a' : 'a/a'));
  for (const host of IN_REGISTRY) {
    for (const port of IN_PORT) {
      const registry = hosts.replaceAll('*', host) + ports.replace('*', port).replaceAll('*', '');
      if (isRepository(`${registry}${end}`, pattern)) return undefined;
    }
  }
  return 'nothing can have such a name.';
}

function isRepository(name: string, pattern: RegExp): boolean {
  try {
    return parseRepository(name) === name && pattern.test(name);
  } catch (error) {
    if (error instanceof NameInvalidError) return false;
    throw error;
  }
}

/** Whether one of the token's globs is `**`. */
export function mayReadAll(token: Token): boolean {
  return token.repositories.some(({ source }) => source === '^.*$');
}

export function mayRead(token: Token, repository: string): boolean {
  return token.repositories.some((pattern) => pattern.test(repository));
}
