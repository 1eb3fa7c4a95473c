/**
 * The Worker's variables, read once. If one of them cannot be used, the answer to every request names it, and nothing is
 * served until it is corrected.
 */
import { AUDIENCES, type Audience } from '../../core/identity.ts';
import { NameInvalidError, isHostName, isPort, parseUpstream, type Upstream } from '../../core/reference.ts';
import { ConfigurationError } from './configuration-error.ts';
import { readStores, type StoreConfiguration } from './store-configuration.ts';
import { parseTokens, type Token } from './token.ts';
import { refuseMisspelt } from './variable-name.ts';
import { readBytes, readChoice, readDuration, readText, type Variables } from './variable.ts';

const BLOB_MODES = ['auto', 'redirect', 'stream'] as const;
const SWITCH = ['on', 'off'] as const;

export interface Configuration {
  /**
   * `AUDIENCE`: `public` (default) or `token`. Nothing is served unless the bucket's `lifeboat.json` says the same. With
   * `public`, everybody who can reach the edge can read everything in the bucket.
   */
  readonly audience: Audience;
  /** At least one, in the order in which they are read; see store-configuration.ts. */
  readonly stores: readonly StoreConfiguration[];
  /** `DEFAULT_UPSTREAM` (`docker.io`): the upstream of names that state none. */
  readonly defaultUpstream: Upstream;
  /** `HOSTS`: `docker.example.com=docker.io,quay.example.com=quay.io`: host names under which the edge serves one upstream. */
  readonly hosts: ReadonlyMap<string, Upstream>;
  /**
   * `BLOBS`: `redirect` sends clients to presigned URLs, each of which lets anybody read one object for 20 minutes;
   * `stream` sends the bytes through the edge; `auto` (default) streams blobs that are small or cannot be redirected.
   */
  readonly blobs: (typeof BLOB_MODES)[number];
  /** `STREAM_BELOW` (65536): with `BLOBS = auto`, smaller blobs are streamed, because a redirect takes longer. */
  readonly streamBelowBytes: number;
  /** `TAG_TTL` (`60s`): how long a tag is answered without a read of the store. */
  readonly tagTtlMs: number;
  /** `TAG_STALE` (`7d`): how old a tag may be that is answered while no store answers whose word is final. */
  readonly tagStaleMs: number;
  /** `STORE_FRESH` (`5s`): how long a store counts as live after an answer. */
  readonly storeFreshMs: number;
  /** `TAGS`: `off` answers digests only, for operators who let no mirror decide where a tag points. */
  readonly tags: boolean;
  /** `PAGES`: `off` answers registry requests and `/healthz` only: no page, no `/status.json`, no `/metrics`, no feed. */
  readonly pages: boolean;
  /** `CATALOG` (`default`): the names of the configurations whose repositories `/v2/_catalog` lists, and whose state pages show. */
  readonly catalogs: readonly string[];
  /**
   * `TOKENS`, a secret: who may read which repositories, with `AUDIENCE = token`. token.ts describes its form. It has only
   * the tokens' SHA-256, so that nobody who reads this variable can use them.
   */
  readonly tokens: readonly Token[];
  /**
   * `AUTH_CHALLENGE`: `none` (default), or `basic` for `docker login`. A challenge makes containerd send the
   * pod's pull secret for the *upstream* to this edge.
   */
  readonly challenge: 'none' | 'basic';
}

/** @throws {ConfigurationError} that names the first variable which cannot be used */
export function readConfiguration(variables: Variables): Configuration {
  refuseMisspelt(variables);
  const audience = readChoice(variables, 'AUDIENCE', AUDIENCES, 'public');
  const stores = readStores(variables);
  const blobs = readChoice(variables, 'BLOBS', BLOB_MODES, 'auto');
  if (blobs === 'redirect' && stores.some((store) => store.kind === 'r2' && store.publicUrl === undefined)) {
    throw new ConfigurationError(
      'BLOBS',
      'the bucket binding cannot sign URLs. Set S3_ENDPOINT and its keys, or PUBLIC_URL, or use "auto".',
    );
  }
  if (audience === 'token') {
    const open = stores.findIndex((store) => store.publicUrl !== undefined);
    if (open !== -1) {
      throw new ConfigurationError(
        open === 0 ? 'PUBLIC_URL' : `S3_${open + 1}_PUBLIC_URL`,
        'with AUDIENCE = token it would show private blobs to everybody who knows their digest.',
      );
    }
  }
  return {
    audience,
    stores,
    defaultUpstream: readUpstream('DEFAULT_UPSTREAM', readText(variables, 'DEFAULT_UPSTREAM') ?? 'docker.io'),
    hosts: readHosts(variables),
    blobs,
    streamBelowBytes: readBytes(variables, 'STREAM_BELOW', 65_536),
    tagTtlMs: readDuration(variables, 'TAG_TTL', '60s'),
    tagStaleMs: readDuration(variables, 'TAG_STALE', '7d'),
    storeFreshMs: readDuration(variables, 'STORE_FRESH', '5s'),
    tags: readChoice(variables, 'TAGS', SWITCH, 'on') === 'on',
    pages: readChoice(variables, 'PAGES', SWITCH, 'on') === 'on',
    catalogs: readCatalogs(variables),
    tokens: readTokens(variables, audience),
    challenge: readChallenge(variables, audience),
  };
}

function readUpstream(variable: string, text: string): Upstream {
  try {
    return parseUpstream(text);
  } catch (error) {
    if (error instanceof NameInvalidError) throw new ConfigurationError(variable, error.message);
    throw error;
  }
}

function readHosts(variables: Variables): ReadonlyMap<string, Upstream> {
  const hosts = new Map<string, Upstream>();
  for (const pair of listOf(readText(variables, 'HOSTS'))) {
    const [host = '', upstream = '', ...rest] = pair.split('=').map((part) => part.trim().toLowerCase());
    if (host === '' || upstream === '' || rest.length > 0) {
      throw new ConfigurationError('HOSTS', `"${pair}" is not of the form host=upstream.`);
    }
    if (!isRequestHost(host)) {
      throw new ConfigurationError(
        'HOSTS',
        `"${host}" is not a host name, with ":" and a port (1 to 65535) where it has one.`,
      );
    }
    if (hosts.has(host)) throw new ConfigurationError('HOSTS', `it names ${host} twice.`);
    hosts.set(host, readUpstream('HOSTS', upstream));
  }
  return hosts;
}

/** Whether a request can have this host. The port has no leading zero, because a port in a URL has none. */
function isRequestHost(text: string): boolean {
  const [, host = '', port] = /^([^:]*)(?::([1-9]\d*))?$/.exec(text) ?? [];
  return isHostName(host) && (port === undefined || isPort(port));
}

function readCatalogs(variables: Variables): readonly string[] {
  const names = listOf(readText(variables, 'CATALOG') ?? 'default');
  const bad = names.find((name) => !/^[a-z0-9](?:[a-z0-9._-]{0,62})$/.test(name));
  if (bad !== undefined) throw new ConfigurationError('CATALOG', `"${bad}" is not a configuration's name.`);
  return names;
}

function readTokens(variables: Variables, audience: Audience): readonly Token[] {
  const text = readText(variables, 'TOKENS');
  if (audience === 'public') {
    if (text === undefined) return [];
    throw new ConfigurationError('TOKENS', 'AUDIENCE is public, so tokens would protect nothing.');
  }
  const tokens = parseTokens('TOKENS', text ?? '');
  if (tokens.length === 0) {
    throw new ConfigurationError('TOKENS', 'it holds no token, and AUDIENCE = token lets nobody else in.');
  }
  return tokens;
}

function readChallenge(variables: Variables, audience: Audience): Configuration['challenge'] {
  const challenge = readChoice(variables, 'AUTH_CHALLENGE', ['none', 'basic'], 'none');
  if (challenge === 'basic' && audience === 'public') {
    throw new ConfigurationError('AUTH_CHALLENGE', 'AUDIENCE is public, so nobody is asked for a login.');
  }
  return challenge;
}

function listOf(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
