/**
 * Names of images: the repository with its upstream, and a tag or a digest.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
 */
import { isDigest, type Digest } from './digest.ts';

declare const repositoryBrand: unique symbol;
declare const tagBrand: unique symbol;
declare const upstreamBrand: unique symbol;

/** `<upstream>/<path>`, checked and normalised, as in `docker.io/library/nginx`. */
export type Repository = string & { readonly [repositoryBrand]: 'Repository' };

/** 1 to 128 characters: a word character, then word characters, dots and hyphens. */
export type Tag = string & { readonly [tagBrand]: 'Tag' };

/** A registry's host, lower-cased, its port written `_5000`: the first segment of a repository. */
export type Upstream = string & { readonly [upstreamBrand]: 'Upstream' };

export interface Reference {
  readonly repository: Repository;
  readonly tag: Tag | undefined;
  readonly digest: Digest | undefined;
}

/** A name breaks the rules. The message quotes the name and says which rule. */
export class NameInvalidError extends Error {
  override readonly name = 'NameInvalidError';
  readonly text: string;

  constructor(text: string, reason: string) {
    super(`"${text.slice(0, 300)}" is not a valid name: ${reason}`);
    this.text = text;
  }
}

export const DOCKER_HUB = 'docker.io' as Upstream;

/** `ghcr.io:443` and `ghcr.io` are one registry, because requests to an upstream use https unless it is `insecure`. */
const HTTPS_PORT = 443;

const HUB_ALIASES: ReadonlySet<string> = new Set(['index.docker.io', 'registry-1.docker.io']);

/** Clients commonly limit registry and name together to this. It also keeps every key under 1,024 bytes. In characters. */
const MAX_NAME_LENGTH = 255;

const TAG = /^\w[\w.-]{0,127}$/;
/** A component of a path, from the specification. It never starts with `_`, so it cannot collide with the layout's names. */
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
/** It allows upper case, because lower-casing the text first would turn other letters (the Kelvin sign) into these. */
const HOST_LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

/** Whether the text can stand between two slashes of a repository's path. */
export function isPathComponent(text: string): boolean {
  return COMPONENT.test(text);
}

export function isTag(text: string): text is Tag {
  return TAG.test(text);
}

/** @throws {NameInvalidError} */
export function parseTag(text: string): Tag {
  if (!isTag(text)) {
    throw new NameInvalidError(
      text,
      'a tag is 1 to 128 letters, digits, "_", "." and "-", and does not start with "." or "-".',
    );
  }
  return text;
}

/**
 * Whether the first segment of a name is an upstream: it contains a dot, ends in `_<port>`, or is `localhost`. Any other
 * segment belongs to the path.
 */
export function looksLikeUpstream(segment: string): boolean {
  return segment.includes('.') || /_\d+$/.test(segment) || segment.toLowerCase() === 'localhost';
}

/**
 * Normalises a registry's host: lower case, `host:5000` as `host_5000`, `host:443` as `host`, Docker Hub's aliases
 * as `docker.io`. `host:80` stays another registry: a name has no scheme, and for https 80 is a port like any other.
 * @throws {NameInvalidError} for a text that is not a host name, for a host that would count as a part of the path
 *   (`registry`, without a port), and for IPv6 literals, which no name can contain
 */
export function parseUpstream(text: string): Upstream {
  if (text.includes('[') || (text.match(/:/g)?.length ?? 0) > 1) {
    throw new NameInvalidError(text, 'IPv6 literals cannot be part of an image name; use a host name.');
  }
  const [, host = '', port] = /^([^:_]*)(?:[:_](\d+))?$/.exec(text) ?? [];
  if (!isHostName(host)) {
    throw new NameInvalidError(text, 'a registry is a host name, with ":" or "_" and a port if it has one.');
  }
  if (port !== undefined && !isPort(port)) {
    throw new NameInvalidError(text, `${port} is not a port (1 to 65535).`);
  }
  const name = host.toLowerCase();
  // `registry:443` keeps its port: without it, `registry` would be read as a part of the path.
  if (port !== undefined && (Number(port) !== HTTPS_PORT || !looksLikeUpstream(name))) {
    return `${name}_${Number(port)}` as Upstream;
  }
  if (!looksLikeUpstream(name)) {
    throw new NameInvalidError(
      text,
      `a registry's host contains a ".", has a port, or is "localhost"; anything else is read as a part of the path.`,
    );
  }
  return HUB_ALIASES.has(name) ? DOCKER_HUB : (name as Upstream);
}

/** Whether the text is a host name of the DNS, or an IPv4 address. */
export function isHostName(text: string): boolean {
  return text.length <= 253 && text.split('.').every((label) => HOST_LABEL.test(label));
}

/** @param digits a text of digits only */
export function isPort(digits: string): boolean {
  return Number(digits) >= 1 && Number(digits) <= 65_535;
}

/** The address of an upstream's API, without scheme: `host` or `host:port`. Docker Hub's API has a host of its own. */
export function hostOf(upstream: Upstream): string {
  return upstream === DOCKER_HUB ? 'registry-1.docker.io' : formatUpstream(upstream);
}

/** Writes an upstream as messages and the configuration do, with its port after a colon. */
export function formatUpstream(upstream: Upstream): string {
  return upstream.replace(/_(\d+)$/, ':$1');
}

export function upstreamOf(repository: Repository): Upstream {
  return repository.slice(0, repository.indexOf('/')) as Upstream;
}

/** The repository's name without its upstream: `library/nginx` for `docker.io/library/nginx`. */
export function pathOf(repository: Repository): string {
  return repository.slice(repository.indexOf('/') + 1);
}

/**
 * Joins an upstream and a path. A path of one part on Docker Hub gets `library/`.
 * @throws {NameInvalidError}
 */
export function repositoryOf(upstream: Upstream, path: string): Repository {
  const full = upstream === DOCKER_HUB && path !== '' && !path.includes('/') ? `library/${path}` : path;
  for (const component of full.split('/')) {
    if (!isPathComponent(component)) {
      throw new NameInvalidError(
        `${upstream}/${path}`,
        component === ''
          ? 'a part of the path is empty.'
          : `"${component.slice(0, 100)}" is not a path component (lower-case letters and digits, with single ".", "_", "__" or hyphens between them).`,
      );
    }
  }
  const name = `${upstream}/${full}`;
  if (name.length > MAX_NAME_LENGTH) {
    throw new NameInvalidError(
      name,
      `it is ${name.length} characters long, and ${MAX_NAME_LENGTH} is the most that clients accept.`,
    );
  }
  return name as Repository;
}

/**
 * A repository of an upstream that the request states by `?ns=`, or by a host name that stands for the upstream. The
 * first segment is removed only if it repeats that upstream, because a path may begin with a segment that looks like a
 * host: `google.com/cloudsdktool/x` on gcr.io, and GitLab's groups with a dot.
 * @throws {NameInvalidError}
 */
export function repositoryWithin(upstream: Upstream, name: string): Repository {
  const slash = name.indexOf('/');
  const isRepeated = slash !== -1 && namesUpstream(name.slice(0, slash), upstream);
  return repositoryOf(upstream, isRepeated ? name.slice(slash + 1) : name);
}

function namesUpstream(segment: string, upstream: Upstream): boolean {
  if (segment === upstream) return true;
  if (!segment.includes(':') && !looksLikeUpstream(segment)) return false;
  try {
    return parseUpstream(segment) === upstream;
  } catch (error) {
    if (error instanceof NameInvalidError) return false;
    throw error;
  }
}

/**
 * Parses a full name, or a name of the default upstream if its first segment is not an upstream.
 * @throws {NameInvalidError}
 */
export function parseRepository(name: string, defaultUpstream: Upstream = DOCKER_HUB): Repository {
  const slash = name.indexOf('/');
  const first = slash === -1 ? '' : name.slice(0, slash);
  if (first.includes('[') || first.includes(':') || looksLikeUpstream(first)) {
    return repositoryOf(parseUpstream(first), name.slice(slash + 1));
  }
  return repositoryOf(defaultUpstream, name);
}

/**
 * Parses `[host[:port]/]path[:tag][@digest]`, as people type it. It adds no tag: a text without tag and digest becomes a
 * reference without them.
 * @throws {NameInvalidError}
 */
export function parseReference(text: string, defaultUpstream: Upstream = DOCKER_HUB): Reference {
  const [scheme] = /^[a-z][a-z0-9+-]*:\/\//i.exec(text) ?? [];
  if (scheme !== undefined) {
    throw new NameInvalidError(
      text,
      `leave out "${scheme}": an image is a host and a path, as in docker.io/library/alpine.`,
    );
  }
  const at = text.indexOf('@');
  const digest = at === -1 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !isDigest(digest)) {
    throw new NameInvalidError(text, `"${digest.slice(0, 200)}" after "@" is not a sha256 or sha512 digest.`);
  }
  const named = at === -1 ? text : text.slice(0, at);
  const colon = named.lastIndexOf(':');
  const hasTag = colon > named.lastIndexOf('/');
  return {
    repository: parseRepository(hasTag ? named.slice(0, colon) : named, defaultUpstream),
    tag: hasTag ? parseTag(named.slice(colon + 1)) : undefined,
    digest,
  };
}

/** Writes a reference as messages, reports and commands do. */
export function formatReference(reference: Reference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${reference.repository.replace(/^([^/]*)_(\d+)\//, '$1:$2/')}${tag}${digest}`;
}
