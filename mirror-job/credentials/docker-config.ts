/**
 * Reads docker's config.json, and podman's auth.json, which has the same format.
 * https://github.com/docker/cli/blob/master/cli/config/configfile/file.go
 */
import * as z from 'zod/mini';
import { formatUpstream, hostOf, type Upstream } from '../../core/reference.ts';
import { ConfigurationError } from '../configuration/configuration-error.ts';
import { formatPath } from '../configuration/path.ts';
import type { Credential, IdentityToken, Password } from '../sources/registry/registry-options.ts';

/** Every name under which tools have stored credentials of Docker Hub; the first one is docker's own. */
const DOCKER_HUB = ['https://index.docker.io/v1/', 'docker.io', 'index.docker.io', 'registry-1.docker.io'];
/** Helpers, and `docker login` itself, store an identity token under this user name. */
const TOKEN_USER = '<token>';

const text = z.nullish(z.string());
const entryShape = z.looseObject({ auth: text, username: text, password: text, identitytoken: text });
const shape = z.looseObject({
  auths: z.nullish(z.record(z.string(), z.nullish(entryShape))),
  credHelpers: z.nullish(z.record(z.string(), z.string())),
  credsStore: text,
});

type Entry = z.infer<typeof entryShape>;

export class DockerConfig {
  readonly file: string;
  readonly #json: z.infer<typeof shape>;

  /** @throws {ConfigurationError} which never quotes the file's text */
  constructor(file: string, source: string) {
    this.file = file;
    let json: unknown;
    try {
      json = JSON.parse(source);
    } catch {
      throw refusal(file, '', 'it is not JSON. Write it anew with "docker login".');
    }
    const parsed = shape.safeParse(json);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const key = formatPath(issue?.path ?? []);
      throw refusal(
        file,
        key,
        'this is not what "docker login" writes here. Write it anew with "docker login".',
      );
    }
    this.#json = parsed.data;
  }

  /** Returns the command that removes a login from the file. */
  logoutFor(upstream: Upstream): string {
    const program = this.file.endsWith('auth.json') ? 'podman' : 'docker';
    // Without a name, docker means the Hub and uses the name under which it stored that login.
    return upstream === 'docker.io' && program === 'docker'
      ? 'docker logout'
      : `${program} logout ${formatUpstream(upstream)}`;
  }

  /**
   * Returns the name of the `docker-credential-…` program for an upstream, without that prefix; undefined if there is
   * none.
   */
  helperFor(upstream: Upstream): string | undefined {
    const { credHelpers, credsStore } = this.#json;
    const helper = entryOf(credHelpers ?? {}, upstream)?.value ?? credsStore ?? '';
    return helper === '' ? undefined : helper;
  }

  /**
   * Returns the credential that the file itself has for an upstream. @throws {ConfigurationError} for an `auth` that
   * cannot be read
   */
  credentialFor(upstream: Upstream): Credential | undefined {
    const found = entryOf(this.#json.auths ?? {}, upstream);
    // "docker login" leaves an empty entry behind if a helper has the login.
    if (found === undefined || found.value === null || found.value === undefined) return undefined;
    const secret = secretOf(found.value);
    if (secret === 'unreadable') {
      const key = formatPath(['auths', found.key, 'auth']);
      throw refusal(this.file, key, 'it is not the base64 of "user:password". Write it with "docker login".');
    }
    return secret === undefined ? undefined : { ...secret, from: `of ${this.file}` };
  }
}

/** Returns the name of an upstream in a request to a helper. */
export function serverOf(upstream: Upstream): string {
  return upstream === 'docker.io' ? (DOCKER_HUB[0] ?? '') : hostOf(upstream);
}

/** Returns a password or an identity token; undefined if both texts are empty. */
export function credentialOf(username: string, password: string): Password | IdentityToken | undefined {
  if (username === TOKEN_USER) return password === '' ? undefined : { identityToken: password };
  return username === '' && password === '' ? undefined : { username, password };
}

function secretOf(entry: Entry): Password | IdentityToken | 'unreadable' | undefined {
  const identityToken = entry.identitytoken ?? '';
  if (identityToken !== '') return { identityToken };
  const auth = entry.auth ?? '';
  if (auth === '') return credentialOf(entry.username ?? '', entry.password ?? '');
  // Old versions of docker padded the text with zero bytes.
  const plain = Buffer.from(auth, 'base64').toString('utf8').replaceAll('\0', '');
  const colon = plain.indexOf(':');
  return colon < 1 ? 'unreadable' : credentialOf(plain.slice(0, colon), plain.slice(colon + 1));
}

/** Looks for the exact name first, and then for the host alone, because some tools write a scheme or a path with it. */
function entryOf<Value>(
  entries: Readonly<Record<string, Value>>,
  upstream: Upstream,
): { readonly key: string; readonly value: Value } | undefined {
  const names = upstream === 'docker.io' ? DOCKER_HUB : [hostOf(upstream)];
  const list = Object.entries(entries);
  const [key, value] =
    names.map((name) => list.find(([one]) => one === name)).find((one) => one !== undefined) ??
    list.find(([one]) => names.includes(hostIn(one)) || names.includes(withoutHttpsPort(hostIn(one)))) ??
    [];
  return key === undefined || value === undefined ? undefined : { key, value };
}

function hostIn(key: string): string {
  const [host = ''] = key.replace(/^https?:\/\//i, '').split('/', 1);
  return host.toLowerCase();
}

/** `docker login ghcr.io:443` writes the port, which the upstream's name does not have. */
function withoutHttpsPort(host: string): string {
  return host.replace(/:443$/, '');
}

function refusal(file: string, key: string, message: string): ConfigurationError {
  return new ConfigurationError(file, [{ line: undefined, key, message }]);
}
