/** Interprets `notify`: who is told what about runs, and in which form. docs/notifications.md */
import { resolve } from 'node:path';
import { fromBase64 } from '../../core/base64.ts';
import type { NotifyEvent, NotifyTarget, PingUrls } from './configuration.ts';
import type { Path } from './path.ts';
import type { Problems } from './problems.ts';
import type { NotifyFile } from './schema.ts';

const DEFAULT_EVENTS: readonly NotifyEvent[] = ['failed', 'finding', 'stale', 'held'];
const DEFAULT_STALE_MS = 24 * 3_600_000;
/** The length of a signing secret in bytes, as the specification of Standard Webhooks has it. */
const [MIN_SECRET_BYTES, MAX_SECRET_BYTES] = [24, 64];
export const SECRET_PREFIX = 'whsec_';

const SECRET_RULE = `it must be ${SECRET_PREFIX} followed by the base64 of ${MIN_SECRET_BYTES} to ${MAX_SECRET_BYTES} bytes, as Standard Webhooks has it. This makes one: echo ${SECRET_PREFIX}$(openssl rand -base64 32)`;
const HTTPS_RULE =
  'it must be https. Plain http is only for this machine and private networks: localhost, a private IP address, a name without a dot, or one that ends in .internal, .local, .svc or .localhost.';

/** @param folder the folder against which `ca` is resolved */
export function interpretNotify(
  entries: readonly NotifyFile[],
  folder: string,
  lineOf: (path: Path) => number | undefined,
  problems: Problems,
): readonly NotifyTarget[] {
  return entries.flatMap((entry, index) => {
    const path = ['notify', index];
    const { url, on = DEFAULT_EVENTS, format = 'json', secret, ping, staleAfter, ca } = entry;
    if (url === undefined && ping === undefined) {
      problems.add(path, 'it has neither a url for messages nor a ping.');
      return [];
    }
    checkUrl(url, [...path, 'url'], problems);
    if (url === undefined) refuseWithoutUrl(entry, path, problems);
    if (secret !== undefined && !isSecret(secret)) problems.add([...path, 'secret'], SECRET_RULE);
    const staleMs =
      staleAfter === undefined ? undefined : problems.duration(staleAfter, [...path, 'staleAfter']);
    if (staleMs !== undefined && staleMs <= 0)
      problems.add([...path, 'staleAfter'], 'it must be more than 0.');
    const pings = interpretPing(ping, [...path, 'ping'], problems);
    return {
      name: `notify[${index}] (${hostOf(url ?? pings.success ?? pings.fail ?? pings.start)})`,
      url,
      on: new Set(on),
      format,
      secret,
      ping: pings,
      staleAfterMs: staleMs ?? DEFAULT_STALE_MS,
      ca: ca === undefined ? undefined : resolve(folder, ca),
      line: lineOf(path),
      key: `notify[${index}]`,
    };
  });
}

function interpretPing(ping: NotifyFile['ping'], path: Path, problems: Problems): PingUrls {
  if (ping === undefined) return {};
  if (typeof ping !== 'string') {
    for (const [key, url] of Object.entries(ping)) checkUrl(url, [...path, key], problems);
    if (Object.keys(ping).length === 0) problems.add(path, 'it has no address: start, success or fail.');
    return ping;
  }
  if (!checkUrl(ping, path, problems)) return {};
  return { start: below(ping, 'start'), success: ping, fail: below(ping, 'fail') };
}

/** @returns the address of healthchecks.io for another signal of the same check */
function below(base: string, signal: string): string {
  const url = new URL(base);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/${signal}`;
  return url.href;
}

function refuseWithoutUrl(
  { on, format, secret, staleAfter }: NotifyFile,
  path: Path,
  problems: Problems,
): void {
  for (const [key, value] of Object.entries({ on, format, secret, staleAfter })) {
    if (value !== undefined) {
      problems.add([...path, key], 'it is for messages, and this entry has no url for them. Leave it out.');
    }
  }
}

/** @returns whether it can be used. The messages quote nothing, because an address may be a secret itself */
function checkUrl(text: string | undefined, path: Path, problems: Problems): boolean {
  const url = text === undefined ? null : URL.parse(text);
  if (url === null) return false;
  const before = problems.list.length;
  if (url.username !== '' || url.password !== '') {
    problems.add(path, 'it must have no user and no password, because no login is sent.');
  }
  if (url.hash !== '') problems.add(path, 'it must have no part after a #, because no server gets that.');
  if (url.protocol !== 'https:' && !isPrivate(url.hostname)) problems.add(path, HTTPS_RULE);
  return problems.list.length === before;
}

const PRIVATE_NAME = /^(?:[^.]+|.+\.(?:internal|local|svc|localhost))$/;
/** Addresses of this machine and of RFC 1918. `URL` has normalised the address. */
const PRIVATE_IPV4 = /^(?:127|10|192\.168|172\.(?:1[6-9]|2\d|3[01]))\./;
/** The address of this machine, and unique local addresses (RFC 4193). */
const PRIVATE_IPV6 = /^\[(?:::1\]|f[cd][0-9a-f]{2}:)/;

/** Whether nobody on the internet stands between the job and a host, as far as the host's name tells. */
function isPrivate(hostname: string): boolean {
  if (hostname.startsWith('[')) return PRIVATE_IPV6.test(hostname);
  if (/^\d+(?:\.\d+){3}$/.test(hostname)) return PRIVATE_IPV4.test(hostname);
  return PRIVATE_NAME.test(hostname);
}

function isSecret(text: string): boolean {
  if (!text.startsWith(SECRET_PREFIX)) return false;
  try {
    const { length } = fromBase64(text.slice(SECRET_PREFIX.length));
    return length >= MIN_SECRET_BYTES && length <= MAX_SECRET_BYTES;
  } catch {
    return false;
  }
}

function hostOf(url: string | undefined): string {
  return URL.parse(url ?? '')?.host ?? 'no address';
}
