/** Reads regsync's settings of registries: `creds`, templates, and the rate limit. */
import { isObject, type JsonObject } from '../../core/json.ts';
import { NameInvalidError, hostOf, parseReference, parseUpstream, upstreamOf } from '../../core/reference.ts';
import type { Path } from '../configuration/path.ts';
import type { Draft, DraftUpstream } from './draft.ts';
import { listOf, textOf } from './foreign-file.ts';

/** Keys that have no equivalent in lifeboat.yaml, each with the reason or the next step. */
const LOST: ReadonlyMap<string, string> = new Map(
  Object.entries({
    clientCert: 'an upstream that asks for a client’s certificate cannot be mirrored.',
    clientKey: 'an upstream that asks for a client’s certificate cannot be mirrored.',
    credHelper: 'lifeboat.yaml has no key for a helper. See credentials in docs/configuration.md.',
    credHost: 'credentials belong to the upstream itself.',
    mirrors: 'an upstream is always asked itself, not a mirror of it.',
    pathPrefix: 'write the prefix into each source.',
    regcert: 'save it as a file, and name that file as the upstream’s ca.',
    repoAuth: 'credentials belong to a whole upstream, not to a repository.',
    token: 'lifeboat.yaml has no key for an identity token. See credentials in docs/configuration.md.',
  }),
);

/** The keys that are carried over, and those that only say how regsync works. */
const ACCEPTED_KEYS: ReadonlySet<string> = new Set([
  'registry',
  'hostname',
  'user',
  'pass',
  'tls',
  'scheme',
  'apiOpts',
  'blobChunk',
  'blobMax',
  'reqConcurrent',
  'reqPerSec',
]);

/** Translates a template that reads a variable; undefined for any other template. */
export function readTemplate(draft: Draft, text: string): string | undefined {
  const read = text.replaceAll(/\{\{-?\s*env\s+["`](\w+)["`]\s*-?\}\}/g, (_, name: string) =>
    draft.variable(name),
  );
  return read.includes('{{') ? undefined : read;
}

/** Reads credentials of upstreams. Those of targets are ignored, because the store takes the place of a target. */
export function readCredentials(
  draft: Draft,
  creds: unknown,
  limits: readonly { source: string; min: number; path: Path }[],
): void {
  const sources = new Set(draft.images.flatMap(({ value }) => upstreamIn(value.source) ?? []));
  const budgets = new Map<string, (typeof limits)[number]>();
  for (const limit of limits) {
    const host = upstreamIn(limit.source);
    if (host === undefined || !sources.has(host)) continue;
    if (limit.min > (budgets.get(host)?.min ?? 0)) budgets.set(host, limit);
  }
  for (const [index, entry] of listOf(creds).entries()) {
    const path = ['creds', index];
    if (!isObject(entry)) continue;
    const host = registryOf(draft, path, textOf(entry['registry']));
    if (host === undefined || !sources.has(host)) continue;
    const value = settingsOf(draft, path, host, entry);
    if (Object.keys(value).length > 0) draft.upstreams.push({ path, host, value });
  }
  for (const [host, { min, path }] of budgets) {
    draft.upstreams.push({ path, host, value: { budget: { keepRemaining: min } } });
  }
}

function settingsOf(draft: Draft, path: Path, host: string, entry: JsonObject): DraftUpstream['value'] {
  for (const [key, setting] of Object.entries(entry)) {
    if (!ACCEPTED_KEYS.has(key) && setting !== undefined)
      draft.lose([...path, key], LOST.get(key) ?? 'Lifeboat knows no such key of regsync.');
  }
  const hostname = textOf(entry['hostname']);
  if (hostname !== undefined && hostname !== textOf(entry['registry'])) {
    draft.lose([...path, 'hostname'], 'an upstream is reached at its own name.');
  }
  const tls = textOf(entry['tls']);
  if (tls === 'insecure') {
    draft.lose(
      [...path, 'tls'],
      'certificates are always verified: name the root’s file as the upstream’s ca.',
    );
  }
  const isPlain = tls === 'disabled' || textOf(entry['scheme']) === 'http';
  const [user, pass] = ['user', 'pass'].map((key) => textOf(entry[key]));
  const account =
    user === undefined || pass === undefined ? undefined : accountOf(draft, path, host, user, pass);
  return {
    ...(account !== undefined && { credentials: [account] }),
    ...(isPlain && { insecure: true }),
  };
}

function accountOf(
  draft: Draft,
  path: Path,
  host: string,
  user: string,
  pass: string,
): { username: string; password: string } | undefined {
  const [username, password] = [user, pass].map((text) => readTemplate(draft, text));
  if (username === undefined || password === undefined) {
    draft.lose(
      path,
      'Lifeboat cannot read the template in its user or pass. Write a variable, as in ${NAME}.',
    );
    return undefined;
  }
  return {
    username: draft.keepVariables(username),
    password: draft.password([...path, 'pass'], host, password),
  };
}

function registryOf(draft: Draft, path: Path, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    return hostNameOf(parseUpstream(text));
  } catch (error) {
    if (!(error instanceof NameInvalidError)) throw error;
    draft.lose([...path, 'registry'], error.message);
    return undefined;
  }
}

/**
 * Returns the host of a source, as lifeboat.yaml writes it; undefined for a layout, or a source that is no reference.
 */
function upstreamIn(source: string): string | undefined {
  if (source.startsWith('oci:')) return undefined;
  try {
    return hostNameOf(upstreamOf(parseReference(source).repository));
  } catch (error) {
    if (error instanceof NameInvalidError) return undefined;
    throw error;
  }
}

function hostNameOf(upstream: ReturnType<typeof parseUpstream>): string {
  return upstream === 'docker.io' ? upstream : hostOf(upstream);
}
